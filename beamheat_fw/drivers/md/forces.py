"""What an integrator asks of a potential, and the committee of NequIP models that answers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from beamheat_fw.drivers.md.batch import Batch
from beamheat_fw.physics.committee.disagreement import Bias, deviations_eV, disagreement_bias

if TYPE_CHECKING:
    from beamheat_fw.drivers.nequip.committee import Committee, Evaluation
    from beamheat_fw.drivers.nequip.compiled import CompiledMember
    from beamheat_fw.drivers.nequip.neighbours import NeighbourList


@dataclass(frozen=True, eq=False)
class Evaluated:
    """The potential of a batch of B frames and N atoms at one set of positions.

    Attributes
    ----------
    energies_eV : ndarray, shape (B,)
    atom_energies_eV : ndarray, shape (N,)
        Each atom's share of its frame's energy.
    forces_eV_A : ndarray, shape (N, 3)
        What moves the atoms, a bias included.
    spread_eV_A : ndarray, shape (N,), optional
        Disagreement of the committee about each atom's force.
    bias_forces_eV_A : ndarray, shape (N, 3), optional
        The part of `forces_eV_A` that is not the potential's.
    """

    energies_eV: np.ndarray
    atom_energies_eV: np.ndarray
    forces_eV_A: np.ndarray
    spread_eV_A: np.ndarray | None = None
    bias_forces_eV_A: np.ndarray | None = None

    @property
    def potential_forces_eV_A(self) -> np.ndarray:
        """The forces of the potential alone, shape (N, 3)."""
        return self.forces_eV_A if self.bias_forces_eV_A is None else self.forces_eV_A - self.bias_forces_eV_A


class Forces(Protocol):
    """A potential bound to the frames of one batch."""

    def __call__(self, positions_A: np.ndarray) -> Evaluated:
        """Evaluate at positions of shape (N, 3)."""
        ...

    def list_positions_A(self) -> np.ndarray | None:
        """Return the positions of the last build of the neighbour list, shape (N, 3), if there is one.

        The order of a sum depends on the list: only a restart from the same list goes on bit for bit.
        """
        ...

    def rebuild(self, positions_A: np.ndarray) -> None:
        """Build the neighbour list at positions of shape (N, 3)."""
        ...


@dataclass
class Stopwatch:
    """How often the potential was evaluated, and how long that took."""

    calls: int = 0
    seconds: float = 0.0


class CommitteeForces:
    """The mean, or one member, of a committee of NequIP models on the frames of a batch.

    Parameters
    ----------
    committee : Committee or CompiledMember
    batch : Batch
    member : int, optional
        The member that drives alone; the mean of all members, with their spread, by default.
    skin_A : float
        How far beyond the cutoff neighbours are listed.
    stopwatch : Stopwatch, optional
        Where time spent here is added up.
    bias_width_eV : float, optional
        Width of the bias towards disagreement; its depth is ``bias_eV`` in the info of a template. None
        leaves all frames unbiased.
    """

    def __init__(
        self,
        committee: Committee | CompiledMember,
        batch: Batch,
        member: int | None = None,
        skin_A: float = 0.5,
        stopwatch: Stopwatch | None = None,
        bias_width_eV: float | None = None,
    ) -> None:
        from beamheat_fw.drivers.nequip.frames import Frames

        self._committee = committee
        self._members: Sequence[int] | None = None if member is None else [member]
        self._frames = Frames.from_atoms(batch.templates)
        self._skin_A = skin_A
        self._stopwatch = stopwatch or Stopwatch()
        self._searched_at_A: np.ndarray | None = None
        self._neighbours = self._new_list()
        self._depth_eV = np.array([float(atoms.info.get("bias_eV", 0.0)) for atoms in batch.templates])
        self._width_eV = bias_width_eV if self._depth_eV.any() else None
        if self._width_eV is not None:
            start = committee.evaluate(self._frames, batch.start_positions_A(), self._new_list())
            self._start_deviations_eV = deviations_eV(start.energies_eV)

    def _new_list(self) -> NeighbourList:
        from beamheat_fw.drivers.nequip.neighbours import NeighbourList

        return NeighbourList(self._frames, self._committee.r_max_A, self._skin_A)

    def __call__(self, positions_A: np.ndarray) -> Evaluated:
        """Evaluate at positions of shape (N, 3)."""
        started = time.perf_counter()
        searches = self._neighbours.searches
        result = self._committee.evaluate(self._frames, positions_A, self._neighbours, members=self._members)
        if self._neighbours.searches > searches:
            self._searched_at_A = positions_A.copy()
        self._stopwatch.seconds += time.perf_counter() - started
        self._stopwatch.calls += 1
        forces = result.mean_forces_eV_A.astype(float, copy=False)
        bias = None if self._width_eV is None else self._bias(result, self._width_eV).forces_eV_A
        return Evaluated(
            result.mean_energies_eV,
            result.mean_atom_energies_eV,
            forces if bias is None else forces + bias,
            result.spread_eV_A if self._members is None else None,
            bias,
        )

    def _bias(self, result: Evaluation, width_eV: float) -> Bias:
        deviations = deviations_eV(result.energies_eV) - self._start_deviations_eV
        forces, frame = result.forces_eV_A.astype(float), self._frames.frame_of_atom
        return disagreement_bias(deviations, forces, frame, self._depth_eV, width_eV)

    def bias_energies_eV(self, positions_A: np.ndarray) -> np.ndarray:
        """Return the bias energy of each frame, shape (B,), at positions of shape (N, 3)."""
        if self._width_eV is None:
            return np.zeros(len(self._frames))
        result = self._committee.evaluate(self._frames, positions_A, self._neighbours)
        return self._bias(result, self._width_eV).energies_eV

    def list_positions_A(self) -> np.ndarray | None:
        """Return the positions of the last neighbour search, shape (N, 3), None before the first."""
        return self._searched_at_A

    def rebuild(self, positions_A: np.ndarray) -> None:
        """Search for neighbours at positions of shape (N, 3)."""
        self._neighbours = self._new_list()
        self._neighbours.edges(positions_A)
        self._searched_at_A = positions_A.copy()
