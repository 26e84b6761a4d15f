"""The interface thermal conductance G from relaxations of a heated (or cooled) particle, with all its errors.

G = C/(tau A), with the reduced heat capacity 1/C = 1/C_p + 1/C_s, the relaxation time tau and a contact
area A whose definition is carried along: values of different definitions must not be mixed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from beamheat_fw.errors import InputError
from beamheat_fw.physics.interface import heat_capacity, relaxation
from beamheat_fw.physics.interface.between_members import PooledRate, pool
from beamheat_fw.physics.interface.conductance_result import (
    ConductanceResult,
    Contact,
    Interval,
    RunConductance,
)
from beamheat_fw.physics.interface.heat_balance import HeatBalance, heat_balances, imbalance
from beamheat_fw.physics.interface.heat_capacity import HeatCapacity
from beamheat_fw.physics.interface.rate_likelihood import RateLikelihood, join
from beamheat_fw.physics.interface.relaxation import RelaxationFit
from beamheat_fw.physics.interface.relaxation_curve import relaxation_curve
from beamheat_fw.physics.interface.series import LONGEST_SERIES_PS, TemperatureSeries
from beamheat_fw.physics.interface.two_body_filter import TwoBodies, normalised_innovations
from beamheat_fw.units import A2_PER_NM2, MW_M2K_PER_EV_A2_PS_K

#: Heat capacities are measured on blocks of this length, several correlation times of the kinetic energy.
CAPACITY_BLOCK_PS: Final = 0.5
#: A run shorter than this many relaxation times leaves tau to a guess at where it ends.
SHORTEST_RUN_IN_TAU: Final = 0.5


@dataclass(frozen=True)
class HeatedSystem:
    """What a conductance needs to know of the particle and its support.

    Attributes
    ----------
    n_particle, n_support : float
        Atoms that move; fixed ones hold no kinetic energy. Infinite for a support that is a bath.
    contact : Contact
    particle, support : HeatCapacity, optional
        Known heat capacities; measured from the runs' energies where not given, else 3 k_B an atom.
    """

    n_particle: float
    n_support: float
    contact: Contact
    particle: HeatCapacity | None = None
    support: HeatCapacity | None = None


def relaxation_conductance(runs: Sequence[TemperatureSeries], system: HeatedSystem) -> ConductanceResult:
    """Measure the interface conductance from one or several relaxations of one system.

    Parameters
    ----------
    runs : sequence of TemperatureSeries
        Independent NVE runs: several seeds, of one or several potentials (`member`), from one start
        temperature.
    system : HeatedSystem

    Raises
    ------
    InputError
        No runs, or bodies without atoms.
    CalculationError
        The runs are too short to see heat pass.
    """
    if not runs:
        raise InputError("There is no run to analyse", "Give at least one temperature series.")
    particle = system.particle or heat_capacity.measure(
        runs, "particle", system.n_particle, CAPACITY_BLOCK_PS
    )
    support = system.support or heat_capacity.measure(runs, "support", system.n_support, CAPACITY_BLOCK_PS)
    bodies = TwoBodies(particle.value_eV_per_K, support.value_eV_per_K, system.n_particle, system.n_support)
    fitted = relaxation.fit(runs, bodies)
    members = _by_member(runs, fitted)
    pooled = pool(members)
    to_G = conductance_per_rate(bodies, system.contact)
    relative = _reduced_relative_error(particle, support, bodies)
    statistical = _scaled(pooled.rate_per_ps, pooled.statistical_per_ps, to_G)
    widened = _scaled(pooled.rate_per_ps, pooled.total_per_ps, to_G)
    zero = fitted.joint.compatible_with_zero
    balances = heat_balances(runs, bodies, fitted.tau_fast_ps)
    return ConductanceResult(
        conductance_MW_m2K=_widen(widened, relative),
        statistical_MW_m2K=statistical,
        potential_error_MW_m2K=_potential_error(statistical, widened, pooled),
        member_spread=pooled.member_spread,
        heat_capacity_error_MW_m2K=relative * statistical.value,
        tau_ps=_tau(pooled.rate_per_ps, pooled.statistical_per_ps),
        tau_fast_ps=fitted.tau_fast_ps,
        block_ps=fitted.block_ps,
        particle=particle,
        support=support,
        contact=system.contact,
        T_interface_K=_interface_temperature(fitted, pooled.rate_per_ps),
        direction=direction(runs),
        compatible_with_zero=zero,
        runs=tuple(_one_run(run, one, to_G) for run, one in zip(runs, fitted.runs, strict=True)),
        curve=relaxation_curve(fitted, bodies, pooled.rate_per_ps, pooled.statistical_per_ps),
        balances=balances,
        warnings=tuple(_warnings(runs, fitted, bodies, pooled, (particle, support), balances)),
    )


def conductance_per_rate(bodies: TwoBodies, contact: Contact) -> float:
    """Return G over 1/tau in MW m^-2 K^-1 ps: the reduced heat capacity over the area."""
    return float(bodies.C_reduced_eV_per_K / (contact.area_nm2 * A2_PER_NM2) * MW_M2K_PER_EV_A2_PS_K)


def direction(runs: Sequence[TemperatureSeries]) -> str:
    """Return whether the particles start hot, cold, or not all alike."""
    hot = {bool(run.difference_K[: max(1, len(run.time_ps) // 10)].mean() > 0) for run in runs}
    return "mixed" if len(hot) > 1 else ("hot" if hot.pop() else "cold")


def _by_member(runs: Sequence[TemperatureSeries], fitted: RelaxationFit) -> dict[str, RateLikelihood]:
    members: dict[str, list[RateLikelihood]] = {}
    for run, likelihood in zip(runs, fitted.runs, strict=True):
        members.setdefault(run.member, []).append(likelihood)
    return {member: join(likelihoods) for member, likelihoods in members.items()}


def _reduced_relative_error(particle: HeatCapacity, support: HeatCapacity, bodies: TwoBodies) -> float:
    """Relative error of the reduced heat capacity; errors of 3 k_B are of one cause and add up linearly."""
    share = bodies.particle_share
    parts = ((1.0 - share) * particle.relative_error, share * support.relative_error)
    return float(sum(parts) if not (particle.measured or support.measured) else np.hypot(*parts))


def _scaled(rate_per_ps: float, ends_per_ps: tuple[float, float], factor: float) -> Interval:
    return Interval(rate_per_ps * factor, ends_per_ps[0] * factor, ends_per_ps[1] * factor)


def _tau(rate_per_ps: float, ends_per_ps: tuple[float, float]) -> Interval:
    low, high = ends_per_ps
    value = 1.0 / rate_per_ps if rate_per_ps * LONGEST_SERIES_PS > 1.0 else np.inf
    return Interval(value, 1.0 / high, 1.0 / low if low > 0 else np.inf)


def _widen(interval: Interval, relative: float) -> Interval:
    """Add a relative error to both sides, in quadrature."""
    extra = relative * interval.value
    low = interval.value - float(np.hypot(interval.value - interval.low, extra))
    high = interval.value + float(np.hypot(interval.high - interval.value, extra))
    return Interval(interval.value, 0.0 if interval.low == 0.0 else max(0.0, low), high)


def _potential_error(statistical: Interval, widened: Interval, pooled: PooledRate) -> float | None:
    if pooled.member_spread is None or not np.isfinite(widened.error):
        return None
    return float(np.sqrt(max(widened.error**2 - statistical.error**2, 0.0)))


def _interface_temperature(fitted: RelaxationFit, rate_per_ps: float) -> float:
    total, weights = 0.0, 0.0
    for particle, support in fitted.blocks_K:
        squared = np.exp(-2.0 * rate_per_ps * fitted.block_ps * np.arange(len(particle)))
        total += float(squared @ (particle + support)) / 2.0
        weights += float(squared.sum())
    return float(total / weights)


def _one_run(run: TemperatureSeries, likelihood: RateLikelihood, to_G: float) -> RunConductance:
    best, ends = likelihood.bias_reduced.best_per_ps, likelihood.interval_per_ps()
    return RunConductance(run.member, run.seed, _scaled(best, ends, to_G), _tau(best, ends))


def _warnings(
    runs: Sequence[TemperatureSeries],
    fitted: RelaxationFit,
    bodies: TwoBodies,
    pooled: PooledRate,
    capacities: tuple[HeatCapacity, HeatCapacity],
    balances: Sequence[HeatBalance],
) -> list[str]:
    longest = max(run.duration_ps for run in runs) * pooled.rate_per_ps
    checks = [
        (
            fitted.joint.compatible_with_zero,
            "the conductance is compatible with zero within two standard errors",
        ),
        (
            direction(runs) == "mixed",
            "hot and cold runs are mixed: G depends on the direction; analyse them apart",
        ),
        (
            len({run.member for run in runs}) == 1,
            "one potential only: the error that comes from the potential is unknown",
        ),
        (
            longest < SHORTEST_RUN_IN_TAU,
            f"the longest run lasts {longest:.2g} tau: {SHORTEST_RUN_IN_TAU} at least, better 1.5",
        ),
        (fitted.block_ps * pooled.rate_per_ps > 0.3, "the sampling is coarse against tau: sample more often"),
    ]
    checks += [
        (
            not capacity.measured,
            f"heat capacity of the {name} is 3 k_B an atom: {capacity.relative_error:.0%} systematic error",
        )
        for name, capacity in zip(("particle", "support"), capacities, strict=True)
    ]
    found = [text for holds, text in checks if holds]
    return found + imbalance(balances) + _misfits(fitted, bodies, pooled.rate_per_ps)


def _misfits(fitted: RelaxationFit, bodies: TwoBodies, rate_per_ps: float) -> list[str]:
    """Look for decay that is not one exponential, and for noise that the numbers of atoms do not explain."""
    early, squares = [], []
    for pair in fitted.blocks_K:
        innovations = normalised_innovations(pair, bodies, fitted.block_ps, rate_per_ps, fitted.tau_fast_ps)
        sign = np.sign(pair[0][0] - pair[1][0])
        part = innovations[: max(2, len(innovations) // 3)]
        early.append(sign * part.sum() / np.sqrt(len(part)))
        squares.append(float(np.mean(innovations**2)))
    found = []
    lean = float(np.sum(early) / np.sqrt(len(early)))
    if abs(lean) > 3.0:
        way = "slower" if lean > 0 else "faster"
        found.append(
            f"the decay is not one exponential: its first third is {way} than the rest ({lean:+.1f} sigma)"
        )
    if not 0.5 < float(np.mean(squares)) < 2.0:
        found.append(
            f"the noise is {np.mean(squares):.2g} times what these numbers of atoms make: check n_particle, "
            "n_support and that the temperatures were not smoothed"
        )
    return found
