"""Where an atom stands: inside the particle, inside the support, or at the interface of the two."""

from __future__ import annotations

from typing import Final

import numpy as np
from ase import Atoms
from numpy.typing import NDArray
from scipy.spatial import cKDTree

PARTICLE: Final = "particle"
INTERFACE: Final = "interface"
SUPPORT: Final = "support"
ENVIRONMENTS: Final = (PARTICLE, INTERFACE, SUPPORT)
#: An atom of one body with an atom of the other within this distance is at the interface: first neighbours of
#: gold on an oxide (2.1 to 3.2 Å) and on hBN or graphite (3.3 to 3.6 Å).
INTERFACE_CUTOFF_A: Final = 4.0


def environments(atoms: Atoms, cutoff_A: float = INTERFACE_CUTOFF_A) -> NDArray[np.str_]:
    """Return each atom's environment.

    Parameters
    ----------
    atoms : Atoms
        With the integer array ``body``: 0 support, 1 particle. Without it all is particle.
    cutoff_A : float
        Distance to the nearest atom of the other body below which an atom is at the interface.

    Returns
    -------
    ndarray of str, shape (N,)
        ``particle``, ``interface`` or ``support``.
    """
    body = atoms.arrays.get("body", np.ones(len(atoms), dtype=int))
    return environments_of(atoms.positions, atoms.cell.array, atoms.pbc, body, cutoff_A)


def environments_of(
    positions_A: NDArray[np.float64],
    cell_A: NDArray[np.float64],
    pbc: NDArray[np.bool_],
    body: NDArray[np.int_],
    cutoff_A: float = INTERFACE_CUTOFF_A,
) -> NDArray[np.str_]:
    """Return each atom's environment from plain arrays; see `environments`.

    Parameters
    ----------
    positions_A : ndarray of float, shape (N, 3)
    cell_A : ndarray of float, shape (3, 3)
    pbc : ndarray of bool, shape (3,)
    body : ndarray of int, shape (N,)
    cutoff_A : float
    """
    found = np.where(body == 1, PARTICLE, SUPPORT).astype("<U9")
    particle, support = np.flatnonzero(body == 1), np.flatnonzero(body != 1)
    if not len(particle) or not len(support):
        return found
    for one, other in ((particle, support), (support, particle)):
        images, _ = periodic_images(positions_A, cell_A, pbc, cutoff_A, other)
        inside = wrapped(positions_A[one], cell_A, pbc)
        near, _ = cKDTree(images).query(inside, distance_upper_bound=cutoff_A)
        found[one[np.isfinite(near)]] = INTERFACE
    return found


def wrapped(
    positions_A: NDArray[np.float64], cell_A: NDArray[np.float64], pbc: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return positions moved into the cell along its periodic directions."""
    pbc = np.asarray(pbc, dtype=bool)
    if not pbc.any():
        return positions_A
    fractional = np.linalg.solve(cell_A.T, positions_A.T).T
    return positions_A - (np.floor(fractional) * pbc) @ cell_A


def periodic_images(
    positions_A: NDArray[np.float64],
    cell_A: NDArray[np.float64],
    pbc: NDArray[np.bool_],
    reach_A: float,
    chosen: NDArray[np.int_] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.int_]]:
    """Return atoms wrapped into the cell, with all their periodic images within a distance of it.

    Parameters
    ----------
    positions_A : ndarray of float, shape (N, 3)
    cell_A : ndarray of float, shape (3, 3)
    pbc : ndarray of bool, shape (3,)
    reach_A : float
        How far outside the cell images are needed.
    chosen : ndarray of int, optional
        The atoms wanted; all by default.

    Returns
    -------
    positions_A : ndarray of float, shape (M, 3)
        The wrapped atoms first, in order, then images.
    index : ndarray of int, shape (M,)
        Which atom each is.
    """
    index = np.arange(len(positions_A)) if chosen is None else chosen
    inside = wrapped(positions_A[index], cell_A, pbc)
    if not np.any(pbc):
        return inside, index
    fractional = np.linalg.solve(cell_A.T, inside.T).T
    heights = 1.0 / np.linalg.norm(np.linalg.inv(cell_A), axis=0)
    points, owners = [inside], [index]
    reach = [
        int(np.ceil(reach_A / height)) if periodic else 0
        for height, periodic in zip(heights, pbc, strict=True)
    ]
    for shift in np.ndindex(*(2 * n + 1 for n in reach)):
        offset = np.array(shift) - reach
        if not offset.any():
            continue
        moved = fractional + offset
        margin = reach_A / heights
        near = (((moved > -margin) & (moved < 1.0 + margin)) | ~np.asarray(pbc, dtype=bool)).all(axis=1)
        points.append(inside[near] + offset @ cell_A)
        owners.append(index[near])
    return np.concatenate(points), np.concatenate(owners)
