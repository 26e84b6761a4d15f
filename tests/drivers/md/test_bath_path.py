"""The temperatures of the baths: up to annealing, at it, and over to each body's own, without a jump."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from beamheat_fw.drivers.md.protocols import HeatProtocol
from beamheat_fw.errors import InputError

PROTOCOL = HeatProtocol(
    particle_K=600.0,
    support_K=300.0,
    timestep_fs=2.0,
    friction_per_ps=5.0,
    equilibrate_ps=2.0,
    relax_ps=10.0,
    replicas_per_rank=1,
    sample_every=5,
    audit_every=100,
    checkpoint_every=100,
    seed=1,
)
ANNEALED = replace(PROTOCOL, anneal_K=700.0, anneal_ps=20.0)


def _at(protocol: HeatProtocol, body_K: float, *steps: int) -> list[float]:
    path = protocol.bath_path(body_K)
    return [path.at_K(step) for step in steps]


def test_without_annealing_a_bath_warms_up_from_half_in_half_of_equilibration():
    assert _at(PROTOCOL, 300.0, 0, 250, 500, 999, 10_000) == [150.0, 225.0, 300.0, 300.0, 300.0]


def test_annealed_bodies_go_up_together_and_part_in_the_first_half_of_equilibration():
    assert ANNEALED.anneal_steps == 10_000
    particle, support = (_at(ANNEALED, body_K, *range(ANNEALED.bath_steps + 10)) for body_K in (600.0, 300.0))
    assert particle[:10_001] == support[:10_001]
    assert particle[0] == 350.0
    assert particle[250] == pytest.approx(525.0)
    assert set(particle[500:10_001]) == {700.0}
    assert particle[10_250] == pytest.approx(650.0)
    assert support[10_250] == pytest.approx(500.0)
    assert set(particle[10_500:]) == {600.0}
    assert set(support[10_500:]) == {300.0}
    # No step is larger than that of the steepest ramp, from 700 to 300 K in 500 steps.
    assert np.abs(np.diff(support)).max() == pytest.approx(0.8)


def test_a_short_annealing_is_at_its_temperature_for_half_of_it_at_least():
    short = replace(PROTOCOL, anneal_K=700.0, anneal_ps=0.4)
    assert _at(short, 300.0, 0, 100, 200, 700) == [350.0, 700.0, 700.0, 300.0]


def test_annealing_counts_among_the_steps_and_not_in_the_time_that_is_measured():
    assert ANNEALED.steps == 10_000 + PROTOCOL.steps
    assert [ANNEALED.phase(step) for step in (0, 9_999, 10_000, 10_999, 11_000)] == [
        "anneal",
        "anneal",
        "equilibrate",
        "equilibrate",
        "relax",
    ]
    assert [ANNEALED.time_ps(step) for step in (0, 11_000)] == [-22.0, 0.0]


def test_only_an_annealing_that_takes_place_is_part_of_a_runs_identity(tmp_path):
    assert not {"anneal_K", "anneal_ps"} & set(PROTOCOL.identity())
    assert ANNEALED.identity()["anneal_ps"] == 20.0
    assert replace(ANNEALED, anneal_K=800.0).identity() != ANNEALED.identity()
    ANNEALED.write(tmp_path / "protocol.json")
    assert HeatProtocol.read(tmp_path / "protocol.json") == ANNEALED


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"anneal_ps": -1.0}, "anneal_ps is not positive"),
        ({"anneal_ps": 0.0}, "anneal_ps is not positive"),
        ({"anneal_K": None}, "no temperature"),
        ({"anneal_K": 0.0}, "anneal_K is not positive"),
        ({"anneal_K": 299.0}, "colder than both"),
        ({"equilibrate_ps": 0.0}, "equilibrate_ps is not positive"),
    ],
)
def test_an_annealing_of_no_use_is_refused(wrong, told):
    with pytest.raises(InputError, match=told):
        replace(ANNEALED, **wrong)
