"""How fast a hot particle and its support come to one temperature: the rate, as a likelihood.

Two bodies exchange heat, C_p dT_p/dt = -G A (T_p - T_s) = -C_s dT_s/dt, so their difference x = T_p - T_s
decays at the rate 1/tau = G A (1/C_p + 1/C_s). The noise is part of the physics: the energy shared between
the bodies fluctuates with the same tau, the stationary variance of x being k_B T_p T_s (1/C_p + 1/C_s), the
amplitude that fluctuation and dissipation demand. A least-squares fit takes that for noise of the
measurement and claims errors two to three times too small.

Averages over blocks of length h are a linear-Gaussian state-space model,

    x_k = F x_{k-1} + w_k,   F = exp(-h/tau),   var(w) = k_B T_p T_s (1/C_p + 1/C_s) (1 - F^2),
    y_k = x_k + v_k,         var(v) = sum over bodies of 2/(3N) T^2 (1 - 3 N k_B/(2 C)) 2 tau_fast/h,

whose likelihood is a Kalman filter's [1]_. var(v) is the fast exchange of kinetic and potential energy
inside each body (T^2/(3N) for a harmonic one [2]_), of integrated correlation time tau_fast.

References
----------
.. [1] A. C. Harvey, Forecasting, Structural Time Series Models and the Kalman Filter (Cambridge, 1989),
   section 3.4.
.. [2] J. L. Lebowitz, J. K. Percus, L. Verlet, Phys. Rev. 153, 250 (1967): kinetic fluctuations at constant
   energy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.optimize import brentq, curve_fit, minimize_scalar

from beamheat_fw.errors import CalculationError
from beamheat_fw.physics.series import TemperatureSeries
from beamheat_fw.units import BOLTZMANN_EV_PER_K

#: Usual correlation time of the kinetic energy inside a metal body, in ps; where the search for it starts.
USUAL_TAU_FAST_PS: Final = 0.15
#: Blocks in one relaxation time.
BLOCKS_PER_TAU: Final = 20
#: Drop of the log-likelihood at the ends of a 68 % interval.
ONE_SIGMA_DROP: Final = 0.5
#: Drop beyond which a rate is ruled out: two standard errors.
TWO_SIGMA_DROP: Final = 2.0
_GRID_DROP: Final = 12.0
_GRID_POINTS: Final = 241


@dataclass(frozen=True)
class TwoBodies:
    """What the two bodies are made of, as far as the exchange of heat is concerned.

    Attributes
    ----------
    C_particle_eV_per_K, C_support_eV_per_K : float
        Heat capacities; the support's may be infinite.
    n_particle, n_support : float
        Atoms that move; infinite for a bath.
    """

    C_particle_eV_per_K: float
    C_support_eV_per_K: float
    n_particle: float
    n_support: float

    @property
    def C_reduced_eV_per_K(self) -> float:
        """1/(1/C_p + 1/C_s): the conductance G A is this over tau."""
        return 1.0 / (1.0 / self.C_particle_eV_per_K + 1.0 / self.C_support_eV_per_K)

    @property
    def particle_share(self) -> float:
        """C_p/(C_p + C_s): how much of the difference the support's temperature makes up."""
        return self.C_reduced_eV_per_K / self.C_support_eV_per_K

    @property
    def fast_variances(self) -> tuple[float, float]:
        """Relative variances of the two kinetic temperatures at fixed body energies."""
        bodies = ((self.n_particle, self.C_particle_eV_per_K), (self.n_support, self.C_support_eV_per_K))
        particle, support = (
            0.0 if np.isinf(n) else 2.0 / (3.0 * n) * max(0.25, 1.0 - 1.5 * n * BOLTZMANN_EV_PER_K / capacity)
            for n, capacity in bodies
        )
        return particle, support


