"""The support's share of the losses: which positions show it alone, and taking it away."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from beamheat_fw.errors import InputError
from beamheat_fw.physics.eels.moments import T_OVER_LAMBDA, Moments

#: By how many of their errors particle and support must differ to be told apart.
_SEPARATION = 5.0
#: By how many errors a support position may differ from the others.
_RIM = 3.0


@dataclass(frozen=True)
class SupportBackground:
    """What the support contributes to each number of `Moments.values`.

    Attributes
    ----------
    values : array, shape (6,)
    covariance : array, shape (6, 6)
        Of the mean over the support's positions: from counting or from their scatter, whichever is more.
    positions : tuple of int
        Positions in C order; empty where nothing was subtracted.
    """

    values: NDArray[np.float64]
    covariance: NDArray[np.float64]
    positions: tuple[int, ...] = ()


NO_SUPPORT = SupportBackground(np.zeros(6), np.zeros((6, 6)))


def support_background(moments: Moments, positions: tuple[int, ...]) -> SupportBackground:
    """Return the mean over the positions that show the support alone.

    Raises
    ------
    InputError
        A position is out of range, has no zero-loss peak, or all positions are support.

    Notes
    -----
    t/lambda, first moments and single-scattering distributions of particle and support add up (Poisson
    statistics of independent events); raw counts do not.
    """
    number = len(moments.values)
    if not positions or not all(0 <= position < number for position in positions):
        raise InputError(
            "A support position is not in the scan",
            f"Give positions from 0 to {number - 1}, as 0-3,18 for example.",
            {"positions": list(positions)},
        )
    chosen = np.array(sorted(set(positions)))
    values = moments.values[chosen]
    if len(chosen) == number or not np.isfinite(values).all():
        raise InputError(
            "The support positions leave nothing to analyse, or have no zero-loss peak",
            "Choose positions beside the particle that have a spectrum.",
            {"positions": chosen.tolist()},
        )
    counting = moments.total_covariance[chosen].sum(axis=0) / len(chosen) ** 2
    if len(chosen) < 3:
        return SupportBackground(values.mean(axis=0), counting, tuple(chosen.tolist()))
    scatter = np.cov(values, rowvar=False) / len(chosen)
    excess = np.sqrt(np.maximum(np.diag(scatter) / np.maximum(np.diag(counting), 1e-300), 1.0))
    return SupportBackground(values.mean(axis=0), counting * np.outer(excess, excess), tuple(chosen.tolist()))


def detect_support(moments: Moments, navigation_shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the positions beside the particle, in C order.

    Positions are parted into thin and thick by Otsu's criterion on t/lambda. Thin ones next to thick ones are
    left out, and so are those further than three errors from the thinner half's median: they may hold the
    particle's rim.

    Raises
    ------
    InputError
        There is no particle that stands out, or no position is left.
    """
    thickness = moments.values[:, T_OVER_LAMBDA]
    known = np.isfinite(thickness)
    if known.sum() < 4 or not navigation_shape:
        raise InputError("There are too few positions to find the support", "Give the support's positions.")
    thick = known & (thickness > _otsu(thickness[known]))
    near = binary_dilation(thick.reshape(navigation_shape), np.ones((3,) * len(navigation_shape))).ravel()
    support = np.flatnonzero(known & ~near)
    error = np.median(moments.errors[known, T_OVER_LAMBDA])
    if support.size:
        base = np.median(np.sort(thickness[support])[: (support.size + 1) // 2])
        support = support[np.abs(thickness[support] - base) < _RIM * error]
    if support.size == 0 or np.median(thickness[thick]) - thickness[support].mean() < _SEPARATION * error:
        raise InputError(
            "No positions show the support alone",
            "Give the support's positions, or a scan that reaches beyond the particle.",
            {"thinnest_t_over_lambda": float(np.min(thickness[known]))},
        )
    return tuple(support.tolist())


def _otsu(values: NDArray[np.float64]) -> float:
    """Return the value that parts two classes with the largest variance between them (Otsu 1979)."""
    ordered = np.sort(values)
    below = np.arange(1, len(ordered))
    sums = np.cumsum(ordered)[:-1]
    means = sums / below, (ordered.sum() - sums) / (len(ordered) - below)
    between = below * (len(ordered) - below) * (means[1] - means[0]) ** 2
    best = int(np.argmax(between))
    return 0.5 * float(ordered[best] + ordered[best + 1])
