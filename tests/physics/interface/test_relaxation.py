"""The state-space likelihood of the relaxation rate, on draws whose rate is known."""

from __future__ import annotations

import numpy as np
import pytest

from beamheat_fw.errors import CalculationError
from beamheat_fw.physics.interface.least_squares import least_squares
from beamheat_fw.physics.interface.rate_likelihood import join
from beamheat_fw.physics.interface.relaxation import fit
from beamheat_fw.physics.interface.run_plan import one_run_error
from beamheat_fw.physics.interface.two_body_draws import Experiment, draw
from beamheat_fw.physics.interface.two_body_filter import TwoBodies, normalised_innovations
from beamheat_fw.units import BOLTZMANN_EV_PER_K

TAU_PS = 12.0


def harmonic(n_particle: int, n_support: int) -> TwoBodies:
    return TwoBodies(
        3 * n_particle * BOLTZMANN_EV_PER_K, 3 * n_support * BOLTZMANN_EV_PER_K, n_particle, n_support
    )


@pytest.fixture(scope="module")
def au341() -> Experiment:
    return Experiment(harmonic(341, 2000), TAU_PS, duration_ps=36.0, interval_ps=0.1)


def test_interval_covers_the_true_rate_as_often_as_it_claims_and_least_squares_does_not(au341):
    runs = draw(au341, seed=1, count=120)
    covered, values, claimed_ls = [], [], []
    for run in runs:
        likelihood = fit([run], au341.bodies).joint
        low, high = likelihood.interval_per_ps()
        covered.append(low <= 1 / TAU_PS <= high)
        values.append(likelihood.bias_reduced.best_per_ps * TAU_PS)
        rate, error = least_squares(run)
        claimed_ls.append(abs(rate - 1 / TAU_PS) < error)
    # Three standard errors of a share out of 120 are 0.13.
    assert 0.55 < np.mean(covered) < 0.81
    assert np.mean(claimed_ls) < 0.5
    assert np.mean(values) == pytest.approx(1.0, abs=0.03)
    floor = one_run_error(au341.bodies, 600, 300, 3.0)
    assert np.std(values) == pytest.approx(floor, rel=0.25)


def test_runs_that_share_a_rate_narrow_it_as_their_number(au341):
    runs = draw(au341, seed=2, count=9)
    together = fit(runs, au341.bodies)
    low, high = together.joint.interval_per_ps()
    alone = np.mean([np.diff(one.interval_per_ps())[0] for one in together.runs])
    assert (high - low) / alone == pytest.approx(1 / 3, rel=0.2)


def test_adding_likelihoods_is_joining_them(au341):
    fitted = fit(draw(au341, seed=3, count=2), au341.bodies)
    both = fitted.runs[0] + fitted.runs[1]
    np.testing.assert_array_equal(both.log_likelihood, join(fitted.runs).log_likelihood)


def test_small_particles_over_short_runs_give_the_rate_without_bias():
    experiment = Experiment(harmonic(30, 300), 6.0, duration_ps=6.0, interval_ps=0.05)
    runs = draw(experiment, seed=4, count=160)
    values, covered = [], []
    for start in range(0, 160, 8):
        likelihood = fit(runs[start : start + 8], experiment.bodies).joint
        low, high = likelihood.interval_per_ps()
        values.append(likelihood.bias_reduced.best_per_ps * 6.0)
        covered.append(low <= 1 / 6.0 <= high)
    assert np.mean(values) == pytest.approx(1.0, abs=3 * 0.15 / np.sqrt(20))
    assert 0.35 < np.mean(covered) <= 1.0


def test_cold_start_gives_the_rate_as_a_hot_one_does():
    cold = Experiment(harmonic(1489, 8000), TAU_PS, 300.0, 600.0, 36.0, 0.1)
    assert fit(draw(cold, 5, 4), cold.bodies).joint.best_per_ps * TAU_PS == pytest.approx(1.0, abs=0.09)


def test_thermal_noise_gone_the_rate_is_exact():
    # A particle so large that neither noise is left.
    quiet = Experiment(harmonic(10**9, 10**10), 10.0, duration_ps=20.0, interval_ps=0.05)
    assert fit(draw(quiet, 6), quiet.bodies).joint.best_per_ps == pytest.approx(0.1, rel=1e-4)
    # The paper takes the mean of the first 30 samples, 1.5 ps here, for the value at the start.
    rate, _ = least_squares(draw(quiet, 6)[0])
    assert 0.090 < rate < 0.095


def test_correlation_time_of_the_kinetic_noise_is_measured(au341):
    fitted = fit(draw(au341, seed=7, count=20), au341.bodies)
    assert fitted.tau_fast_ps == pytest.approx(au341.tau_fast_ps, rel=0.15)


def test_innovations_of_the_true_model_are_white(au341):
    run = draw(au341, seed=8, count=30)
    fitted = fit(run, au341.bodies)
    every = np.concatenate(
        [
            normalised_innovations(pair, au341.bodies, fitted.block_ps, 1 / TAU_PS, fitted.tau_fast_ps)
            for pair in fitted.blocks_K
        ]
    )
    assert np.var(every) == pytest.approx(1.0, abs=0.12)
    assert np.corrcoef(every[1:], every[:-1])[0, 1] == pytest.approx(0.0, abs=0.08)


def test_no_exchange_is_said_to_be_compatible_with_zero():
    isolated = Experiment(harmonic(30, 300), 1e6, duration_ps=6.0, interval_ps=0.05)
    likelihood = fit(draw(isolated, 9, 6), isolated.bodies).joint
    assert likelihood.compatible_with_zero
    assert likelihood.interval_per_ps()[0] == 0.0
    coupled = Experiment(harmonic(341, 2000), TAU_PS, duration_ps=24.0, interval_ps=0.1)
    assert not fit(draw(coupled, 9), coupled.bodies).joint.compatible_with_zero


def test_leaving_out_the_support_inflates_the_conductance():
    bodies = harmonic(341, 2000)
    assert bodies.C_particle_eV_per_K / bodies.C_reduced_eV_per_K == pytest.approx(1 + 341 / 2000)


def test_stationary_variance_is_that_of_thermodynamics():
    experiment = Experiment(harmonic(100, 400), 2.0, 400.0, 400.0, 100.0, 0.2, tau_fast_ps=1e-3)
    slow = [
        run.E_particle_eV / experiment.bodies.C_particle_eV_per_K
        - run.E_support_eV / experiment.bodies.C_support_eV_per_K
        for run in draw(experiment, 10, 60)
    ]
    expected = BOLTZMANN_EV_PER_K * 400.0**2 / experiment.bodies.C_reduced_eV_per_K
    assert np.var(np.concatenate([one[50:] for one in slow])) == pytest.approx(expected, rel=0.08)


def test_series_shorter_than_the_noise_is_refused():
    brief = Experiment(harmonic(341, 2000), TAU_PS, duration_ps=0.4, interval_ps=0.01)
    with pytest.raises(CalculationError, match="too short"):
        fit(draw(brief, 1), brief.bodies)
