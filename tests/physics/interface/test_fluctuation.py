"""A conductance from two bodies in equilibrium, on series whose conductance is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from beamheat_fw.errors import InputError
from beamheat_fw.physics.interface.conductance import HeatedSystem, conductance_per_rate
from beamheat_fw.physics.interface.conductance_result import Contact
from beamheat_fw.physics.interface.fluctuation import equilibrium_conductance
from beamheat_fw.physics.interface.heat_capacity import HeatCapacity
from beamheat_fw.physics.interface.two_body_draws import Experiment, draw
from beamheat_fw.physics.interface.two_body_filter import TwoBodies
from beamheat_fw.units import BOLTZMANN_EV_PER_K

C_PARTICLE, C_SUPPORT = 3 * 341 * BOLTZMANN_EV_PER_K, 3 * 363 * BOLTZMANN_EV_PER_K
BODIES = TwoBodies(C_PARTICLE, C_SUPPORT, 341, 363)
EQUILIBRIUM = Experiment(
    BODIES,
    tau_ps=6.0,
    T_particle_K=450.0,
    T_support_K=450.0,
    duration_ps=400.0,
    interval_ps=0.1,
    tau_fast_ps=0.1,
)
CONTACT = Contact(2.6, "hull")
SYSTEM = HeatedSystem(
    341,
    363,
    CONTACT,
    HeatCapacity(C_PARTICLE, 0.0, "known"),
    HeatCapacity(C_SUPPORT, 0.0, "known"),
)
TRUE = conductance_per_rate(BODIES, CONTACT) / EQUILIBRIUM.tau_ps


@pytest.fixture(scope="module")
def results():
    return [equilibrium_conductance(draw(EQUILIBRIUM, seed, count=4), SYSTEM) for seed in range(12)]


def test_the_conductance_and_its_error_are_right(results):
    found = np.array([result.conductance_MW_m2K.value for result in results]) / TRUE
    errors = np.array([result.conductance_MW_m2K.error for result in results]) / TRUE
    assert found.mean() == pytest.approx(1.0, abs=3.0 * found.std(ddof=1) / len(found) ** 0.5)
    assert errors.mean() == pytest.approx(found.std(ddof=1), rel=0.5)
    assert errors.mean() < 0.1


def test_the_integral_agrees_though_less_exactly_and_needs_no_heat_capacity(results):
    found = np.array([result.integral_MW_m2K.value for result in results]) / TRUE
    assert np.median(found) == pytest.approx(1.0, abs=3.0 * found.std(ddof=1) / len(found) ** 0.5)
    wrong = replace(SYSTEM, particle=HeatCapacity(1.3 * C_PARTICLE, 0.0, "wrong"))
    runs = draw(EQUILIBRIUM, 0, count=4)
    assert equilibrium_conductance(runs, wrong).integral_MW_m2K.value == pytest.approx(
        results[0].integral_MW_m2K.value, rel=0.1
    )
    assert results[0].T_interface_K == pytest.approx(450.0, abs=5.0)


def test_a_particle_that_is_still_hot_is_refused():
    hot = replace(EQUILIBRIUM, T_particle_K=600.0, duration_ps=25.0)
    with pytest.raises(InputError, match="not in equilibrium"):
        equilibrium_conductance(draw(hot, 1, count=4), SYSTEM)
    with pytest.raises(InputError, match="no run"):
        equilibrium_conductance([], SYSTEM)
