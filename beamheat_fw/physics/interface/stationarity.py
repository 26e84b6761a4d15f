"""How many independent samples a correlated series holds, and where it has become stationary."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

_ORIGINS: Final = 40


def statistical_inefficiency(values: NDArray[np.float64]) -> float:
    """Return how many samples of a series count as one.

    Parameters
    ----------
    values : ndarray of float, shape (n,)

    Returns
    -------
    float
        g = 1 + 2 sum_t (1 - t/n) C(t), summed until the normalised autocorrelation C first turns negative
        [1]_; at least 1. The integrated correlation time is (g - 1)/2 sampling intervals.

    References
    ----------
    .. [1] J. D. Chodera, W. C. Swope, J. W. Pitera, C. Seok, K. A. Dill, J. Chem. Theory Comput. 3, 26
       (2007), eqs. 26-28, as in pymbar.timeseries.
    """
    deviations = np.asarray(values, dtype=float) - np.mean(values)
    n = len(deviations)
    variance = float(deviations @ deviations) / n
    if n < 3 or variance == 0.0:
        return 1.0
    correlation = _autocovariance(deviations) / variance
    negative = np.flatnonzero(correlation[3:] <= 0)
    end = int(negative[0]) + 3 if len(negative) else n - 1
    lags = np.arange(1, end)
    return max(1.0, float(1.0 + 2.0 * np.sum((1.0 - lags / n) * correlation[1:end])))


def equilibrated_from(values: NDArray[np.float64], least_inefficiency: float = 1.0) -> int:
    """Return the index from which a series is best taken as stationary.

    Parameters
    ----------
    values : ndarray of float, shape (n,)
    least_inefficiency : float
        What is known of g. Without it a part whose g comes out small by chance passes for the best one, and
        half a stationary series may be left out.

    Returns
    -------
    int
        The start, out of 40 equally spaced ones in the first 90 %, that leaves the most independent samples
        (n - t0)/g(t0) [1]_.

    References
    ----------
    .. [1] J. D. Chodera, J. Chem. Theory Comput. 12, 1799 (2016), eq. 10.
    """
    n = len(values)
    starts = np.unique(np.linspace(0, int(0.9 * n), _ORIGINS).astype(int))
    independent = [
        (n - start) / max(statistical_inefficiency(values[start:]), least_inefficiency) for start in starts
    ]
    return int(starts[int(np.argmax(independent))])


def standard_error(values: NDArray[np.float64]) -> float:
    """Return the standard error of the mean of a correlated stationary series, in its own unit."""
    n = len(values)
    return float(np.std(values, ddof=1) * np.sqrt(statistical_inefficiency(values) / n))


def drift_in_sigma(values: NDArray[np.float64]) -> float:
    """Return by how many combined standard errors the means of a series' two halves differ."""
    half = len(values) // 2
    first, second = values[:half], values[-half:]
    error = np.hypot(standard_error(first), standard_error(second))
    return float((second.mean() - first.mean()) / error) if error > 0 else 0.0


def _autocovariance(deviations: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the autocovariance by Wiener and Khinchin, each lag normalised by its number of pairs."""
    n = len(deviations)
    size = 1 << (2 * n - 1).bit_length()
    spectrum = np.abs(np.fft.rfft(deviations, size)) ** 2
    return np.fft.irfft(spectrum, size)[:n] / np.arange(n, 0, -1)
