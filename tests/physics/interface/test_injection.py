"""Conductance from constant power, on draws whose conductance is known."""

from __future__ import annotations

import numpy as np
import pytest

from beamheat_fw.errors import CalculationError, InputError
from beamheat_fw.physics.interface.conductance import Contact
from beamheat_fw.physics.interface.injection import injection_conductance, steady_run
from beamheat_fw.physics.interface.power_line import fit_power_line
from beamheat_fw.physics.interface.stationarity import (
    drift_in_sigma,
    equilibrated_from,
    standard_error,
    statistical_inefficiency,
)
from beamheat_fw.physics.interface.two_body_draws import Experiment, draw
from beamheat_fw.physics.interface.two_body_filter import TwoBodies
from beamheat_fw.units import BOLTZMANN_EV_PER_K, NW_PER_EV_PER_PS

BODIES = TwoBodies(3 * 341 * BOLTZMANN_EV_PER_K, np.inf, 341, np.inf)
CONTACT = Contact(6.0, "hull")
TAU_PS = 6.0


def heated(kelvin: float, start_K: float | None = None, duration_ps: float = 200.0) -> Experiment:
    start = 300.0 + kelvin if start_K is None else start_K
    return Experiment(BODIES, TAU_PS, start, 300.0, duration_ps, 0.1, heating_K_per_ps=kelvin / TAU_PS)


def power_nW(kelvin: float) -> float:
    return heated(kelvin).conductance_eV_per_K_ps * kelvin * NW_PER_EV_PER_PS


def true_conductance_MW_m2K() -> float:
    return power_nW(1.0) / 6.0 * 1e3


def test_error_of_the_steady_difference_is_honest():
    pulls = [
        (run.difference_K - 60.0) / run.difference_error_K
        for run in (steady_run(one, power_nW(60.0), CONTACT) for one in draw(heated(60.0), 1, 60))
    ]
    assert np.std(pulls) == pytest.approx(1.0, abs=0.3)
    assert abs(np.mean(pulls)) < 3 / np.sqrt(60)


def test_transient_is_left_out():
    (series,) = draw(heated(80.0, start_K=300.0), 2)
    run = steady_run(series, power_nW(80.0), CONTACT)
    assert run.start_ps > TAU_PS
    assert run.difference_K == pytest.approx(80.0, abs=4 * run.difference_error_K)


def test_a_run_of_few_samples_is_taken_as_a_longer_one_is():
    (series,) = draw(heated(80.0), 3)
    run = steady_run(series.between(0.0, 2.9), power_nW(80.0), CONTACT)
    assert len(series.between(0.0, 2.9).time_ps) == 30
    assert run.difference_K == pytest.approx(80.0, abs=4 * run.difference_error_K)
    assert any("independent samples" in warning for warning in run.warnings)


def test_conductance_is_extrapolated_to_no_power():
    kelvins = (40.0, 80.0, 120.0)
    series = [draw(heated(kelvin), 10 + number)[0] for number, kelvin in enumerate(kelvins)]
    result = injection_conductance(series, [power_nW(kelvin) for kelvin in kelvins], CONTACT)
    g = result.conductance_MW_m2K
    assert g.value == pytest.approx(true_conductance_MW_m2K(), abs=3 * g.error)
    assert g.error / g.value < 0.25
    assert result.T_interface_K == pytest.approx(300.0, abs=6.0)
    assert result.chi_squared_per_freedom < 9


def test_dependence_on_power_is_taken_out():
    powers = np.array([10.0, 20.0, 30.0, 40.0])
    line = fit_power_line(powers, 100.0 + 0.7 * powers, np.full(4, 2.0), ["a"] * 4)
    assert (line.value_MW_m2K, line.slope_MW_m2K_per_nW) == pytest.approx((100.0, 0.7))
    assert line.chi_squared_per_freedom == pytest.approx(0.0, abs=1e-9)
    assert line.statistical_MW_m2K == line.total_MW_m2K == pytest.approx(2.0 * np.sqrt(1.5))
    assert line.member_spread is None


def lines(offsets, error, seed=0):
    """Return a line through three powers for each of several potentials that differ by `offsets`."""
    random = np.random.default_rng(seed)
    powers = np.tile([20.0, 40.0, 80.0], len(offsets))
    members = np.repeat([f"member {number}" for number in range(len(offsets))], 3)
    exact = np.repeat(100.0 * (1.0 + np.asarray(offsets)), 3) - 0.1 * powers
    noisy = exact + error * random.normal(size=powers.size)
    return fit_power_line(powers, noisy, np.full(powers.size, error), members.tolist())


