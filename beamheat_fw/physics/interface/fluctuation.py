"""The interface conductance without any heat flow: how long two bodies in equilibrium stay apart by chance.

A power that is small enough drives the bodies apart as their fluctuations say, by linear response [1]_ [2]_:
taken from one body and given to the other it holds their temperatures x = T_p - T_s apart by

    P/(G A) = P/(k_B T^2) integral_0^inf <x(t) e(0)> dt,   e = dE_p/C_p - dE_s/C_s,

where e is the difference that the bodies' energies stand for. As long as each body is one with itself x and e
are the same and fall as exp(-t/tau); where they are not, this is still what constant power finds. Since
<x e> = k_B T^2/C with 1/C = 1/C_p + 1/C_s,

    G A = C/tau,   tau = integral_0^inf <x(t) e(0)> dt / <x(0) e(0)>.

The size of the fluctuations drops out: in a finite record it wanders together with their duration, so that
the integral alone has almost twice the error.

References
----------
.. [1] R. Kubo, J. Phys. Soc. Jpn. 12, 570 (1957).
.. [2] A. Rajabpour, S. Volz, J. Appl. Phys. 108, 094324 (2010), for two bodies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from beamheat_fw.errors import CalculationError, InputError
from beamheat_fw.physics.interface.conductance import CAPACITY_BLOCK_PS, HeatedSystem, conductance_per_rate
from beamheat_fw.physics.interface.conductance_result import Interval
from beamheat_fw.physics.interface.heat_capacity import HeatCapacity, dulong_petit
from beamheat_fw.physics.interface.series import TemperatureSeries
from beamheat_fw.physics.interface.stationarity import statistical_inefficiency
from beamheat_fw.physics.interface.two_body_filter import TwoBodies
from beamheat_fw.units import BOLTZMANN_EV_PER_K

#: Up to how many correlation times the integral runs; beyond it an exponential tail is taken for granted.
#: Half a tau more adds a tenth to the error, and takes away a third of what a slower tail hides.
INTEGRAL_IN_TAU: Final = 2.5
#: A run has to be this many correlation times long.
SHORTEST_RUN_IN_TAU: Final = 10.0
#: Standard errors by which the mean difference may be off zero.
_LARGEST_OFFSET_SIGMA: Final = 4.0
_ROUNDS: Final = 3


@dataclass(frozen=True)
class EquilibriumResult:
    """A conductance from fluctuations.

    Attributes
    ----------
    conductance_MW_m2K : Interval
        The heat capacities' error included.
    tau_ps : Interval
        Its error is the larger of that seen by leaving out one run at a time and that which fluctuations of
        one exponential decay have in records of this length.
    T_interface_K : float
    """

    conductance_MW_m2K: Interval
    tau_ps: Interval
    T_interface_K: float


def equilibrium_conductance(runs: Sequence[TemperatureSeries], system: HeatedSystem) -> EquilibriumResult:
    """Measure the conductance from runs at constant energy whose two bodies are equally warm.

    Parameters
    ----------
    runs : sequence of TemperatureSeries
        With energies, many tau long.
    system : HeatedSystem
        With heat capacities; 3 k_B an atom where there are none.

    Raises
    ------
    InputError
        There are no runs, they have no energies, or they are not in equilibrium.
    CalculationError
        The runs are too short for their correlation.
    """
    _require_energies(runs)
    particle = system.particle or dulong_petit(system.n_particle)
    support = system.support or dulong_petit(system.n_support)
    bodies = TwoBodies(particle.value_eV_per_K, support.value_eV_per_K, system.n_particle, system.n_support)
    records = [_Record.of(run, bodies) for run in runs]
    pilot_ps = _pilot_ps(records)
    _require_equilibrium(runs, bodies, pilot_ps)
    tau_ps, error_ps = _correlation_time_ps(records, pilot_ps)
    value = conductance_per_rate(bodies, system.contact) / tau_ps
    error = value * float(np.hypot(error_ps / tau_ps, _capacity_error(particle, support, bodies)))
    return EquilibriumResult(
        conductance_MW_m2K=Interval(value, value - error, value + error),
        tau_ps=Interval(tau_ps, tau_ps - error_ps, tau_ps + error_ps),
        T_interface_K=_temperature(runs),
    )


@dataclass(frozen=True)
class _Record:
    """Block means of one run's x and e, both in K, e without its unknown zero."""

    x_K: NDArray[np.float64]
    e_K: NDArray[np.float64]
    block_ps: float

    @classmethod
    def of(cls, run: TemperatureSeries, bodies: TwoBodies) -> _Record:
        particle, support = (run.blocks(f"E_{b}_eV", CAPACITY_BLOCK_PS) for b in ("particle", "support"))
        e_K = particle / bodies.C_particle_eV_per_K - support / bodies.C_support_eV_per_K
        block_ps = run.samples_per_block(CAPACITY_BLOCK_PS) * run.interval_ps
        return cls(run.blocks("difference_K", CAPACITY_BLOCK_PS), e_K - e_K.mean(), block_ps)

    @property
    def duration_ps(self) -> float:
        return self.x_K.size * self.block_ps

    def correlation_K2(self, lags: int) -> NDArray[np.float64]:
        """Return <x(t) e(0)>, which runs the same forwards and backwards in time, at lags 0 to `lags`."""
        x, e, n = self.x_K, self.e_K, self.x_K.size
        return np.array([0.5 * (x[k:] @ e[: n - k] + e[k:] @ x[: n - k]) / (n - k) for k in range(lags + 1)])