@dataclass(frozen=True)
class RateLikelihood:
    """The likelihood of the relaxation rate, given one or several runs.

    Attributes
    ----------
    rates_per_ps : ndarray of float, shape (n,)
        Increasing, from zero.
    log_likelihood : ndarray of float, shape (n,)
    duration_ps : float
        Length of the runs; of the longest, where they differ.
    """

    rates_per_ps: NDArray[np.float64]
    log_likelihood: NDArray[np.float64]
    duration_ps: float

    def __add__(self, other: RateLikelihood) -> RateLikelihood:
        """Return the likelihood of independent runs that share one rate."""
        return join([self, other])

    @cached_property
    def _spline(self) -> CubicSpline:
        return CubicSpline(self.rates_per_ps, self.log_likelihood)

    def at(self, rates_per_ps: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the log-likelihood between the grid's points."""
        return self._spline(rates_per_ps)

    @cached_property
    def best_per_ps(self) -> float:
        """The most likely rate."""
        at = int(np.argmax(self.log_likelihood))
        low = self.rates_per_ps[max(at - 1, 0)]
        high = self.rates_per_ps[min(at + 1, len(self.rates_per_ps) - 1)]
        found = minimize_scalar(
            lambda rate: -float(self._spline(rate)),
            bounds=(low, high),
            method="bounded",
            options={"xatol": 1e-7 * high},
        )
        return float(found.x)

    def interval_per_ps(self, drop: float = ONE_SIGMA_DROP) -> tuple[float, float]:
        """Return where the log-likelihood has fallen by `drop` on either side.

        The lower end is zero where even no exchange at all is as likely as that; the upper end is infinite
        where the series cannot tell how fast it is.
        """
        level = float(self._spline(self.best_per_ps)) - drop

        def above(rate: float) -> float:
            return float(self._spline(rate)) - level

        last = float(self.rates_per_ps[-1])
        low = 0.0 if above(0.0) >= 0 else brentq(above, 0.0, self.best_per_ps)
        high = np.inf if above(last) >= 0 else brentq(above, self.best_per_ps, last)
        return float(low), float(high)

    @property
    def bias_reduced(self) -> RateLikelihood:
        """The likelihood times the Jeffreys prior, whose maximum is free of the first-order bias [1]_.

        A run of length t that starts far from equilibrium holds the information (1 - exp(-2 rate
        t))/rate^2, up to a constant; the prior is its root, levelled off below the standard error, where
        the rate is no longer told from zero. Without it the rate comes out high by about its squared
        relative error: 8 % for one run of 38 atoms, 1 % for 341.

        References
        ----------
        .. [1] D. Firth, Biometrika 80, 27 (1993).
        """
        low, high = self.interval_per_ps()
        sigma = 0.5 * (min(high, float(self.rates_per_ps[-1])) - low)
        rates = np.hypot(self.rates_per_ps, sigma)
        information = (1.0 - np.exp(-2.0 * rates * self.duration_ps)) / rates**2
        return RateLikelihood(
            self.rates_per_ps, self.log_likelihood + 0.5 * np.log(information), self.duration_ps
        )

    @property
    def compatible_with_zero(self) -> bool:
        """Whether no exchange at all is within two standard errors."""
        gain = float(self._spline(self.best_per_ps)) - float(self.log_likelihood[0])
        return gain < TWO_SIGMA_DROP


@dataclass(frozen=True)
class RelaxationFit:
    """What several runs say about their common rate.

    Attributes
    ----------
    runs : tuple of RateLikelihood
        One for each series, on one grid of rates.
    blocks_K : tuple of pairs of ndarray of float, shape (n_blocks,)
        Block averages of the temperatures of particle and support, one pair for each series.
    block_ps : float
        Length of the blocks.
    tau_fast_ps : float
        Correlation time of the fast kinetic fluctuations, as measured.
    """

    runs: tuple[RateLikelihood, ...]
    blocks_K: tuple[tuple[NDArray[np.float64], NDArray[np.float64]], ...]
    block_ps: float
    tau_fast_ps: float

    @property
    def joint(self) -> RateLikelihood:
        """The likelihood of all runs together."""
        return join(self.runs)


def join(likelihoods: Sequence[RateLikelihood]) -> RateLikelihood:
    """Multiply the likelihoods of independent runs that share one rate and one grid."""
    return RateLikelihood(
        likelihoods[0].rates_per_ps,
        np.sum([one.log_likelihood for one in likelihoods], axis=0),
        max(one.duration_ps for one in likelihoods),
    )


def fit(runs: Sequence[TemperatureSeries], bodies: TwoBodies) -> RelaxationFit:
    """Find the likelihood of the rate 1/tau from one or several relaxations.

    Parameters
    ----------
    runs : sequence of TemperatureSeries
        Independent runs of one system at one temperature, all hot or all cold.
    bodies : TwoBodies

    Raises
    ------
    CalculationError
        The series determine no rate: they are too short or sampled too coarsely.
    """
    pilot = _pilot_rate(runs)
    blocks, block_ps = _blocks(runs, pilot)
    rates = np.geomspace(pilot / 20, pilot * 20, 41)
    tau_fast = _measure_tau_fast(blocks, bodies, block_ps, rates)
    grid = _grid(blocks, bodies, block_ps, tau_fast, rates)
    tables = tuple(
        RateLikelihood(grid, log_likelihood(pair, bodies, block_ps, grid, tau_fast), run.duration_ps)
        for pair, run in zip(blocks, runs, strict=True)
    )
    return RelaxationFit(tables, tuple(blocks), block_ps, tau_fast)


def log_likelihood(
    temperatures_K: tuple[NDArray[np.float64], NDArray[np.float64]],
    bodies: TwoBodies,
    block_ps: float,
    rates_per_ps: NDArray[np.float64],
    tau_fast_ps: float | NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the Kalman filter's log-likelihood of one run, for many rates at once.

    Parameters
    ----------
    temperatures_K : tuple of two ndarray of float, shape (n_blocks,)
        Block averages of particle and support.
    bodies : TwoBodies
    block_ps : float
    rates_per_ps, tau_fast_ps : ndarray of float
        Broadcast against each other.

    Returns
    -------
    ndarray of float, in the broadcast shape
        Given the first block, which only sets the filter's start. Constants are left out.
    """
    innovations, variances = _filter(temperatures_K, bodies, block_ps, rates_per_ps, tau_fast_ps)
    return -0.5 * np.sum(np.log(variances) + innovations**2 / variances, axis=0)


def normalised_innovations(
    temperatures_K: tuple[NDArray[np.float64], NDArray[np.float64]],
    bodies: TwoBodies,
    block_ps: float,
    rate_per_ps: float,
    tau_fast_ps: float,
) -> NDArray[np.float64]:
    """Return errors of the filter over their expected size, shape (n_blocks - 1,); ideally white noise."""
    innovations, variances = _filter(temperatures_K, bodies, block_ps, rate_per_ps, tau_fast_ps)
    return innovations / np.sqrt(variances)


def _filter(
    temperatures_K: tuple[NDArray[np.float64], NDArray[np.float64]],
    bodies: TwoBodies,
    block_ps: float,
    rates_per_ps: float | NDArray[np.float64],
    tau_fast_ps: float | NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Run the Kalman filter of (x, n): innovations and their variances, a row for each block but the first.

    The block means of the fast noise, n, are a first-order autoregression. Averaging turns part of the
    exchange of neighbouring blocks into their covariance, which a sixth of its variance less of noise makes
    good.
    """
    y = temperatures_K[0] - temperatures_K[1]
    share = bodies.particle_share
    common_K = float(np.mean(share * temperatures_K[0] + (1.0 - share) * temperatures_K[1]))
    decay = np.exp(-np.asarray(rates_per_ps) * block_ps)
    exchange_K = BOLTZMANN_EV_PER_K / bodies.C_reduced_eV_per_K * (1.0 - decay**2)
    fast, kept = _block_noise(np.asarray(tau_fast_ps, dtype=float), block_ps)
    fast_particle, fast_support = bodies.fast_variances

    def variances(x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        particle = np.maximum(common_K + (1.0 - share) * x, 0.05 * common_K)
        support = np.maximum(common_K - share * x, 0.05 * common_K)
        process = exchange_K * particle * support
        kinetic = fast * (fast_particle * particle**2 + fast_support * support**2)
        return process, np.maximum(kinetic - process / 6.0, 0.1 * kinetic)

    x, n = y[0] + 0.0 * decay * fast, 0.0 * decay * fast
    kinetic = variances(x)[1]
    xx, xn, nn = kinetic, -kinetic, kinetic
    innovations, expectations = [], []
    for observed in y[1:]:
        process, kinetic = variances(x)
        x, n = decay * x, kept * n
        xx = decay**2 * xx + process
        xn = decay * kept * xn
        nn = kept**2 * nn + (1.0 - kept**2) * kinetic
        innovation = observed - x - n
        expected = xx + 2.0 * xn + nn
        innovations.append(innovation)
        expectations.append(expected)
        gain_x, gain_n = (xx + xn) / expected, (xn + nn) / expected
        x, n = x + gain_x * innovation, n + gain_n * innovation
        xx, xn, nn = (
            xx - gain_x**2 * expected,
            xn - gain_x * gain_n * expected,
            nn - gain_n**2 * expected,
        )
    return np.array(innovations), np.array(expectations)


def _block_noise(
    tau_fast_ps: NDArray[np.float64], block_ps: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return variance (over that of a single sample) and lag-one correlation of block means of fast noise."""
    ratio = tau_fast_ps / block_ps
    lost = 1.0 - np.exp(-1.0 / ratio)
    variance = 2.0 * ratio * (1.0 - ratio * lost)
    return variance, ratio**2 * lost**2 / variance


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
    from beamheat_fw.physics.stationarity import statistical_inefficiency

    time = series.time_ps - series.time_ps[0]
    x = series.difference_K
    start_K = float(x[:30].mean())

    def decay(t: NDArray[np.float64], rate: float) -> NDArray[np.float64]:
        return start_K * np.exp(-rate * t)

    bound = 20.0 / series.interval_ps
    guess = float(np.clip(_integral_rate(time, x), 1e-3 / series.duration_ps, 0.5 * bound))
    (rate,), covariance = curve_fit(decay, time, x, p0=[guess], bounds=(-bound, bound))
    inefficiency = statistical_inefficiency(x - decay(time, rate))
    return float(rate), float(np.sqrt(covariance[0, 0] * inefficiency))


def _integral_rate(time_ps: NDArray[np.float64], x_K: NDArray[np.float64]) -> float:
    """Rate from x' = -rate x, integrated: sum of x(0) - x(t) against the running integral of x."""
    running = np.concatenate([[0.0], np.cumsum(0.5 * (x_K[1:] + x_K[:-1]) * np.diff(time_ps))])
    start = float(x_K[: max(1, len(x_K) // 20)].mean())
    return float(((start - x_K) @ running) / (running @ running))


def _pilot_rate(runs: Sequence[TemperatureSeries]) -> float:
    """Return a rough common rate: the integral relation on the mean of all runs."""
    length = min(len(run.time_ps) for run in runs)
    sign = np.sign([run.difference_K[: max(1, length // 10)].mean() for run in runs])
    mean = np.mean([s * run.difference_K[:length] for s, run in zip(sign, runs, strict=True)], axis=0)
    time = runs[0].time_ps[:length] - runs[0].time_ps[0]
    rate = _integral_rate(time, mean)
    return float(np.clip(rate, 0.05 / time[-1], 1.0 / (3.0 * runs[0].interval_ps)))


def _blocks(
    runs: Sequence[TemperatureSeries], rate_per_ps: float
) -> tuple[list[tuple[NDArray[np.float64], NDArray[np.float64]]], float]:
    shortest = min(run.duration_ps for run in runs)
    wished = min(1.0 / (BLOCKS_PER_TAU * rate_per_ps), shortest / BLOCKS_PER_TAU)
    wished = max(wished, USUAL_TAU_FAST_PS)
    interval = runs[0].interval_ps
    length_ps = max(1, round(wished / interval)) * interval
    if shortest / length_ps < 5:
        raise CalculationError(
            "The series are too short to see heat pass the interface",
            f"Run at least {10 * length_ps:.3g} ps.",
            {"duration_ps": shortest, "block_ps": length_ps},
        )
    return [
        (run.blocks("T_particle_K", length_ps), run.blocks("T_support_K", length_ps)) for run in runs
    ], length_ps


def _measure_tau_fast(
    blocks: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]],
    bodies: TwoBodies,
    block_ps: float,
    rates: NDArray[np.float64],
) -> float:
    """Return the tau_fast at the likelihood's maximum over the rate and itself."""
    coarse = USUAL_TAU_FAST_PS * np.geomspace(1e-2, 30.0, 17)
    table = sum(log_likelihood(pair, bodies, block_ps, rates[:, None], coarse[None, :]) for pair in blocks)
    at_rate, at_fast = np.unravel_index(int(np.argmax(table)), np.shape(table))
    near = rates[max(at_rate - 2, 0) : at_rate + 3]
    step = coarse[1] / coarse[0]
    fine = coarse[at_fast] * np.geomspace(1.0 / step, step, 15)
    table = sum(log_likelihood(pair, bodies, block_ps, near[:, None], fine[None, :]) for pair in blocks)
    return float(fine[np.unravel_index(int(np.argmax(table)), np.shape(table))[1]])


def _grid(
    blocks: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]],
    bodies: TwoBodies,
    block_ps: float,
    tau_fast_ps: float,
    rates: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return rates from zero to where every single run, and all together, have become very unlikely."""
    tables = np.array([log_likelihood(pair, bodies, block_ps, rates, tau_fast_ps) for pair in blocks])
    likely = (tables > tables.max(axis=1, keepdims=True) - _GRID_DROP).any(axis=0)
    top = min(float(rates[likely].max()) * (rates[1] / rates[0]), 4.0 / block_ps)
    return top * np.linspace(0.0, 1.0, _GRID_POINTS) ** 2
