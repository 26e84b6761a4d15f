"""The committee's opinion of a heating run: its spread against time, and the gate's verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from beamheat_fw.drivers.md.batch import Batch
from beamheat_fw.drivers.md.dynamics import MakeForces
from beamheat_fw.drivers.md.forces import Evaluated

#: What the columns of the audit's spreads are.
ENVIRONMENTS = ("support", "particle")
#: What the numbers of the audit's verdicts mean; -1 is a replica that was not judged or no longer there.
VERDICTS = ("accurate", "candidate", "failed")
UNJUDGED = "unjudged"


@dataclass(frozen=True)
class Verdict:
    """What the gate says of one frame: one of `VERDICTS` or `UNJUDGED`, and why."""

    name: str = UNJUDGED
    reason: str = ""


class Judge(Protocol):
    """The gate, bound to a campaign's calibration."""

    def __call__(self, batch: Batch, positions_A: np.ndarray, evaluated: Evaluated) -> list[Verdict]:
        """Judge every frame of a batch evaluated by the whole committee."""
        ...


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

    def __call__(self, batch: Batch, positions_A: np.ndarray) -> tuple[np.ndarray, list[Verdict]]:
        """Return the spreads of each atom in eV/Å, shape (N,), and a verdict on each frame."""
        if batch is not self._batch:
            self._batch, self._forces = batch, self._make_forces(batch)
        # An audit must not depend on when the run was last interrupted: its list is always its own.
        self._forces.rebuild(positions_A)
        evaluated = self._forces(positions_A)
        if evaluated.spread_eV_A is None:
            raise ValueError("an audit needs forces with a spread")
        return evaluated.spread_eV_A, self._judge(batch, positions_A, evaluated)


class AuditRecord:
    """Audits of R replicas against time; what a stopped replica no longer has is NaN, and its verdict -1."""

    def __init__(self, replicas: int, capacity: int) -> None:
        self.taken = 0
        self._time_ps = np.zeros(capacity)
        shape = (replicas, capacity, len(ENVIRONMENTS))
        self._mean_eV_A = np.full(shape, np.nan)
        self._max_eV_A = np.full(shape, np.nan)
        self._verdict = np.full(shape[:2], -1, dtype=np.int8)

    def add(
        self,
        time_ps: float,
        active: Sequence[int],
        batch: Batch,
        spread_eV_A: np.ndarray,
        verdicts: list[Verdict],
    ) -> None:
        """Append an audit of the replicas `active`."""
        self._time_ps[self.taken] = time_ps
        for index, replica in enumerate(active):
            where = batch.of_frame(index)
            spread, body = spread_eV_A[where], batch.body[where]
            for column in np.unique(body):
                self._mean_eV_A[replica, self.taken, column] = spread[body == column].mean()
                self._max_eV_A[replica, self.taken, column] = spread[body == column].max()
            name = verdicts[index].name
            self._verdict[replica, self.taken] = VERDICTS.index(name) if name in VERDICTS else -1
        self.taken += 1

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the record of A audits.

        Returns
        -------
        dict
            ``audit_time_ps`` of shape (A,), ``audit_mean_eV_A`` and ``audit_max_eV_A`` of shape (R, A, 2) and
            ``audit_verdict`` of shape (R, A).
        """
        return {
            "audit_time_ps": self._time_ps[: self.taken],
            "audit_mean_eV_A": self._mean_eV_A[:, : self.taken],
            "audit_max_eV_A": self._max_eV_A[:, : self.taken],
            "audit_verdict": self._verdict[:, : self.taken],
        }

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Go on from what `arrays` returned."""
        self.taken = arrays["audit_time_ps"].size
        self._time_ps[: self.taken] = arrays["audit_time_ps"]
        self._mean_eV_A[:, : self.taken] = arrays["audit_mean_eV_A"]
        self._max_eV_A[:, : self.taken] = arrays["audit_max_eV_A"]
        self._verdict[:, : self.taken] = arrays["audit_verdict"]
