"""A committee's evaluation held against labels: calibration, coverage, errors and verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beamheat_fw.campaign import Campaign
from beamheat_fw.errors import InputError
from beamheat_fw.physics.committee.calibration import Calibration, calibrate
from beamheat_fw.physics.committee.convergence import RoundNumbers, Targets, Verdict, judge_convergence
from beamheat_fw.physics.committee.coverage import cross_examine, examine
from beamheat_fw.physics.committee.cutouts import core_of
from beamheat_fw.physics.committee.force_errors import ForceErrors, error_metrics, error_quantiles
from beamheat_fw.physics.committee.gate import Thresholds
from beamheat_fw.physics.committee.parity import binned_errors, force_parity
from beamheat_fw.store.documents import Label, Round
from beamheat_fw.store.labels import label_atoms


@dataclass(frozen=True)
class Judgement:
    """What labels that a committee has not seen say about it.

    Attributes
    ----------
    errors : ForceErrors
    calibration : Calibration
        Fitted to these labels.
    earlier : Calibration or None
        The one in force when the labels were chosen.
    reference_eV_A : ndarray of float, shape (N, 3)
        The labels' forces, in the order of `errors`.
    """

    errors: ForceErrors
    calibration: Calibration
    earlier: Calibration | None
    reference_eV_A: NDArray[np.float64]

    @property
    def coverage(self) -> dict[str, Any]:
        """Coverage of the earlier calibration and of the new one, spread against error, force parity."""
        found: dict[str, Any] = {
            "binned": binned_errors(self.errors, self.calibration),
            "parity": force_parity(self.errors, self.reference_eV_A),
        }
        try:
            found["cross_validated"] = cross_examine(self.errors).to_dict()
        except InputError as too_few:
            found["not_cross_validated"] = too_few.message()
        if self.earlier is not None:
            found["earlier"] = examine(self.earlier, self.errors).to_dict()
            found["binned_earlier"] = binned_errors(self.errors, self.earlier)
        return found

    @property
    def metrics(self) -> dict[str, Any]:
        """Force errors by environment."""
        return error_metrics(self.errors)


def read_judgement(
    folder: Path, labels: Sequence[Label], earlier: Mapping[str, Any] | None = None
) -> Judgement:
    """Hold the evaluation in a job folder against the labels it was made for.

    Parameters
    ----------
    folder : Path
    labels : sequence of Label
        In the order of the folder's frames.
    earlier : mapping, optional
        The stored calibration in force when the labels were chosen; empty if there was none.
    """
    from beamheat_fw.drivers.nequip.evaluate import EVALUATION_FILE, FolderEvaluation

    evaluation = FolderEvaluation.load(folder / EVALUATION_FILE)
    frames = [label_atoms(label) for label in labels]
    reference = np.concatenate([atoms.get_forces() for atoms in frames])
    errors = ForceErrors.from_frames(frames, evaluation.spread_eV_A, evaluation.forces_eV_A, reference)
    known = Calibration.from_dict(earlier) if earlier else None
    core = np.concatenate([core_of(atoms) for atoms in frames])
    return Judgement(errors, calibrate(errors), known, reference[core])


def thresholds_of(campaign: Campaign) -> Thresholds:
    """Return the gate's lines of a campaign."""
    return Thresholds(campaign.gate.target_force_error_eV_A, campaign.gate.confidence)


def judge_rounds(
    campaign: Campaign, rounds: Sequence[Round], random_errors: ForceErrors | None, independent: int
) -> Verdict:
    """Judge a campaign's convergence by its rounds up to the last one given.

    Parameters
    ----------
    campaign : Campaign
    rounds : sequence of Round
        In order; the last one is being judged, those before it have been.
    random_errors : ForceErrors or None
        Of the last round's random and held-out frames.
    independent : int
        How many of its frames count as independent.
    """
    last, gate = rounds[-1], campaign.gate
    numbers = RoundNumbers(
        last.round,
        last.counts.get("accurate", 0),
        sum(last.counts.values()),
        error_quantiles(random_errors, gate.confidence) if random_errors is not None else {},
        independent,
    )
    earlier = [RoundNumbers.from_dict(r.verdict_details) for r in rounds[:-1] if r.verdict_details]
    targets = Targets(
        campaign.convergence.accurate_share,
        gate.target_force_error_eV_A,
        gate.confidence,
        campaign.convergence.min_rounds,
    )
    return judge_convergence([*earlier, numbers], targets)
