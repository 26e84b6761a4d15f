"""The interface conductance without any heat flow: how long two bodies in equilibrium stay apart by chance.

Their difference x = T_p - T_s fluctuates with <x(0) x(t)> = k_B T^2 (1/C_p + 1/C_s) exp(-t/tau), so that

    1/(G A) = 1/(k_B T^2) integral_0^inf <x(0) x(t)> dt,

whatever the heat capacities [1]_ [2]_. That integral converges slowly. With the heat capacities known, the
filter of the relaxations (`two_body_filter`), which draws on these fluctuations anyway, tells tau several
times better; it is cut more coarsely here, since on times much shorter than tau heat is exchanged in ways of
its own.

References
----------
.. [1] A. Rajabpour, S. Volz, J. Appl. Phys. 108, 094324 (2010).
.. [2] J.-L. Barrat, F. Chiaruttini, Mol. Phys. 101, 1605 (2003), for the integral over the heat flow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from beamheat_fw.errors import InputError
from beamheat_fw.physics.interface import relaxation
from beamheat_fw.physics.interface.conductance import CAPACITY_BLOCK_PS, HeatedSystem, conductance_per_rate
from beamheat_fw.physics.interface.conductance_result import Interval
from beamheat_fw.physics.interface.heat_capacity import HeatCapacity, dulong_petit
from beamheat_fw.physics.interface.series import TemperatureSeries
from beamheat_fw.physics.interface.stationarity import statistical_inefficiency
from beamheat_fw.physics.interface.two_body_filter import TwoBodies
from beamheat_fw.units import A2_PER_NM2, BOLTZMANN_EV_PER_K, MW_M2K_PER_EV_A2_PS_K

#: Blocks in one correlation time.
BLOCKS_PER_TAU: Final = 8
#: Up to how many correlation times the integral runs.
INTEGRAL_IN_TAU: Final = 3.0
#: Standard errors by which the mean difference may be off zero.
_LARGEST_OFFSET_SIGMA: Final = 4.0


@dataclass(frozen=True)
class EquilibriumResult:
    """A conductance from fluctuations.

    Attributes
    ----------
    conductance_MW_m2K : Interval
        The heat capacities' error included.
    tau_ps : Interval
    integral_MW_m2K : Interval
        By the integral, which needs no heat capacities; its error from leaving out one run at a time, the
        value infinite where fewer than two runs tell none.
    T_interface_K : float
    """

    conductance_MW_m2K: Interval
    tau_ps: Interval
    integral_MW_m2K: Interval
    T_interface_K: float


def equilibrium_conductance(runs: Sequence[TemperatureSeries], system: HeatedSystem) -> EquilibriumResult:
    """Measure the conductance from runs at constant energy whose two bodies are equally warm.

    Parameters
    ----------
    runs : sequence of TemperatureSeries
        Many tau long.
    system : HeatedSystem
        With heat capacities; 3 k_B an atom where there are none.

    Raises
    ------
    InputError
        There are no runs, or they are not in equilibrium.
    """
    if not runs:
        raise InputError("There is no run to analyse", "Give at least one temperature series.")
    particle = system.particle or dulong_petit(system.n_particle)
    support = system.support or dulong_petit(system.n_support)
    bodies = TwoBodies(particle.value_eV_per_K, support.value_eV_per_K, system.n_particle, system.n_support)
    slow = [run.blocks("difference_K", CAPACITY_BLOCK_PS) for run in runs]
    block_ps = runs[0].samples_per_block(CAPACITY_BLOCK_PS) * runs[0].interval_ps
    tau_ps = float(np.mean([0.5 * statistical_inefficiency(x) for x in slow])) * block_ps
    _require_equilibrium(runs, bodies, tau_ps)
    likelihood = relaxation.fit(runs, bodies, 1.0 / tau_ps, BLOCKS_PER_TAU).joint
    best, (low, high) = likelihood.best_per_ps, likelihood.interval_per_ps()
    to_G = conductance_per_rate(bodies, system.contact)
    relative = _capacity_error(particle, support, bodies)
    return EquilibriumResult(
        conductance_MW_m2K=Interval(
            best * to_G,
            to_G * (best - float(np.hypot(best - low, relative * best))),
            to_G * (best + float(np.hypot(high - best, relative * best))),
        ),
        tau_ps=Interval(1.0 / best, 1.0 / high, 1.0 / low if low > 0 else np.inf),
        integral_MW_m2K=_by_integral(slow, block_ps, 1.0 / best, runs, system.contact.area_nm2),
        T_interface_K=_temperature(runs),
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


def _by_integral(
    slow: Sequence[NDArray[np.float64]],
    block_ps: float,
    tau_ps: float,
    runs: Sequence[TemperatureSeries],
    area_nm2: float,
) -> Interval:
    lags = max(1, round(INTEGRAL_IN_TAU * tau_ps / block_ps))
    # The mean is known to be zero: none is subtracted, which would take slow fluctuations away.
    integrals = np.array([_integral(x, lags, block_ps) for x in slow])
    integrals /= 1.0 - np.exp(-INTEGRAL_IN_TAU)
    unit = BOLTZMANN_EV_PER_K * _temperature(runs) ** 2 / (area_nm2 * A2_PER_NM2) * MW_M2K_PER_EV_A2_PS_K
    value = float(unit / integrals.mean())
    if len(slow) < 2:
        return Interval(value, 0.0, np.inf)
    error = value * float(integrals.std(ddof=1) / np.sqrt(len(slow)) / abs(integrals.mean()))
    return Interval(value, value - error, value + error)


def _integral(x: NDArray[np.float64], lags: int, block_ps: float) -> float:
    correlation = np.array([np.mean(x[: x.size - lag] * x[lag:]) for lag in range(lags + 1)])
    return float(block_ps * (correlation.sum() - 0.5 * (correlation[0] + correlation[-1])))
