"""The state-space model of two bodies that exchange heat, and its Kalman filter.

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

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beamheat_fw.units import BOLTZMANN_EV_PER_K


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
