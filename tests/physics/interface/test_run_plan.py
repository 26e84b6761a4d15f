"""How many runs an asked error needs."""

from __future__ import annotations

import numpy as np
import pytest

from beamheat_fw.errors import InputError
from beamheat_fw.physics.interface.conductance import Contact
from beamheat_fw.physics.interface.method_comparison import Determination, compare, fit_size_law
from beamheat_fw.physics.interface.run_plan import one_run_error, plan_runs
from beamheat_fw.physics.interface.two_body_filter import TwoBodies
from beamheat_fw.units import BOLTZMANN_EV_PER_K


@pytest.mark.parametrize("atoms", [38, 341, 1489])
def test_floor_of_one_run_is_the_published_law(atoms):
    bodies = TwoBodies(3 * atoms * BOLTZMANN_EV_PER_K, np.inf, atoms, np.inf)
    temperature = np.sqrt(600 * 300)
    expected = 2 / np.sqrt(3) * temperature / 300 / np.sqrt(atoms)
    assert one_run_error(bodies, 600, 300, 50.0) == pytest.approx(expected, rel=1e-9)


def test_longer_runs_gain_little_beyond_one_and_a_half_tau():
    bodies = TwoBodies(0.09, 0.5, 341, 2000)
    assert one_run_error(bodies, 600, 300, 1.5) / one_run_error(bodies, 600, 300, 20.0) < 1.03


def test_seeds_are_enough_and_not_too_many():
    plan = plan_runs(0.05, 0.28)
    assert plan.seeds == 32
    assert plan.expected_error <= 0.05
    assert 0.28 / np.sqrt(plan.seeds - 1) > 0.05
    assert plan_runs(0.05, 0.28, members=5).seeds == 35


def test_spread_of_potentials_cannot_be_run_away():
    assert not plan_runs(0.05, 0.1, members=4, member_spread=0.12).reachable
    plan = plan_runs(0.07, 0.1, members=4, member_spread=0.12)
    assert plan.reachable
    assert plan.expected_error <= 0.07


def test_nothing_to_plan_is_refused():
    with pytest.raises(InputError, match="equal temperatures"):
        one_run_error(TwoBodies(0.1, 0.1, 10, 10), 300, 300)
    with pytest.raises(InputError, match="between 0 and 1"):
        plan_runs(5.0, 0.1)


def determination(
    value: float, error: float, area: float = 6.0, name: str = "hull", T: float = 400.0
) -> Determination:
    return Determination(value, error, Contact(area, name), T)


def test_agreement_within_wide_errors_says_nothing():
    assert compare(determination(100, 4), determination(105, 5)).agrees
    wide = compare(determination(100, 40), determination(140, 50))
    assert abs(wide.sigma) < 1
    assert not wide.agrees
    assert not compare(determination(100, 3), determination(130, 3)).agrees


def test_areas_and_temperatures_are_never_mixed():
    with pytest.raises(InputError, match="contact areas cannot be mixed"):
        compare(determination(100, 4), determination(105, 5, name="atoms"))
    with pytest.raises(InputError, match="interface temperatures"):
        compare(determination(100, 4), determination(105, 5, T=500.0))


def test_size_law_gives_back_area_and_edge():
    areas, perimeters = [5.0, 10.0, 20.0, 40.0], [8.0, 11.0, 16.0, 23.0]
    sizes = [determination(50.0 + 10.0 * u / a, 1.0, area=a) for a, u in zip(areas, perimeters, strict=True)]
    law = fit_size_law(sizes, perimeters)
    assert law.area_MW_m2K == pytest.approx(50.0)
    assert law.edge_W_mK == pytest.approx(0.01)
    assert law.conductance_MW_m2K(Contact(1e6, "hull"), 4e3) == pytest.approx(50.04)
    with pytest.raises(InputError, match="mixed"):
        law.conductance_MW_m2K(Contact(10.0, "atoms"), 12.0)
    with pytest.raises(InputError, match="size law"):
        fit_size_law(sizes[:1], perimeters[:1])
