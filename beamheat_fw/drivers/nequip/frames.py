"""What stays the same while the atoms of a batch of frames move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ase import Atoms


@dataclass(frozen=True, eq=False)
class Frames:
    """A batch of B frames with N atoms in all; the positions are held by whoever moves them.

    Attributes
    ----------
    numbers : (N,) int64 array
        Atomic numbers.
    frame_of_atom : (N,) int64 array
        The frame each atom belongs to, in ascending order.
    cells : (B, 3, 3) float64 array
        Cell vectors as rows, in Å.
    pbc : (B, 3) bool array
        Periodic directions.
    """

    numbers: NDArray[np.int64]
    frame_of_atom: NDArray[np.int64]
    cells: NDArray[np.float64]
    pbc: NDArray[np.bool_]

    @classmethod
    def from_atoms(cls, atoms: Sequence[Atoms]) -> Frames:
        """Take numbers, cells and boundary conditions from `atoms`, in their order."""
        sizes = [len(frame) for frame in atoms]
        return cls(
            numbers=np.concatenate([frame.numbers for frame in atoms]).astype(np.int64),
            frame_of_atom=np.repeat(np.arange(len(sizes), dtype=np.int64), sizes),
            cells=np.stack([np.asarray(frame.cell[:], dtype=float) for frame in atoms]),
            pbc=np.stack([np.asarray(frame.pbc, dtype=bool) for frame in atoms]),
        )

    def __len__(self) -> int:
        return len(self.cells)

    @cached_property
    def offsets(self) -> NDArray[np.int64]:
        """(B + 1,) int64 array: frame b's atoms are ``offsets[b]:offsets[b + 1]``."""
        return np.searchsorted(self.frame_of_atom, np.arange(len(self) + 1))


def stacked_positions(atoms: Sequence[Atoms]) -> NDArray[np.float64]:
    """Return the positions of `atoms`, one frame after the other: (N, 3) in Å."""
    return np.concatenate([frame.positions for frame in atoms])