def test_potentials_that_disagree_widen_the_error_and_those_that_agree_hardly_do():
    alike, apart = lines([0.0, 0.0, 0.0], 2.0), lines([-0.2, 0.0, 0.2], 2.0)
    assert alike.statistical_MW_m2K == pytest.approx(apart.statistical_MW_m2K)
    assert alike.total_MW_m2K < 2.5 * alike.statistical_MW_m2K
    assert apart.total_MW_m2K > 4.0 * apart.statistical_MW_m2K
    assert apart.member_spread == pytest.approx(0.2, rel=0.4)
    assert apart.value_MW_m2K == pytest.approx(100.0, abs=4.0)
    assert apart.potential_error_MW_m2K == pytest.approx(
        np.sqrt(apart.total_MW_m2K**2 - apart.statistical_MW_m2K**2)
    )


def test_the_interval_over_potentials_covers_the_mean_of_all_potentials():
    random = np.random.default_rng(5)
    found = [lines(0.1 * random.normal(size=4), 3.0, seed) for seed in range(300)]
    covered = np.mean([abs(line.value_MW_m2K - 100.0) < line.total_MW_m2K for line in found])
    print(f"covers {covered:.3f}")
    assert 0.62 < covered < 0.82
    as_one = np.mean([abs(line.value_MW_m2K - 100.0) < line.statistical_MW_m2K for line in found])
    assert as_one < covered - 0.1


def test_each_potential_counts_by_what_its_runs_tell():
    """One with few runs at one power, one with many: the slope is common to both."""
    powers = np.array([20.0, 40.0, 80.0, 80.0, 40.0])
    line = fit_power_line(
        powers, 100.0 - 0.1 * powers, np.array([2.0, 2.0, 2.0, 2.0, 20.0]), ["a", "a", "a", "a", "b"]
    )
    assert line.value_MW_m2K == pytest.approx(100.0)
    assert line.slope_MW_m2K_per_nW == pytest.approx(-0.1)


def test_few_powers_are_warned_of():
    series = draw(heated(60.0), 3, 2)
    result = injection_conductance(series, [power_nW(60.0)] * 2, CONTACT)
    assert any("3 are needed" in text for text in result.warnings)
    assert result.slope_MW_m2K_per_nW is None


def test_cooling_gives_a_positive_conductance():
    (series,) = draw(heated(-60.0), 4)
    assert steady_run(series, power_nW(-60.0), CONTACT).conductance_MW_m2K > 0


def test_zero_power_missing_power_and_wrong_sign_are_refused():
    (series,) = draw(heated(60.0), 5)
    with pytest.raises(InputError, match="must not be zero"):
        steady_run(series, 0.0, CONTACT)
    with pytest.raises(InputError, match="needs its power"):
        injection_conductance([series], [], CONTACT)
    with pytest.raises(CalculationError, match="wrong sign"):
        steady_run(series, -20.0, CONTACT)


def autoregression(kept: float, n: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    values = random.normal(size=n)
    for k in range(1, n):
        values[k] = kept * values[k - 1] + np.sqrt(1 - kept**2) * values[k]
    return values


@pytest.mark.parametrize("kept", [0.0, 0.5, 0.9])
def test_inefficiency_of_an_autoregression_is_the_known_one(kept):
    found = np.mean([statistical_inefficiency(autoregression(kept, 8000, seed)) for seed in range(8)])
    assert found == pytest.approx((1 + kept) / (1 - kept), rel=0.15)


def test_constant_series_has_no_error():
    assert statistical_inefficiency(np.ones(50)) == 1.0
    assert standard_error(np.ones(50)) == 0.0
    assert drift_in_sigma(np.ones(50)) == 0.0


def test_equilibration_is_found_where_the_transient_ends():
    noise = autoregression(0.5, 2000, 1)
    transient = 12.0 * np.exp(-np.arange(2000) / 80.0)
    assert 150 < equilibrated_from(noise + transient) < 700
    assert equilibrated_from(noise) < 300
    assert abs(drift_in_sigma(noise)) < 3.5
    assert drift_in_sigma(noise + np.linspace(0, 6, 2000)) > 4
