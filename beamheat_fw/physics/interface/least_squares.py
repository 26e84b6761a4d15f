"""The paper's estimator of a relaxation rate, kept for comparison, and a rough one to start from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import curve_fit

from beamheat_fw.physics.interface.series import TemperatureSeries
from beamheat_fw.physics.interface.stationarity import statistical_inefficiency


def least_squares(series: TemperatureSeries) -> tuple[float, float]:
    """Fit one exponential by least squares, as the paper did; kept for comparison.

    Returns
    -------
    rate_per_ps, error_per_ps : float
        The start value is the mean of the first 30 samples and only the rate is free [1]_. The error is the
        fit's own, widened by the autocorrelation of the residuals; it is still too small, since the noise
        is not all residual.

    References
    ----------
    .. [1] C. Nuñez Valencia et al., Nanoscale 16, 5750 (2024), and the notebook published with it.
    """
    time = series.time_ps - series.time_ps[0]
    x = series.difference_K
    start_K = float(x[:30].mean())

    def decay(t: NDArray[np.float64], rate: float) -> NDArray[np.float64]:
        return start_K * np.exp(-rate * t)

    bound = 20.0 / series.interval_ps
    guess = float(np.clip(integral_rate(time, x), 1e-3 / series.duration_ps, 0.5 * bound))
    (rate,), covariance = curve_fit(decay, time, x, p0=[guess], bounds=(-bound, bound))
    inefficiency = statistical_inefficiency(x - decay(time, rate))
    return float(rate), float(np.sqrt(covariance[0, 0] * inefficiency))


def integral_rate(time_ps: NDArray[np.float64], x_K: NDArray[np.float64]) -> float:
    """Return the rate from x' = -rate x, integrated: sum of x(0) - x(t) against the running integral of x."""
    running = np.concatenate([[0.0], np.cumsum(0.5 * (x_K[1:] + x_K[:-1]) * np.diff(time_ps))])
    start = float(x_K[: max(1, len(x_K) // 20)].mean())
    return float(((start - x_K) @ running) / (running @ running))
