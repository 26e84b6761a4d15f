"""What a campaign's heating runs become."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from beamheat_fw.campaign import HeatingStage, load_campaign
from beamheat_fw.firetasks.conductance import conductance_of
from beamheat_fw.firetasks.heating import describe_heated, pack_series, unpack_series
from beamheat_fw.firetasks.prediction import measured_conductance
from beamheat_fw.physics.interface.two_body_draws import Experiment, draw
from beamheat_fw.physics.interface.two_body_filter import TwoBodies
from beamheat_fw.store.database import Store
from beamheat_fw.store.documents import Conductance
from beamheat_fw.units import BOLTZMANN_EV_PER_K, NW_PER_EV_PER_PS

pytestmark = pytest.mark.mongod

RELAXING = load_campaign(Path(__file__).parents[2] / "workflows" / "emt_au_cu.yaml").heating
TAU_PS = 6.0
BODIES = TwoBodies(3 * 341 * BOLTZMANN_EV_PER_K, np.inf, 341, np.inf)


def test_injections_at_several_powers_become_one_conductance_at_none(store: Store):
    kelvin = (30.0, 60.0, 90.0)
    experiments = [
        Experiment(BODIES, TAU_PS, 300.0 + rise, 300.0, 200.0, 0.1, heating_K_per_ps=rise / TAU_PS)
        for rise in kelvin
    ]
    GA_eV_per_K_ps = experiments[0].conductance_eV_per_K_ps
    powers = [GA_eV_per_K_ps * rise * NW_PER_EV_PER_PS for rise in kelvin]
    settings = {"method": "injection", "powers_nW": powers, "ranks": 3, "replicas_per_rank": 2}
    heating = HeatingStage.model_validate({**RELAXING.model_dump(), **settings})
    series = [
        replace(one, seed=number + 3 * again, member="m")
        for number, experiment in enumerate(experiments)
        for again, one in enumerate(draw(experiment, seed=number, count=2))
    ]
    found = conductance_of(heating, "c", 2, unpack_series(pack_series(series)), [])
    store.save(found)
    found = store.load(Conductance, found.id)
    expected = 1e3 * powers[0] / kelvin[0] / describe_heated(heating)["contact_area_nm2"]
    assert (found.method, found.result_key) == ("injection", "injection-r2")
    error = found.breakdown["statistical"]
    assert found.conductance_MW_m2K == pytest.approx(expected, abs=3.0 * error)
    assert 0.0 < error < 0.1 * expected
    assert not found.compatible_with_zero
    assert [run["power_nW"] for run in found.fit["steady_runs"]] == pytest.approx(sorted(2 * powers))
    # What a prediction takes from it.
    assert measured_conductance(found).value == found.conductance_MW_m2K


def test_relaxations_become_a_conductance_with_its_errors_by_cause():
    bodies = TwoBodies(0.3, 1.2, 341, 1400)
    series = [
        replace(one, seed=number, member=f"m{number % 2}")
        for number, one in enumerate(draw(Experiment(bodies, TAU_PS, duration_ps=18.0), seed=1, count=4))
    ]
    found = conductance_of(RELAXING, "c", 1, series, [])
    assert (found.method, found.result_key) == ("relaxation", "relaxation-r1")
    assert set(found.breakdown) == {"statistical", "potential", "heat_capacity"}
    assert found.conductance_low_MW_m2K < found.conductance_MW_m2K < found.conductance_high_MW_m2K