def _pilot_ps(records: Sequence[_Record]) -> float:
    return 0.5 * float(np.mean([one.block_ps * statistical_inefficiency(one.e_K) for one in records]))


def _correlation_time_ps(records: Sequence[_Record], tau_ps: float) -> tuple[float, float]:
    """Return tau and its error, from a rough tau: the integral ends after a multiple of it."""
    durations = np.array([one.duration_ps for one in records])
    block_ps = records[0].block_ps
    for _ in range(_ROUNDS):
        if durations.min() < SHORTEST_RUN_IN_TAU * tau_ps:
            raise CalculationError(
                "The runs are too short for their correlation",
                f"Run for {SHORTEST_RUN_IN_TAU:g} correlation times at least, better a hundred.",
                {"shortest_ps": round(durations.min(), 1), "correlation_time_ps": round(tau_ps, 2)},
            )
        lags = max(1, round(INTEGRAL_IN_TAU * tau_ps / block_ps))
        correlations = np.array([one.correlation_K2(lags) for one in records])
        tau_ps = _tau_ps(correlations, durations, block_ps)
    return tau_ps, _error_ps(correlations, durations, block_ps, tau_ps)


def _tau_ps(correlations: NDArray[np.float64], durations: NDArray[np.float64], block_ps: float) -> float:
    """Return the tau of which an exponential decay, cut and centred alike, has the integral that is seen."""
    correlation = np.average(correlations, axis=0, weights=durations)
    seen_ps = _ratio_ps(correlation, block_ps)

    def mismatch(tau_ps: float) -> float:
        expected = _exponential(tau_ps, block_ps, correlation.size - 1)
        return _ratio_ps(expected - np.mean(_lost_to_centring(tau_ps, durations)), block_ps) - seen_ps

    longest_ps = float(durations.min()) / SHORTEST_RUN_IN_TAU
    if not (correlation[0] > 0 and mismatch(0.1 * block_ps) < 0 < mismatch(longest_ps)):
        raise CalculationError(
            "The fluctuations show no decay that the runs could resolve",
            "Run longer; check that temperatures and energies are of the same bodies and moments.",
            {"integral_ps": round(seen_ps, 2), "longest_resolved_ps": round(longest_ps, 2)},
        )
    return float(brentq(mismatch, 0.1 * block_ps, longest_ps))


def _ratio_ps(correlation: NDArray[np.float64], block_ps: float) -> float:
    return float(block_ps * (correlation.sum() - 0.5 * (correlation[0] + correlation[-1])) / correlation[0])


def _exponential(tau_ps: float, block_ps: float, lags: int) -> NDArray[np.float64]:
    """Return the correlation of block means where that of single moments is exp(-t/tau)."""
    a = block_ps / tau_ps
    correlation = 2.0 * (np.cosh(a) - 1.0) / a**2 * np.exp(-a * np.arange(lags + 1))
    correlation[0] = 2.0 * (a + np.expm1(-a)) / a**2
    return correlation


def _lost_to_centring(tau_ps: float, durations_ps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of the squared fluctuation that goes where each run's own mean is taken out."""
    a = durations_ps / tau_ps
    return 2.0 * (a + np.expm1(-a)) / a**2


def _error_ps(
    correlations: NDArray[np.float64], durations: NDArray[np.float64], block_ps: float, tau_ps: float
) -> float:
    thermal = tau_ps * float(np.sqrt(2.0 * tau_ps / durations.sum()))
    runs = np.arange(len(durations))
    if runs.size < 2:
        return thermal
    without = np.array([_tau_ps(correlations[runs != one], durations[runs != one], block_ps) for one in runs])
    return max(thermal, float(np.sqrt((runs.size - 1) * np.mean((without - without.mean()) ** 2))))


def _require_energies(runs: Sequence[TemperatureSeries]) -> None:
    if not runs:
        raise InputError("There is no run to analyse", "Give at least one temperature series.")
    missing = [index for index, run in enumerate(runs) if not run.has_energies]
    if missing:
        raise InputError(
            "Fluctuations tell a conductance only together with the bodies' energies",
            "Give E_particle_eV and E_support_eV, or use a relaxation.",
            {"series_without": missing},
        )


def _temperature(runs: Sequence[TemperatureSeries]) -> float:
    return float(np.mean([0.5 * (run.T_particle_K + run.T_support_K).mean() for run in runs]))


def _require_equilibrium(runs: Sequence[TemperatureSeries], bodies: TwoBodies, tau_ps: float) -> None:
    """Hold the mean difference against what fluctuations of the known size make of it."""
    means = np.array([run.difference_K.mean() for run in runs])
    duration_ps = sum(run.duration_ps for run in runs)
    variance = BOLTZMANN_EV_PER_K * _temperature(runs) ** 2 / bodies.C_reduced_eV_per_K
    error = float(np.sqrt(2.0 * variance * tau_ps / duration_ps))
    if abs(means.mean()) > _LARGEST_OFFSET_SIGMA * error:
        raise InputError(
            "The two bodies are not in equilibrium",
            "Equilibrate both at one temperature; for a particle that is hotter or colder use relaxation.",
            {"difference_K": round(float(means.mean()), 2), "error_K": round(error, 2)},
        )


def _capacity_error(particle: HeatCapacity, support: HeatCapacity, bodies: TwoBodies) -> float:
    share = bodies.particle_share
    return float(np.hypot((1.0 - share) * particle.relative_error, share * support.relative_error))
