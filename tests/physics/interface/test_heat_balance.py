"""Heat that did not come through the interface is noticed; exchanged heat alone never is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from beamheat_fw.physics.interface.conductance import Contact, HeatedSystem, relaxation_conductance
from beamheat_fw.physics.interface.heat_balance import heat_balances
from beamheat_fw.physics.interface.two_body_draws import Experiment, draw
from beamheat_fw.physics.interface.two_body_filter import TwoBodies
from beamheat_fw.units import BOLTZMANN_EV_PER_K

BODIES = TwoBodies(180 * BOLTZMANN_EV_PER_K, 900 * BOLTZMANN_EV_PER_K, 60, 300)
EXPERIMENT = Experiment(BODIES, 8.0, duration_ps=12.0)
SYSTEM = HeatedSystem(60, 300, Contact(2.0, "hull"))


def warmed(run, kelvin):
    """Let the support gain heat of its own on top of what it is given."""
    ramp = kelvin * run.time_ps / run.time_ps[-1]
    return replace(run, T_support_K=run.T_support_K + ramp, E_particle_eV=None, E_support_eV=None)


def test_two_bodies_that_only_exchange_heat_are_balanced():
    sigmas = []
    for seed in range(40):
        (balance,) = heat_balances(draw(EXPERIMENT, seed, 3), BODIES, EXPERIMENT.tau_fast_ps)
        sigmas.append(balance.gained_eV / balance.error_eV)
    assert np.std(sigmas) == pytest.approx(1.0, abs=0.3)
    assert abs(np.mean(sigmas)) < 0.5


def test_heat_of_a_relaxing_structure_is_told_from_heat_that_crossed():
    good = [replace(warmed(run, 0.0), member="good") for run in draw(EXPERIMENT, 1, 4)]
    bad = [replace(warmed(run, 60.0), member="bad") for run in draw(EXPERIMENT, 2, 4)]
    result = relaxation_conductance(good + bad, SYSTEM)
    (warning,) = [text for text in result.warnings if "does not balance" in text]
    assert "1 of 2 potentials" in warning
    by_member = {one.member: one for one in result.balances}
    assert by_member["good"].is_closed
    # From the middle of the first to the middle of the last third is two thirds of the ramp.
    assert not by_member["bad"].is_closed
    assert by_member["bad"].gained_eV == pytest.approx(40.0 * BODIES.C_support_eV_per_K, rel=0.1)


def test_a_heat_capacity_ten_percent_off_is_not_taken_for_a_relaxing_structure():
    assumed = replace(BODIES, C_particle_eV_per_K=BODIES.C_particle_eV_per_K / 1.1)
    (balance,) = heat_balances(draw(EXPERIMENT, 5, 30), assumed, EXPERIMENT.tau_fast_ps)
    assert balance.is_closed


def test_an_infinite_bath_has_no_balance():
    bath = TwoBodies(BODIES.C_particle_eV_per_K, np.inf, 60, np.inf)
    assert heat_balances(draw(EXPERIMENT, 1, 2), bath, 0.15) == ()
