"""Whether a calibration keeps its promise: coverage, a proper score, and whether it finds the worst atoms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from beamheat_fw.physics.committee.calibration import LEVELS, Calibration
from beamheat_fw.physics.committee.force_errors import ONE_SIGMA, ForceErrors, resample

STATED: Final = (0.68, 0.95, 0.99)
QUINTILES: Final = 5
WORST_SHARE: Final = 0.05


@dataclass(frozen=True)
class CoverageReport:
    """What was promised and what was found.

    Attributes
    ----------
    coverage : dict
        By group (``all``, an environment, ``spread-quintile-1`` to ``-5``): for each stated level the share
        of errors below the bound, with a 68 % interval from a bootstrap over frames; and the group's atoms.
    score_eV_A, constant_score_eV_A, uncalibrated_score_eV_A : float
        Continuous ranked probability score, from quantiles: of the calibration, of one distribution for all
        atoms, and of the spread as the width of a Gaussian error on each component.
    recall_worst : float
        Share of the worst 5 % of errors among the 5 % of atoms with the largest bounds; 0.05 by chance.
    recall_worst_of_fifth : float
        The same among the 20 % with the largest bounds; 0.2 by chance.
    """

    coverage: dict[str, dict[str, Any]]
    score_eV_A: float
    constant_score_eV_A: float
    uncalibrated_score_eV_A: float
    recall_worst: float
    recall_worst_of_fifth: float

    @property
    def beats_constant(self) -> bool:
        """Whether the spread says more than that all atoms are alike."""
        return self.score_eV_A < self.constant_score_eV_A

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain data."""
        return {
            "coverage": self.coverage,
            "score_eV_A": self.score_eV_A,
            "constant_score_eV_A": self.constant_score_eV_A,
            "uncalibrated_score_eV_A": self.uncalibrated_score_eV_A,
            "beats_constant": self.beats_constant,
            "recall_worst": self.recall_worst,
            "recall_worst_of_fifth": self.recall_worst_of_fifth,
        }


def examine(calibration: Calibration, errors: ForceErrors, seed: int = 0) -> CoverageReport:
    """Hold a calibration against labels that it was not fitted to.

    Parameters
    ----------
    calibration : Calibration
    errors : ForceErrors
    seed : int
        Of the bootstrap over frames.
    """
    table = calibration.quantile_table(errors.spread_eV_A, errors.element, errors.environment)
    error = errors.error_eV_A
    below = {level: error <= table[:, int(np.argmin(np.abs(LEVELS - level)))] for level in STATED}
    random = np.random.default_rng(seed)
    constant = np.tile(np.quantile(error, LEVELS), (len(error), 1))
    expectation = table[:, len(LEVELS) // 2]
    return CoverageReport(
        coverage={
            name: _observed(
                {level: hits[atoms] for level, hits in below.items()}, errors.frame[atoms], random
            )
            for name, atoms in _groups(errors).items()
        },
        score_eV_A=quantile_score(table, error),
        constant_score_eV_A=quantile_score(constant, error),
        uncalibrated_score_eV_A=quantile_score(uncalibrated_table(errors.spread_eV_A), error),
        recall_worst=_recall(expectation, error, WORST_SHARE),
        recall_worst_of_fifth=_recall(expectation, error, 0.2),
    )


def cross_examine(errors: ForceErrors, folds: int = 5, seed: int = 0) -> CoverageReport:
    """Calibrate on some frames and examine on the others, fold by fold; for a single set of labels.

    The report is the mean over folds for scores and recalls; coverage counts every atom once.
    """
    from beamheat_fw.physics.committee.calibration import calibrate

    _, number = np.unique(errors.frame, return_inverse=True)
    random = np.random.default_rng(seed)
    fold_of = random.permutation(int(number.max()) + 1)[number] % folds
    reports, hits = [], {level: np.zeros(len(number), dtype=bool) for level in STATED}
    for fold in range(folds):
        here = fold_of == fold
        if not here.any() or here.all():
            continue
        calibration = calibrate(errors.where(~here))
        left = errors.where(here)
        reports.append(examine(calibration, left, seed))
        for level, hit in hits.items():
            hit[here] = left.error_eV_A <= calibration.bounds(
                left.spread_eV_A, left.element, left.environment, level
            )

    def mean(name: str) -> float:
        return float(np.mean([getattr(report, name) for report in reports]))

    coverage = {
        name: _observed({level: hit[atoms] for level, hit in hits.items()}, errors.frame[atoms], random)
        for name, atoms in _groups(errors).items()
    }
    scores = ("score_eV_A", "constant_score_eV_A", "uncalibrated_score_eV_A")
    return CoverageReport(
        coverage, *(mean(name) for name in (*scores, "recall_worst", "recall_worst_of_fifth"))
    )


def quantile_score(table_eV_A: NDArray[np.float64], error_eV_A: NDArray[np.float64]) -> float:
    """Return the continuous ranked probability score of forecasts given as quantiles.

    CRPS = 2 times the integral over levels of the quantile (pinball) loss [1]_, by the trapezoidal rule on
    `LEVELS`.

    Parameters
    ----------
    table_eV_A : ndarray of float, shape (N, len(LEVELS))
    error_eV_A : ndarray of float, shape (N,)

    References
    ----------
    .. [1] T. Gneiting, A. E. Raftery, J. Am. Stat. Assoc. 102, 359 (2007), section 6.
    """
    gap = error_eV_A[:, None] - table_eV_A
    loss = np.maximum(LEVELS * gap, (LEVELS - 1.0) * gap).mean(axis=0)
    return float(2.0 * np.trapezoid(loss, LEVELS))


def uncalibrated_table(spread_eV_A: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the quantiles of a Gaussian force error whose root mean square norm is the spread itself."""
    from scipy.stats import chi

    return np.outer(spread_eV_A, chi.ppf(LEVELS, 3) / np.sqrt(3.0))


def _groups(errors: ForceErrors) -> dict[str, NDArray[np.int_]]:
    groups = {"all": np.arange(len(errors.frame))}
    for name in np.unique(errors.environment).tolist():
        groups[name] = np.flatnonzero(errors.environment == name)
    for number, part in enumerate(np.array_split(np.argsort(errors.spread_eV_A, kind="stable"), QUINTILES)):
        groups[f"spread-quintile-{number + 1}"] = part
    return {name: atoms for name, atoms in groups.items() if len(atoms)}


def _observed(
    below: dict[float, NDArray[np.bool_]], frame: NDArray[np.int_], random: np.random.Generator
) -> dict[str, Any]:
    _, number = np.unique(frame, return_inverse=True)
    atoms = np.bincount(number)
    weights = resample(len(atoms), random)
    found: dict[str, Any] = {"atoms": len(frame), "frames": len(atoms)}
    for level, hits in below.items():
        inside = np.bincount(number, weights=hits)
        shares = (weights @ inside) / (weights @ atoms)
        low, high = np.quantile(shares, ONE_SIGMA)
        found[f"{level:g}"] = {"observed": float(hits.mean()), "low": float(low), "high": float(high)}
    return found


def _recall(expected: NDArray[np.float64], error: NDArray[np.float64], flagged_share: float) -> float:
    worst = max(1, round(WORST_SHARE * len(error)))
    flagged = max(1, round(flagged_share * len(error)))
    truly = set(np.argsort(-error, kind="stable")[:worst].tolist())
    return len(truly & set(np.argsort(-expected, kind="stable")[:flagged].tolist())) / worst
