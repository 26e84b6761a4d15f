"""The fitted decay beside the mean of the runs, for a figure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beamheat_fw.physics.interface.relaxation import RelaxationFit
from beamheat_fw.physics.interface.two_body_filter import TwoBodies
from beamheat_fw.units import BOLTZMANN_EV_PER_K


@dataclass(frozen=True)
class RelaxationCurve:
    """Temperature difference against time, measured and fitted.

    Attributes
    ----------
    time_ps : ndarray of float, shape (n,)
        Middles of the blocks, from the start of the runs.
    mean_K : ndarray of float, shape (n,)
        Mean over runs of T_particle - T_support.
    fit_K : ndarray of float, shape (n,)
        One exponential with the fitted rate.
    low_K, high_K : ndarray of float, shape (n,)
        Where 68 % of such means are expected: the rate's error, and thermal fluctuations of that many runs.
    """

    time_ps: NDArray[np.float64]
    mean_K: NDArray[np.float64]
    fit_K: NDArray[np.float64]
    low_K: NDArray[np.float64]
    high_K: NDArray[np.float64]

    def to_dict(self) -> dict[str, Any]:
        """Return the curve as plain data."""
        return {
            name: getattr(self, name).tolist() for name in ("time_ps", "mean_K", "fit_K", "low_K", "high_K")
        }


def relaxation_curve(
    fitted: RelaxationFit, bodies: TwoBodies, rate_per_ps: float, ends_per_ps: tuple[float, float]
) -> RelaxationCurve:
    """Draw the decay through the mean of the runs.

    Parameters
    ----------
    fitted : RelaxationFit
    bodies : TwoBodies
    rate_per_ps : float
    ends_per_ps : tuple of float
        The rate's 68 % interval.
    """
    length = min(len(particle) for particle, _ in fitted.blocks_K)
    particle = _mean([pair[0][:length] for pair in fitted.blocks_K])
    support = _mean([pair[1][:length] for pair in fitted.blocks_K])
    time = (np.arange(length, dtype=np.float64) + 0.5) * fitted.block_ps
    mean = particle - support
    decay = np.exp(-rate_per_ps * time)
    fluctuation = BOLTZMANN_EV_PER_K * particle * support / bodies.C_reduced_eV_per_K * (1.0 - decay**2)
    fast_particle, fast_support = bodies.fast_variances
    averaged = 2.0 * fitted.tau_fast_ps / fitted.block_ps
    kinetic = averaged * (fast_particle * particle**2 + fast_support * support**2)
    variance = (fluctuation + kinetic) / len(fitted.blocks_K)
    start = float(np.sum(mean * decay / variance) / np.sum(decay**2 / variance))
    high_rate = ends_per_ps[1] if np.isfinite(ends_per_ps[1]) else 2.0 * rate_per_ps
    slope = start * time * decay * 0.5 * (high_rate - ends_per_ps[0])
    width = np.sqrt(variance + slope**2)
    fit = start * decay
    return RelaxationCurve(time, mean, fit, fit - width, fit + width)


def _mean(series: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    return np.stack(series).mean(axis=0)
