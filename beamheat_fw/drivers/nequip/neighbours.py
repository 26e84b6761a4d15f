"""Neighbours of a batch of frames, with a Verlet skin."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from beamheat_fw.drivers.nequip.frames import Frames
from beamheat_fw.errors import CalculationError


@dataclass(frozen=True, eq=False)
class Edges:
    """Ordered pairs of atoms within the cutoff; every pair stands in it both ways.

    Attributes
    ----------
    index : (2, E) int64 array
        The atom and its neighbour.
    shifts_A : (E, 3) float64 array
        From the neighbour to the image of it that is near: a sum of cell vectors.
    positions_A : (N, 3) float64 array
        Of the atoms.
    """

    index: NDArray[np.int64]
    shifts_A: NDArray[np.float64]
    positions_A: NDArray[np.float64]

    @cached_property
    def vectors_A(self) -> NDArray[np.float64]:
        """(E, 3) array: from the atom to the image of its neighbour."""
        return _vectors_A(self.positions_A, self.index, self.shifts_A)


class NeighbourList:
    """Finds the pairs closer than `r_max_A`, searching anew only when an atom has moved far enough.

    A search takes in `skin_A` more than the cutoff; until an atom has moved by half of it, no pair can
    have come inside unseen (Verlet, Phys. Rev. 159, 98 (1967)), and none that was as much closer than the
    cutoff can have left: only those in between are measured at every call.

    Parameters
    ----------
    frames : Frames
    r_max_A : float
        The cutoff in Å.
    skin_A : float
        The skin in Å; 0 searches at every call.

    Attributes
    ----------
    searches : int
        How often the pairs were searched for.
    """

    def __init__(self, frames: Frames, r_max_A: float, skin_A: float = 0.5) -> None:
        self.frames = frames
        self.r_max_A = r_max_A
        self.skin_A = skin_A
        self.searches = 0
        self._searched_at: NDArray[np.float64] | None = None

    def edges(self, positions: NDArray[np.float64]) -> Edges:
        """Return the pairs within the cutoff.

        Parameters
        ----------
        positions : (N, 3) float64 array
            In Å; need not be wrapped into the cell.

        Raises
        ------
        CalculationError
            A position is not a finite number.
        """
        if self._has_moved_too_far(positions):
            self._search(positions)
        vectors = _vectors_A(positions, *self._unsure)
        self._near[self._which_unsure] = _squares_A2(vectors) < self.r_max_A**2
        near = np.flatnonzero(self._near)
        return Edges(self._index.take(near, axis=1), self._shifts_A.take(near, axis=0), positions)

    def _has_moved_too_far(self, positions: NDArray[np.float64]) -> bool:
        if self._searched_at is None or self.skin_A <= 0.0:
            return True
        furthest_A2 = _squares_A2(positions - self._searched_at).max()
        # Not "greater": a NaN compares false and must lead to a search, which refuses it.
        return not furthest_A2 <= (0.5 * self.skin_A) ** 2

    def _search(self, positions: NDArray[np.float64]) -> None:
        if not np.isfinite(positions).all():
            atom = int(np.flatnonzero(~np.isfinite(positions).all(axis=1))[0])
            raise CalculationError(
                "An atom's position is not a finite number",
                "The trajectory has blown up: lower the time step, or train on this region first.",
                {"atom": atom, "frame": int(self.frames.frame_of_atom[atom])},
            )
        offsets = self.frames.offsets
        found = [
            _pairs(positions[first:last], cell, pbc, self.r_max_A + self.skin_A)
            for first, last, cell, pbc in zip(
                offsets[:-1], offsets[1:], self.frames.cells, self.frames.pbc, strict=True
            )
        ]
        self._index = np.concatenate(
            [pairs + first for (pairs, _), first in zip(found, offsets, strict=False)], 1
        )
        self._shifts_A = np.concatenate(
            [shifts @ cell for (_, shifts), cell in zip(found, self.frames.cells, strict=True)]
        )
        self._set_unsure(positions)
        self._searched_at = positions.copy()
        self.searches += 1

    def _set_unsure(self, positions: NDArray[np.float64]) -> None:
        """Set which pairs are measured until the next search; all others stay near."""
        vectors = _vectors_A(positions, self._index, self._shifts_A)
        self._near = _squares_A2(vectors) < max(0.0, self.r_max_A - self.skin_A) ** 2
        self._which_unsure = np.flatnonzero(~self._near)
        self._unsure = (
            self._index.take(self._which_unsure, axis=1),
            self._shifts_A.take(self._which_unsure, axis=0),
        )


def _vectors_A(
    positions: NDArray[np.float64], index: NDArray[np.int64], shifts_A: NDArray[np.float64]
) -> NDArray[np.float64]:
    # `take` is several times as fast as indexing; this is done at every step.
    vectors = positions.take(index[1], axis=0)
    vectors -= positions.take(index[0], axis=0)
    vectors += shifts_A
    return vectors


def _squares_A2(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    # Of rows this short `einsum` takes three times as long.
    x, y, z = (vectors * vectors).T
    return x + y + z


def _pairs(
    positions: NDArray[np.float64], cell: NDArray[np.float64], pbc: NDArray[np.bool_], cutoff_A: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    import vesin

    search = vesin.NeighborList(cutoff=cutoff_A, full_list=True, sorted=True)
    first, second, shifts = search.compute(positions, cell, [bool(p) for p in pbc], "ijS")
    return np.stack([first, second]).astype(np.int64), shifts.astype(float)
