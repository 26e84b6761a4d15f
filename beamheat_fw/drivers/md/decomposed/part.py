"""A rank's share with its ghosts and edges: built where the atoms are, used until they have moved too far."""

from __future__ import annotations

import numpy as np

from beamheat_fw.drivers.md.decomposed.exchange import GhostExchange
from beamheat_fw.drivers.md.decomposed.graph import PartGraph, PartModel
from beamheat_fw.drivers.md.decomposed.neighbourhood import Surroundings, neighbourhood
from beamheat_fw.drivers.md.decomposed.share import Share
from beamheat_fw.errors import CalculationError


class Part:
    """The edges of a share's atoms, and what crosses its borders; making one is collective.

    Parameters
    ----------
    share : Share
    positions_A : ndarray, shape (n, 3)
        Where its atoms are; need not be wrapped into the cell.
    model : PartModel
        Gives cutoff and types.
    skin_A : float
        How far beyond the cutoff edges are listed.

    Attributes
    ----------
    exchange : GhostExchange
    built_at_A : ndarray, shape (n, 3)

    Raises
    ------
    CalculationError
        A position is not a finite number.
    InputError
        An element that the potential does not know.
    """

    def __init__(self, share: Share, positions_A: np.ndarray, model: PartModel, skin_A: float) -> None:
        self._share = share
        self._r_max_A = model.r_max_A
        self._skin_A = skin_A
        self.built_at_A = positions_A.copy()
        around = _surroundings(share, positions_A)
        found = neighbourhood(around, share.ranks.rank, model.r_max_A + skin_A)
        self._index = np.stack([found.first, found.second])
        self._shifts_A = found.shifts_A
        self.exchange = GhostExchange(share.ranks, share.ids, found.ghosts, around.owners)
        nodes = np.concatenate([share.ids, found.ghosts])
        self._types = model.types_of(share.templates[0].numbers[nodes])

    @property
    def ghosts(self) -> int:
        """How many atoms of other ranks stand at the far ends of edges."""
        return self.exchange.ntotal - self.exchange.nlocal

    @property
    def edges_of_atoms(self) -> np.ndarray:
        """The listed edges of each own atom, which its work goes with; shape (n,)."""
        return np.bincount(self._index[0], minlength=self.exchange.nlocal)

    def is_stale(self, positions_A: np.ndarray) -> bool:
        """Tell whether any rank's atom has moved by more than half the skin since this was built."""
        moved = positions_A - self.built_at_A
        squares = np.einsum("ij,ij->i", moved, moved)
        furthest = self._share.largest_per_frame(np.where(np.isfinite(squares), squares, np.inf))[0]
        return not furthest <= (0.5 * self._skin_A) ** 2

    def graph(self, positions_A: np.ndarray) -> PartGraph:
        """Return the edges within the cutoff for positions of shape (n, 3); collective."""
        nodes = np.empty((self.exchange.ntotal, 3))
        nodes[: self.exchange.nlocal] = positions_A
        self.exchange.fill(nodes)
        vectors = np.take(nodes, self._index[1], axis=0)
        vectors -= np.take(nodes, self._index[0], axis=0)
        vectors += self._shifts_A
        near = np.flatnonzero(np.einsum("ij,ij->i", vectors, vectors) < self._r_max_A**2)
        return PartGraph(
            np.take(vectors, near, axis=0), np.take(self._index, near, axis=1), self._types, self.exchange
        )

    def forces(self, graph: PartGraph, slopes_eV_A: np.ndarray) -> np.ndarray:
        """Return the own atoms' forces, shape (n, 3), from the slopes of all ranks' edges; collective."""
        # An edge's vector is x_neighbour - x_atom, so its slope pushes the atom and pulls the neighbour.
        nodes = np.empty((self.exchange.ntotal, 3))
        for axis in range(3):
            slopes = slopes_eV_A[:, axis]
            nodes[:, axis] = np.bincount(graph.index[0], slopes, self.exchange.ntotal)
            nodes[:, axis] -= np.bincount(graph.index[1], slopes, self.exchange.ntotal)
        self.exchange.give_back(nodes)
        return nodes[: self.exchange.nlocal]


def _surroundings(share: Share, positions_A: np.ndarray) -> Surroundings:
    template = share.templates[0]
    whole_A = share.ranks.whole(share.ids, positions_A)
    lost = np.flatnonzero(~np.isfinite(whole_A).all(axis=1))
    if lost.size:
        raise CalculationError(
            "An atom's position is not a finite number",
            "The trajectory has blown up: lower the time step, or train on this region first.",
            {"atom": int(lost[0])},
        )
    owners = share.ranks.whole(share.ids, np.full(share.ids.size, share.ranks.rank))
    return Surroundings(whole_A, owners, template.cell.complete().array, template.pbc)
