"""How far the coverage of a calibration scatters when calibrated and examined frames are both drawn anew.

An interval from the examined frames alone takes the calibration for exact. One of m frames, examined on n, is
off by sqrt(1 + n/m) times as much: with 24 and 36 frames even an ideal calibrator leaves that interval in one
case of five.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from beamheat_fw.physics.committee.calibration import calibrate, conformal_quantiles
from beamheat_fw.physics.committee.force_errors import ONE_SIGMA, ForceErrors, resample

RESAMPLES = 200
#: Splits of the frames in two for which an ideal calibrator is asked.
SPLITS = 100

Interval = tuple[float, float]


def both_drawn_anew(
    labels: ForceErrors, examined: ForceErrors, levels: Sequence[float], seed: int
) -> dict[str, dict[float, Interval]]:
    """Return the 95 % interval of the coverage of each group and level.

    Every resample draws frames of both halves with replacement, and calibrates anew.
    """
    random = np.random.default_rng(seed)
    shares: dict[str, dict[float, list[float]]] = {}
    for _ in range(RESAMPLES):
        calibration, seen = calibrate(_drawn_anew(labels, random)), _drawn_anew(examined, random)
        for level in levels:
            bound = calibration.bounds(seen.spread_eV_A, seen.element, seen.environment, level)
            hits = seen.error_eV_A <= bound
            for name, atoms in _groups(seen.environment).items():
                shares.setdefault(name, {}).setdefault(level, []).append(float(hits[atoms].mean()))
    return {
        name: {level: _central(found) for level, found in of_level.items()}
        for name, of_level in shares.items()
    }


def inside_one_sided(observed: Mapping[str, float], level: float) -> bool:
    """Whether a level is in the 95 % interval from the examined frames alone: twice that of 68 %."""
    middle = observed["observed"]
    return middle - 2.0 * (middle - observed["low"]) <= level <= middle + 2.0 * (observed["high"] - middle)


def ideal_shares(
    errors: ForceErrors, calibrated: int, levels: Sequence[float], seed: int
) -> dict[str, float]:
    """Return how often an ideal calibrator's level lies in either interval, over groups, levels and splits.

    It knows the map from spread to expected error, here that of all frames; only the quantiles come from the
    frames it is given.

    Parameters
    ----------
    errors : ForceErrors
        Of all frames, which are split at random.
    calibrated : int
        Frames it is given.
    levels : sequence of float
    seed : int
    """
    random = np.random.default_rng(seed)
    calibration = calibrate(errors)
    median = calibration.bounds(errors.spread_eV_A, errors.element, errors.environment, 0.5)
    scores = errors.error_eV_A / median
    kept: dict[str, list[bool]] = {"examined": [], "both": []}
    frames = np.unique(errors.frame)
    for _ in range(SPLITS):
        given = np.isin(errors.frame, random.permutation(frames)[:calibrated])
        for atoms in _groups(errors.environment).values():
            halves = [_Scores(scores[part], errors.frame[part]) for part in (atoms & given, atoms & ~given)]
            for level in levels:
                for name, inside in _ideal(*halves, level, random).items():
                    kept[name].append(inside)
    return {name: float(np.mean(each)) for name, each in kept.items()}


class _Scores:
    """Scores in ascending order, with the frame of each counted from zero."""

    def __init__(self, scores: NDArray[np.float64], frame: NDArray[np.int_]) -> None:
        order = np.argsort(scores)
        self.values = scores[order]
        _, number = np.unique(frame, return_inverse=True)
        self.frame, self.frames = number[order], int(number.max()) + 1

    def drawn_anew(self, random: np.random.Generator) -> NDArray[np.float64]:
        """Return for each resample the share of scores up to each, shape (RESAMPLES, n + 1), from zero."""
        weights = resample(self.frames, random, RESAMPLES)[:, self.frame]
        sums = np.cumsum(np.pad(weights, ((0, 0), (1, 0))), axis=1)
        return sums / np.maximum(sums[:, -1:], 1)


def _ideal(given: _Scores, examined: _Scores, level: float, random: np.random.Generator) -> dict[str, bool]:
    bound = conformal_quantiles(given.values, np.array([level]))[0]
    below = np.searchsorted(examined.values, bound, side="right")
    shares = examined.drawn_anew(random)
    low, high = np.quantile(shares[:, below], ONE_SIGMA)
    observed = {"observed": below / len(examined.values), "low": float(low), "high": float(high)}
    bounds = given.values[np.argmax(given.drawn_anew(random)[:, 1:] >= level, axis=1)]
    anew = shares[np.arange(RESAMPLES), np.searchsorted(examined.values, bounds, side="right")]
    first, last = _central(anew)
    return {"examined": inside_one_sided(observed, level), "both": first <= level <= last}


def _groups(environment: NDArray[np.str_]) -> dict[str, NDArray[np.bool_]]:
    everyone = np.ones(len(environment), dtype=bool)
    return {"all": everyone, **{name: environment == name for name in np.unique(environment).tolist()}}


def _drawn_anew(errors: ForceErrors, random: np.random.Generator) -> ForceErrors:
    """Draw frames with replacement; one drawn twice is one frame still, so that no fold judges its double."""
    frames = np.unique(errors.frame)
    drawn = random.choice(frames, len(frames))
    return errors.where(np.concatenate([np.flatnonzero(errors.frame == frame) for frame in drawn]))


def _central(found: Sequence[float] | NDArray[np.float64]) -> Interval:
    low, high = np.quantile(found, (0.025, 0.975))
    return float(low), float(high)
