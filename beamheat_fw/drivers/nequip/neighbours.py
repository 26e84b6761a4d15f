"""Neighbours of a batch of frames, with a Verlet skin."""

from __future__ import annotations

from dataclasses import dataclass

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
    vectors_A : (E, 3) float64 array
        From the atom to an image of its neighbour.
    shifts_A : (E, 3) float64 array
        From the neighbour to that image: a sum of cell vectors.
    """

    index: NDArray[np.int64]
    vectors_A: NDArray[np.float64]
    shifts_A: NDArray[np.float64]


class NeighbourList:
    """Finds the pairs closer than `r_max_A`, searching anew only when an atom has moved far enough.

    A search takes in `skin_A` more than the cutoff; until an atom has moved by half of it, no pair can
    have come inside unseen (Verlet, Phys. Rev. 159, 98 (1967)).

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
        # `take` is several times as fast as indexing; this is done at every step.
        first, second = self._index
        vectors = positions.take(second, axis=0)
        vectors -= positions.take(first, axis=0)
        vectors += self._shifts_A
        near = np.flatnonzero(np.einsum("ij,ij->i", vectors, vectors) < self.r_max_A**2)
        return Edges(
            self._index.take(near, axis=1), vectors.take(near, axis=0), self._shifts_A.take(near, axis=0)
        )

    def _has_moved_too_far(self, positions: NDArray[np.float64]) -> bool:
        if self._searched_at is None or self.skin_A <= 0.0:
            return True
        moved = positions - self._searched_at
        # Not "any greater": a NaN compares false and must lead to a search, which refuses it.
        return not bool(np.all(np.einsum("ij,ij->i", moved, moved) <= (0.5 * self.skin_A) ** 2))

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
        self._searched_at = positions.copy()
        self.searches += 1


def _pairs(
    positions: NDArray[np.float64], cell: NDArray[np.float64], pbc: NDArray[np.bool_], cutoff_A: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    import vesin

    search = vesin.NeighborList(cutoff=cutoff_A, full_list=True, sorted=True)
    first, second, shifts = search.compute(positions, cell, [bool(p) for p in pbc], "ijS")
    return np.stack([first, second]).astype(np.int64), shifts.astype(float)
