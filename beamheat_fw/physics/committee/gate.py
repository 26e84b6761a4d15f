"""The gate: whether a frame of a trajectory is accurate, a candidate for labelling, or failed.

Three parts, since each is blind where another sees: the committee's spread, calibrated into a bound on the
force error (it can plateau outside the training set); distance to the training set in descriptor space; and
hard physics. All thresholds follow from one number, the force error that the campaign asks for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from ase.data import chemical_symbols
from numpy.typing import NDArray

from beamheat_fw.physics.committee.calibration import Calibration
from beamheat_fw.physics.committee.environments import ENVIRONMENTS, environments_of
from beamheat_fw.physics.committee.hard_checks import Frame, HardLimits, broken
from beamheat_fw.physics.committee.novelty import Novelty

ACCURATE, CANDIDATE, FAILED = "accurate", "candidate", "failed"
_SYMBOLS: Final = np.array(chemical_symbols)


@dataclass(frozen=True)
class Thresholds:
    """Where the gate draws its lines.

    Attributes
    ----------
    target_eV_A : float
        The force error (norm) asked for. An accurate frame's bound, as root mean square over the atoms of
        each of its environments, is below it.
    confidence : float
        The share of atoms whose error is to stay below its bound.
    single_atom : float
        An accurate frame's bound on any one atom is below so many targets: heat passes through few contacts.
    failed : float
        Beyond so many times either line a frame has failed: its geometry is the potential's invention, and
        a label would teach nothing that the trajectory will meet.
    novel, failed_novel : float
        Novelty above which a frame is a candidate, and above which it has failed.
    """

    target_eV_A: float
    confidence: float = 0.68
    single_atom: float = 3.0
    failed: float = 5.0
    novel: float = 1.5
    failed_novel: float = 6.0

    def to_dict(self) -> dict[str, float]:
        """Return the lines in eV/Å, as they are drawn."""
        return {
            "target_eV_A": self.target_eV_A,
            "confidence": self.confidence,
            "accurate_environment_eV_A": self.target_eV_A,
            "accurate_atom_eV_A": self.single_atom * self.target_eV_A,
            "failed_environment_eV_A": self.failed * self.target_eV_A,
            "failed_atom_eV_A": self.failed * self.single_atom * self.target_eV_A,
            "novel": self.novel,
            "failed_novel": self.failed_novel,
        }


@dataclass(frozen=True)
class Verdict:
    """What the gate says of a frame.

    Attributes
    ----------
    name : {'accurate', 'candidate', 'failed'}
    reason : str
        Why it is not accurate, in words; else empty.
    bound_eV_A : mapping of str to float
        Root mean square of the calibrated bound by environment.
    max_bound_eV_A : float
    novelty : float or None
        The most novel atom's; None where no descriptors were given.
    """

    name: str
    reason: str = ""
    bound_eV_A: Mapping[str, float] = field(default_factory=dict)
    max_bound_eV_A: float = float("nan")
    novelty: float | None = None


@dataclass(frozen=True)
class Gate:
    """Judges frames.

    Attributes
    ----------
    calibration : Calibration
    thresholds : Thresholds
    limits : HardLimits
    novelty : Novelty, optional
        Without it, or for frames without descriptors, that part is left out.
    """

    calibration: Calibration
    thresholds: Thresholds
    limits: HardLimits = field(default_factory=HardLimits)
    novelty: Novelty | None = None

    def judge(self, frames: Sequence[Frame]) -> list[Verdict]:
        """Judge a batch of frames; the spreads of all of them are calibrated at once.

        Parameters
        ----------
        frames : sequence of Frame
        """
        reasons = [broken(frame, self.limits) for frame in frames]
        sound = [frame for frame, reason in zip(frames, reasons, strict=True) if not reason]
        judged = iter(self._judge_sound(sound))
        return [Verdict(FAILED, reason) if reason else next(judged) for reason in reasons]

    def _judge_sound(self, frames: list[Frame]) -> list[Verdict]:
        if not frames:
            return []
        places = [environments_of(one.positions_A, one.cell_A, one.pbc, one.body) for one in frames]
        elements = [_SYMBOLS[one.numbers] for one in frames]
        bounds = self.calibration.bounds(
            np.concatenate([one.spread_eV_A for one in frames]),
            np.concatenate(elements),
            np.concatenate(places),
            self.thresholds.confidence,
        )
        parts = np.split(bounds, np.cumsum([len(one.numbers) for one in frames])[:-1])
        return [
            self._verdict(bound, place, self._novelty(frame, element))
            for frame, element, place, bound in zip(frames, elements, places, parts, strict=True)
        ]

    def _novelty(self, frame: Frame, element: NDArray[np.str_]) -> float | None:
        if self.novelty is None or frame.descriptors is None:
            return None
        return float(self.novelty(frame.descriptors, element).max())

    def _verdict(
        self, bound_eV_A: NDArray[np.float64], place: NDArray[np.str_], novelty: float | None
    ) -> Verdict:
        lines = self.thresholds
        mean = {
            name: float(np.sqrt(np.mean(bound_eV_A[place == name] ** 2)))
            for name in ENVIRONMENTS
            if (place == name).any()
        }
        worst = max(mean, key=lambda name: mean[name])
        atom = int(np.argmax(bound_eV_A))
        checks = (
            (
                mean[worst] / lines.target_eV_A,
                lines.failed,
                f"force error of {mean[worst]:.3g} eV/Å in the {worst}",
            ),
            (
                float(bound_eV_A[atom]) / (lines.single_atom * lines.target_eV_A),
                lines.failed,
                f"force error of {bound_eV_A[atom]:.3g} eV/Å on atom {atom} ({place[atom]})",
            ),
            (
                0.0 if novelty is None else novelty / lines.novel,
                lines.failed_novel / lines.novel,
                f"surroundings {0.0 if novelty is None else novelty:.3g} times as far from training as usual",
            ),
        )
        name, reason = _strictest(checks)
        return Verdict(name, reason, mean, float(bound_eV_A[atom]), novelty)


def gate_from(document: Mapping[str, Any], thresholds: Thresholds, novelty: Novelty | None = None) -> Gate:
    """Return the gate for a stored calibration.

    Parameters
    ----------
    document : mapping
        As `Calibration.to_dict` writes it.
    thresholds : Thresholds
    novelty : Novelty, optional
    """
    return Gate(Calibration.from_dict(document), thresholds, novelty=novelty)


def _strictest(checks: Sequence[tuple[float, float, str]]) -> tuple[str, str]:
    """Return the verdict of the check that is exceeded the most, relative to its own line."""
    for limit, name in ((None, FAILED), (1.0, CANDIDATE)):
        over = [
            (measure / (failed if limit is None else limit), reason)
            for measure, failed, reason in checks
            if measure > (failed if limit is None else limit)
        ]
        if over:
            return name, max(over)[1]
    return ACCURATE, ""
