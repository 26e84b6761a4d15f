"""Asks the gate of `beamheat_fw.physics` about the frames of a batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from beamheat_fw.drivers.md.batch import Batch
from beamheat_fw.drivers.md.forces import Evaluated
from beamheat_fw.drivers.md.known import Known
from beamheat_fw.drivers.md.protocols import CommitteeFile
from beamheat_fw.physics.committee.gate import (
    ACCURATE,
    CANDIDATE,
    FAILED,
    Gate,
    Thresholds,
    Verdict,
    gate_from,
)
from beamheat_fw.physics.committee.hard_checks import Frame, HardLimits, broken

#: What the numbers of stored verdicts mean; -1 is a frame that was not judged or no longer there.
VERDICTS = (ACCURATE, CANDIDATE, FAILED)
#: The verdict on a physical frame where there is no calibration to judge its spread by.
UNJUDGED = "unjudged"


@dataclass(frozen=True, eq=False)
class Look:
    """What a judge sees of a batch.

    Attributes
    ----------
    batch : Batch
    positions_A : ndarray, shape (N, 3)
    evaluated : Evaluated
        By the whole committee.
    temperatures_K : ndarray, shape (B,)
        Kinetic.
    earlier_energies_eV : ndarray, shape (B,)
        The committee's mean at the look before; NaN where there was none.
    """

    batch: Batch
    positions_A: np.ndarray
    evaluated: Evaluated
    temperatures_K: np.ndarray
    earlier_energies_eV: np.ndarray

    def frames(self, descriptors: np.ndarray | None = None) -> list[Frame]:
        """Return the batch's frames as the gate takes them; with `descriptors` of shape (N, D), if given."""
        return [self._frame(index, descriptors) for index in range(len(self.batch))]

    def _frame(self, index: int, descriptors: np.ndarray | None) -> Frame:
        atoms, where, evaluated = self.batch.templates[index], self.batch.of_frame(index), self.evaluated
        assert evaluated.spread_eV_A is not None, "only a committee can be judged"
        earlier_eV = float(self.earlier_energies_eV[index])
        return Frame(
            numbers=atoms.numbers,
            body=self.batch.body[where],
            positions_A=self.positions_A[where],
            forces_eV_A=evaluated.potential_forces_eV_A[where],
            cell_A=atoms.cell.array,
            pbc=atoms.pbc,
            spread_eV_A=evaluated.spread_eV_A[where],
            energy_eV=float(evaluated.energies_eV[index]),
            earlier_energy_eV=None if np.isnan(earlier_eV) else earlier_eV,
            temperature_K=float(self.temperatures_K[index]),
            descriptors=None if descriptors is None else descriptors[where],
        )


class Judge(Protocol):
    """Gives a verdict on every frame of a batch."""

    def __call__(self, look: Look) -> list[Verdict]:
        """Judge what the committee says of a batch."""
        ...


def judge_of(committee: CommitteeFile, known: Known | None = None) -> Judge:
    """Return the gate of a committee; hard checks alone while there is no calibration.

    Parameters
    ----------
    committee : CommitteeFile
    known : Known, optional
        What the committee was trained on; without it the gate looks at spread and hard checks alone.

    Raises
    ------
    InputError
        The calibration is not one.
    """
    if committee.calibration is None or committee.gate is None:
        return _hard_checks
    thresholds = Thresholds(
        target_eV_A=committee.gate["target_force_error_eV_A"], confidence=committee.gate["confidence"]
    )
    novelty = known.novelty if known else None
    return _Calibrated(gate_from(committee.calibration, thresholds, novelty), known)


@dataclass(frozen=True)
class _Calibrated:
    gate: Gate
    known: Known | None

    def __call__(self, look: Look) -> list[Verdict]:
        if self.known is None:
            return self.gate.judge(look.frames())
        return self.gate.judge(look.frames(self.known.descriptors(look.batch, look.positions_A)))


def _hard_checks(look: Look) -> list[Verdict]:
    reasons = [broken(frame, HardLimits()) for frame in look.frames()]
    return [Verdict(FAILED, reason) if reason else Verdict(UNJUDGED) for reason in reasons]
