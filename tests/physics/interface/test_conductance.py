"""One conductance out of many runs: pooling, heat capacities, and what is said of it."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from beamheat_fw.errors import InputError
from beamheat_fw.physics.interface.conductance import Contact, HeatedSystem, relaxation_conductance
from beamheat_fw.physics.interface.heat_capacity import HeatCapacity, dulong_petit, from_energy_slope
from beamheat_fw.physics.interface.series import TemperatureSeries
from beamheat_fw.physics.interface.two_body_draws import Experiment, draw
from beamheat_fw.physics.interface.two_body_filter import TwoBodies
from beamheat_fw.units import BOLTZMANN_EV_PER_K

HULL = Contact(2.0, "hull")
SYSTEM = HeatedSystem(60, 600, HULL)


def experiment(tau_ps: float, **changes) -> Experiment:
    bodies = TwoBodies(180 * BOLTZMANN_EV_PER_K, 1800 * BOLTZMANN_EV_PER_K, 60, 600)
    return replace(Experiment(bodies, tau_ps, duration_ps=12.0), **changes)


def runs_of(taus_ps: list[float], seeds: int) -> list[TemperatureSeries]:
    return [
        replace(run, member=f"member-{member}", seed=number)
        for member, tau_ps in enumerate(taus_ps)
        for number, run in enumerate(draw(experiment(tau_ps), 100 + member, seeds))
    ]


def true_conductance_MW_m2K(tau_ps: float) -> float:
    # eV/(ps K nm^2) is 1.602e-19/1e-12/1e-18 W/(m^2 K), that is 1.602e5 MW/(m^2 K).
    return experiment(tau_ps).bodies.C_reduced_eV_per_K / tau_ps / 2.0 * 1.602176634e5


def test_conductance_is_found_in_MW_per_m2_and_K():
    result = relaxation_conductance(runs_of([6.0], 24), SYSTEM)
    truth = true_conductance_MW_m2K(6.0)
    assert result.conductance_MW_m2K.value == pytest.approx(truth, rel=0.15)
    assert result.tau_ps.value == pytest.approx(6.0, rel=0.15)
    assert result.direction == "hot"
    assert 300 < result.T_interface_K < 500
    assert not result.compatible_with_zero


def test_potentials_that_disagree_widen_the_error_and_agreeing_ones_hardly_do():
    agreeing = relaxation_conductance(runs_of([6.0, 6.0, 6.0, 6.0], 20), SYSTEM)
    apart = relaxation_conductance(runs_of([3.5, 5.0, 7.0, 10.0], 20), SYSTEM)
    assert apart.member_spread > 1.8 * agreeing.member_spread
    assert apart.potential_error_MW_m2K > 0.1 * apart.conductance_MW_m2K.value
    assert agreeing.potential_error_MW_m2K < agreeing.statistical_MW_m2K.error
    # The three parts make up the whole.
    parts = (apart.statistical_MW_m2K.error, apart.potential_error_MW_m2K, apart.heat_capacity_error_MW_m2K)
    assert apart.conductance_MW_m2K.error == pytest.approx(np.sqrt(np.sum(np.square(parts))), rel=0.1)


def test_one_potential_leaves_its_error_unknown_and_says_so():
    result = relaxation_conductance(runs_of([6.0], 6), SYSTEM)
    assert result.potential_error_MW_m2K is None
    assert any("one potential only" in text for text in result.warnings)


def test_no_conductance_is_said_plainly():
    isolated = draw(experiment(1e6), 1, 6)
    result = relaxation_conductance(isolated, SYSTEM)
    assert result.compatible_with_zero
    assert result.verdict.startswith("compatible with zero: at most")
    assert result.conductance_MW_m2K.low == 0.0
    document = json.loads(json.dumps(result.to_dict()))
    assert document["tau_ps"]["interval"][1] is None


def test_cold_and_mixed_starts_are_told_apart():
    cold = draw(experiment(6.0, T_particle_K=300.0, T_support_K=600.0), 1, 3)
    hot = draw(experiment(6.0), 2, 3)
    assert relaxation_conductance(cold, SYSTEM).direction == "cold"
    mixed = relaxation_conductance(cold + hot, SYSTEM)
    assert mixed.direction == "mixed"
    assert any("mixed" in text for text in mixed.warnings)


def test_measured_heat_capacity_replaces_three_k_B_and_its_systematic():
    anharmonic = replace(
        experiment(6.0),
        bodies=TwoBodies(1.15 * 180 * BOLTZMANN_EV_PER_K, 1800 * BOLTZMANN_EV_PER_K, 60, 600),
    )
    with_energies = draw(anharmonic, 3, 24)
    bare = [TemperatureSeries(one.time_ps, one.T_particle_K, one.T_support_K) for one in with_energies]
    measured = relaxation_conductance(with_energies, SYSTEM)
    assumed = relaxation_conductance(bare, SYSTEM)
    assert measured.particle.measured
    assert not assumed.particle.measured
    assert measured.particle.value_eV_per_K == pytest.approx(
        anharmonic.bodies.C_particle_eV_per_K, abs=3 * measured.particle.error_eV_per_K
    )
    assert measured.particle.relative_error < 0.05
    assert measured.conductance_MW_m2K.value > 1.08 * assumed.conductance_MW_m2K.value
    assert any("3 k_B" in text for text in assumed.warnings)


def test_slope_of_energy_is_not_diluted_by_noise_in_temperature():
    random = np.random.default_rng(1)
    energy = [np.linspace(10.0, 5.0, 60) + 3.0 * number for number in range(6)]
    noisy = [one / 0.02 + 300.0 + random.normal(0, 60.0, 60) for one in energy]
    capacity = from_energy_slope(noisy, energy)
    assert capacity.value_eV_per_K == pytest.approx(0.02, abs=3 * capacity.error_eV_per_K)
    assert capacity.relative_error < 0.1
    assert from_energy_slope([np.full(60, 300.0)], [np.full(60, 1.0)]) is None


def test_curve_goes_through_the_mean_of_the_runs():
    curve = relaxation_conductance(runs_of([6.0], 40), SYSTEM).curve
    inside = (curve.mean_K > curve.low_K) & (curve.mean_K < curve.high_K)
    assert inside.mean() > 0.5
    assert curve.fit_K[0] == pytest.approx(300.0, rel=0.05)
    assert (np.diff(curve.fit_K) < 0).all()


def test_several_exponentials_are_noticed():
    fast, slow = (
        draw(experiment(1.5, duration_ps=12.0), 5, 30),
        draw(experiment(30.0, duration_ps=12.0), 6, 30),
    )
    mixture = [
        TemperatureSeries(
            one.time_ps,
            0.5 * (one.T_particle_K + other.T_particle_K),
            0.5 * (one.T_support_K + other.T_support_K),
        )
        for one, other in zip(fast, slow, strict=True)
    ]
    warnings = relaxation_conductance(mixture, SYSTEM).warnings
    assert any("not one exponential" in text and "faster" in text for text in warnings)


def test_wrong_number_of_atoms_is_noticed_by_the_noise():
    runs = draw(experiment(6.0), 7, 12)
    wrong = HeatedSystem(3000, 30000, HULL)
    assert any("n_particle" in text for text in relaxation_conductance(runs, wrong).warnings)
    right = relaxation_conductance(runs, SYSTEM)
    assert not any("n_particle" in text for text in right.warnings)


def test_result_is_plain_data():
    document = json.loads(json.dumps(relaxation_conductance(runs_of([6.0, 7.0], 3), SYSTEM).to_dict()))
    assert document["area_definition"] == "hull"
    assert document["n_runs"] == 6
    assert document["n_members"] == 2
    assert len(document["runs"]) == 6
    assert {"time_ps", "mean_K", "fit_K", "low_K", "high_K"} == set(document["curve"])


def test_impossible_input_is_refused():
    with pytest.raises(InputError, match="no run"):
        relaxation_conductance([], SYSTEM)
    with pytest.raises(InputError, match="area must be positive"):
        Contact(0.0, "hull")
    with pytest.raises(InputError, match="needs atoms"):
        dulong_petit(0)
    with pytest.raises(InputError, match="must be positive"):
        HeatCapacity(-1.0, 0.0, "given")
