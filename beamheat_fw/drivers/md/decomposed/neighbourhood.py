"""Finds the edges of a rank's own atoms, and the atoms of others at their far ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Neighbourhood:
    """The edges of n own atoms; nodes are those, then G ghosts: atoms of other ranks, each once.

    A ghost stands for all its periodic images, which differ by the edges' shifts alone; so does an own atom.

    Attributes
    ----------
    ghosts : ndarray of int, shape (G,)
        Their numbers in the system, ordered by owner and number.
    first, second : ndarray of int, shape (E,)
        Nodes; `first` is an own atom.
    shifts_A : ndarray, shape (E, 3)
        What to add to the second node's position for the image that is meant.
    """

    ghosts: np.ndarray
    first: np.ndarray
    second: np.ndarray
    shifts_A: np.ndarray


@dataclass(frozen=True, eq=False)
class Surroundings:
    """All atoms of a system at one moment, as the search for edges needs them.

    Attributes
    ----------
    positions_A : ndarray, shape (N, 3)
    owners : ndarray of int, shape (N,)
        The rank of each atom.
    cell_A : ndarray, shape (3, 3)
        Three independent vectors.
    pbc : ndarray of bool, shape (3,)
    """

    positions_A: np.ndarray
    owners: np.ndarray
    cell_A: np.ndarray
    pbc: np.ndarray


def neighbourhood(around: Surroundings, rank: int, reach_A: float) -> Neighbourhood:
    """Find the edges shorter than `reach_A` of the atoms that `rank` owns."""
    own = np.flatnonzero(around.owners == rank)
    near = _within_reach(around, own, reach_A)
    first, second, shifts = _pairs(around, near, reach_A)
    mine = around.owners[first] == rank
    first, second, shifts = first[mine], second[mine], shifts[mine]
    ghosts = np.unique(second[around.owners[second] != rank])
    ghosts = ghosts[np.argsort(around.owners[ghosts], kind="stable")]
    node = np.full(len(around.owners), -1)
    node[own] = np.arange(own.size)
    node[ghosts] = own.size + np.arange(ghosts.size)
    return Neighbourhood(ghosts, node[first], node[second], shifts @ around.cell_A)


def _pairs(
    around: Surroundings, near: np.ndarray, reach_A: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    import vesin

    if not near.size:
        return np.empty(0, int), np.empty(0, int), np.empty((0, 3))
    search = vesin.NeighborList(cutoff=reach_A, full_list=True, sorted=True)
    pbc = [bool(periodic) for periodic in around.pbc]
    first, second, shifts = search.compute(around.positions_A[near], around.cell_A, pbc, "ijS")
    return near[first.astype(np.int64)], near[second.astype(np.int64)], shifts.astype(float)


def _within_reach(around: Surroundings, own: np.ndarray, reach_A: float) -> np.ndarray:
    """Return the atoms that may lie within reach of an own atom, ascending: those near the own ones' box."""
    if not own.size:
        return own
    inverse = np.linalg.inv(around.cell_A)
    reach = reach_A * np.linalg.norm(inverse, axis=0)
    near = np.ones(len(around.owners), dtype=bool)
    for axis in range(3):
        along = around.positions_A @ inverse[:, axis]
        if around.pbc[axis]:
            start, width = _arc(along[own])
            near &= (along - start + reach[axis]) % 1.0 <= width + 2.0 * reach[axis]
        else:
            near &= (along >= along[own].min() - reach[axis]) & (along <= along[own].max() + reach[axis])
    return np.flatnonzero(near)


def _arc(along: np.ndarray) -> tuple[float, float]:
    """Return start and width of the shortest arc of a circle of length 1 that holds all points."""
    points = np.sort(along % 1.0)
    gaps = np.diff(points, append=points[0] + 1.0)
    widest = int(np.argmax(gaps))
    return float(points[(widest + 1) % len(points)]), float(1.0 - gaps[widest])
