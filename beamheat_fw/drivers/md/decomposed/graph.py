"""What a potential of the decomposed engine is given and gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from beamheat_fw.drivers.md.decomposed.exchange import GhostExchange


@dataclass(frozen=True, eq=False)
class PartGraph:
    """The edges within the cutoff of a rank's n own atoms; nodes are those, then ghosts of other ranks.

    Attributes
    ----------
    vectors_A : ndarray, shape (E, 3)
        From the own atom to its neighbour.
    index : ndarray of int, shape (2, E)
        The own atom and its neighbour.
    types : ndarray of int, shape (nodes,)
        As `PartModel.types_of` gave them.
    exchange : GhostExchange
        For what a potential has to know of ghosts beyond their type.
    """

    vectors_A: NDArray[np.float64]
    index: NDArray[np.int64]
    types: NDArray[np.int64]
    exchange: GhostExchange


class PartModel(Protocol):
    """A potential that can be evaluated on a part of a system."""

    @property
    def r_max_A(self) -> float:
        """How far an edge reaches."""
        ...

    def types_of(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the potential's type of each atomic number.

        Raises
        ------
        InputError
            An element it does not know.
        """
        ...

    def evaluate(self, graph: PartGraph) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the own atoms' energies in eV, shape (n,), and the slopes in eV/Å, shape (E, 3).

        A slope is the derivative of the energy of the whole system by an edge's vector. Called on every rank
        that has atoms.
        """
        ...
