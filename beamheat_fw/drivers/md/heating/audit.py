"""The committee's opinion of a heating run: spread and novelty against time, and the gate's verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from beamheat_fw.drivers.md.batch import Batch
from beamheat_fw.drivers.md.dynamics import MakeForces
from beamheat_fw.drivers.md.judging import VERDICTS, Judge, Look
from beamheat_fw.physics.committee.environments import ENVIRONMENTS, environments_of
from beamheat_fw.physics.committee.gate import Verdict


class Auditor:
    """Evaluates the whole committee on a batch that one of its members drives.

    Parameters
    ----------
    make_forces : callable
        Binds the whole committee to a batch.
    judge : Judge
    """

    def __init__(self, make_forces: MakeForces, judge: Judge) -> None:
        self._make_forces = make_forces
        self._judge = judge
        self._batch: Batch | None = None

    def __call__(
        self,
        batch: Batch,
        positions_A: np.ndarray,
        temperatures_K: np.ndarray,
        earlier_energies_eV: np.ndarray,
    ) -> tuple[Look, list[Verdict]]:
        """Return what the committee says of positions of shape (N, 3), and a verdict on each frame.

        Temperatures and earlier energies as in `Look`.
        """
        if batch is not self._batch:
            self._batch, self._forces = batch, self._make_forces(batch)
        # An audit must not depend on when the run was last interrupted: its list is always its own.
        self._forces.rebuild(positions_A)
        look = Look(batch, positions_A, self._forces(positions_A), temperatures_K, earlier_energies_eV)
        return look, self._judge(look)


class AuditRecord:
    """Audits of R replicas against time; what a stopped replica no longer has is NaN, and its verdict -1.

    The last axis of spreads and bounds is the environment, in the order of `ENVIRONMENTS`.

    Parameters
    ----------
    replicas : int
    capacity : int
        Audits expected at most.
    """

    _SPREADS = ("audit_mean_eV_A", "audit_max_eV_A", "audit_bound_eV_A")

    def __init__(self, replicas: int, capacity: int) -> None:
        self.taken = 0
        self._time_ps = np.zeros(capacity)
        shape = (replicas, capacity, len(ENVIRONMENTS))
        self._spreads = {name: np.full(shape, np.nan) for name in self._SPREADS}
        self._energy_eV = np.full(shape[:2], np.nan)
        self._novelty = np.full(shape[:2], np.nan)
        self._verdict = np.full(shape[:2], -1, dtype=np.int8)

    def last_energies_eV(self, active: Sequence[int]) -> np.ndarray:
        """Return the energies at the last audit, shape (len(active),); NaN before the first."""
        return self._energy_eV[list(active), max(self.taken - 1, 0)]

    def add(self, time_ps: float, active: Sequence[int], look: Look, verdicts: Sequence[Verdict]) -> None:
        """Append an audit of the replicas `active`."""
        self._time_ps[self.taken] = time_ps
        self._energy_eV[list(active), self.taken] = look.evaluated.energies_eV
        for index, replica in enumerate(active):
            for column, values in enumerate(_by_environment(look, index, verdicts[index])):
                for name, value in zip(self._SPREADS, values, strict=True):
                    self._spreads[name][replica, self.taken, column] = value
            name, novelty = verdicts[index].name, verdicts[index].novelty
            self._novelty[replica, self.taken] = np.nan if novelty is None else novelty
            self._verdict[replica, self.taken] = VERDICTS.index(name) if name in VERDICTS else -1
        self.taken += 1

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the record of A audits.

        Returns
        -------
        dict
            ``audit_time_ps`` of shape (A,); the committee's mean and largest spread ``audit_mean_eV_A`` and
            ``audit_max_eV_A`` and the calibrated bound ``audit_bound_eV_A`` (root mean square over atoms), of
            shape (R, A, 3); its mean ``audit_energy_eV``, ``audit_novelty``, of a frame's most novel atom,
            and ``audit_verdict`` of shape (R, A).
        """
        spreads = {name: values[:, : self.taken] for name, values in self._spreads.items()}
        return {
            "audit_time_ps": self._time_ps[: self.taken],
            **spreads,
            "audit_energy_eV": self._energy_eV[:, : self.taken],
            "audit_novelty": self._novelty[:, : self.taken],
            "audit_verdict": self._verdict[:, : self.taken],
        }

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Go on from what `arrays` returned."""
        self.taken = arrays["audit_time_ps"].size
        self._time_ps[: self.taken] = arrays["audit_time_ps"]
        for name, values in self._spreads.items():
            values[:, : self.taken] = arrays[name]
        self._energy_eV[:, : self.taken] = arrays["audit_energy_eV"]
        self._novelty[:, : self.taken] = arrays["audit_novelty"]
        self._verdict[:, : self.taken] = arrays["audit_verdict"]


def _by_environment(look: Look, index: int, verdict: Verdict) -> list[tuple[float, float, float]]:
    """Return mean spread, largest spread and bound of each environment of a frame; NaN where it is empty."""
    atoms, where = look.batch.templates[index], look.batch.of_frame(index)
    places = environments_of(look.positions_A[where], atoms.cell.array, atoms.pbc, look.batch.body[where])
    spread = look.evaluated.spread_eV_A[where]  # type: ignore[index]
    nothing = float("nan")
    return [
        (spread[places == name].mean(), spread[places == name].max(), verdict.bound_eV_A.get(name, nothing))
        if (places == name).any()
        else (nothing, nothing, nothing)
        for name in ENVIRONMENTS
    ]
