"""Random temperature series of two bodies that exchange heat, to plan runs and to test estimators."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beamheat_fw.physics.interface.series import TemperatureSeries
from beamheat_fw.physics.interface.two_body_filter import TwoBodies
from beamheat_fw.units import BOLTZMANN_EV_PER_K


@dataclass(frozen=True)
class Experiment:
    """A relaxation as it would be simulated.

    Attributes
    ----------
    bodies : TwoBodies
    tau_ps : float
        Relaxation time of the temperature difference.
    T_particle_K, T_support_K : float
        Temperatures at the start.
    duration_ps, interval_ps : float
        Length and sampling interval.
    tau_fast_ps : float
        Correlation time of the kinetic energy inside each body.
    heating_K_per_ps : float
        Constant power into the particle over its heat capacity; the support is then a bath of constant
        temperature.
    """

    bodies: TwoBodies
    tau_ps: float
    T_particle_K: float = 600.0
    T_support_K: float = 300.0
    duration_ps: float = 40.0
    interval_ps: float = 0.05
    tau_fast_ps: float = 0.15
    heating_K_per_ps: float = 0.0

    @property
    def conductance_eV_per_K_ps(self) -> float:
        """G A, in eV/(K ps)."""
        return self.bodies.C_reduced_eV_per_K / self.tau_ps


def draw(experiment: Experiment, seed: int, count: int = 1) -> list[TemperatureSeries]:
    """Draw independent series.

    The heat current is G A (T_s - T_p) plus white noise of intensity 2 k_B G A T_p T_s [1]_, in steps of at
    most a two-hundredth of tau: the decay exactly, the noise by Euler and Maruyama. The kinetic temperatures
    add exponentially correlated noise.

    Parameters
    ----------
    experiment : Experiment
    seed : int
    count : int
        How many.

    Returns
    -------
    list of TemperatureSeries
        With body energies, up to a constant.

    References
    ----------
    .. [1] L. D. Landau, E. M. Lifshitz, Statistical Physics, Part 2, section 88.
    """
    random = np.random.default_rng(seed)
    samples = round(experiment.duration_ps / experiment.interval_ps) + 1
    slow = _slow_temperatures(experiment, random, samples, count)
    noise = [
        temperature * _fast_noise(experiment, variance, random, temperature.shape)
        for temperature, variance in zip(slow, experiment.bodies.fast_variances, strict=True)
    ]
    time = np.arange(samples, dtype=np.float64) * experiment.interval_ps
    capacities = (experiment.bodies.C_particle_eV_per_K, experiment.bodies.C_support_eV_per_K)
    particle_E, support_E = (
        temperature * capacity if np.isfinite(capacity) else None
        for temperature, capacity in zip(slow, capacities, strict=True)
    )
    return [
        TemperatureSeries(
            time,
            slow[0][:, i] + noise[0][:, i],
            slow[1][:, i] + noise[1][:, i],
            None if particle_E is None else particle_E[:, i],
            None if support_E is None else support_E[:, i],
            seed=seed,
        )
        for i in range(count)
    ]


def _slow_temperatures(
    experiment: Experiment, random: np.random.Generator, samples: int, count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    bodies, exchange = experiment.bodies, experiment.conductance_eV_per_K_ps
    substeps = max(1, int(np.ceil(200 * experiment.interval_ps / experiment.tau_ps)))
    step_ps = experiment.interval_ps / substeps
    # A finite step of the noiseless decay, so that the rate drawn is the rate asked for.
    passed = -bodies.C_reduced_eV_per_K * np.expm1(-step_ps / experiment.tau_ps)
    particle = np.full((samples, count), experiment.T_particle_K)
    support = np.full((samples, count), experiment.T_support_K)
    hot, cold = particle[0].copy(), support[0].copy()
    for k in range(1, samples):
        for _ in range(substeps):
            amplitude = np.sqrt(2.0 * BOLTZMANN_EV_PER_K * exchange * np.abs(hot * cold) * step_ps)
            heat = -passed * (hot - cold) + amplitude * random.standard_normal(count)
            hot = hot + heat / bodies.C_particle_eV_per_K + experiment.heating_K_per_ps * step_ps
            cold = cold - heat / bodies.C_support_eV_per_K
        particle[k], support[k] = hot, cold
    return particle, support


def _fast_noise(
    experiment: Experiment, variance: float, random: np.random.Generator, shape: tuple[int, ...]
) -> NDArray[np.float64]:
    """Return exponentially correlated noise of a given variance along the first axis."""
    kept = np.exp(-experiment.interval_ps / experiment.tau_fast_ps)
    noise = random.standard_normal(shape) * np.sqrt(variance)
    for k in range(1, shape[0]):
        noise[k] = kept * noise[k - 1] + np.sqrt(1.0 - kept**2) * noise[k]
    return noise
