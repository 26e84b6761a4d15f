"""The estimate of a label's cost, and chunks made by it."""

import numpy as np
import pytest
from ase import Atoms
from ase.data import atomic_numbers

from beamheat_fw.campaign import EmtSettings, GpawSettings
from beamheat_fw.flows.label_cost import prior_cost
from beamheat_fw.physics.labels.chunks import share_into_chunks
from beamheat_fw.physics.labels.label_cost import ELECTRONS_OF_TIMED_LABEL, LabelCost, valence_electrons


@pytest.mark.parametrize(
    ("symbol", "electrons"),
    [
        ("H", 1),
        ("B", 3),
        ("N", 5),
        ("O", 6),
        ("Ti", 4),
        ("Cu", 11),
        ("Ag", 11),
        ("Au", 11),
        ("Si", 4),
        ("Pb", 4),
    ],
)
def test_valence_electrons_are_those_outside_the_core(symbol, electrons):
    assert valence_electrons([atomic_numbers[symbol]]) == electrons


def test_the_timed_label_has_the_size_it_is_said_to_have():
    assert valence_electrons(Atoms("Au10B16N16").numbers) == ELECTRONS_OF_TIMED_LABEL


def test_small_structures_cost_by_electrons_and_large_ones_by_their_cube():
    cost = LabelCost(10.0)
    assert cost.core_seconds(ELECTRONS_OF_TIMED_LABEL) == pytest.approx(10.0)
    assert cost.core_seconds(20) / cost.core_seconds(10) == pytest.approx(2.0, rel=0.01)
    assert cost.core_seconds(40_000) / cost.core_seconds(20_000) == pytest.approx(8.0, rel=0.01)


def test_nothing_measured_changes_nothing():
    assert LabelCost(10.0).learn([], []) == LabelCost(10.0)


def test_many_labels_decide_and_one_moves_the_estimate_towards_it():
    truth, prior = LabelCost(3.0, bend=0.4), LabelCost(10.0)
    rng = np.random.default_rng(2)
    sizes = rng.uniform(50, 600, 200)
    times = [truth.core_seconds(size) * np.exp(0.2 * rng.normal()) for size in sizes]
    learned = prior.learn(sizes.tolist(), times)
    for size in (60, 240, 500):
        assert learned.core_seconds(size) == pytest.approx(truth.core_seconds(size), rel=0.1)
    once = prior.learn([240.0], [truth.core_seconds(240)]).core_seconds(240)
    assert truth.core_seconds(240) < once < 0.5 * prior.core_seconds(240)


def test_labels_of_one_size_say_nothing_of_how_the_cost_grows():
    prior = LabelCost(10.0)
    learned = prior.learn([44.0] * 5, [1000.0] * 5)
    assert learned.bend == pytest.approx(0.0, abs=1e-12)
    assert learned.core_seconds(44) == pytest.approx(1000.0, rel=0.2)
    growth = learned.core_seconds(500) / learned.core_seconds(44)
    assert growth == pytest.approx(prior.core_seconds(500) / prior.core_seconds(44))


def test_finer_settings_cost_more():
    def core_s(**settings):
        return prior_cost(GpawSettings(**settings)).core_s

    assert core_s(basis="sz(dzp)", h_A=0.22) < core_s(basis="dzp", h_A=0.16)
    assert core_s(kpts=(2, 2, 1)) == pytest.approx(4 * core_s())
    assert core_s(mode="pw", cutoff_eV=600) > core_s(mode="pw", cutoff_eV=400)
    assert prior_cost(EmtSettings()).core_s < 0.1


def test_chunks_take_about_the_time_asked_for_and_hold_every_piece_once():
    seconds = np.random.default_rng(1).uniform(10, 300, 60).tolist()
    chunks = share_into_chunks(seconds, aim_s=1000.0, most=100)
    assert sorted(piece for chunk in chunks for piece in chunk) == list(range(60))
    lengths = [sum(seconds[piece] for piece in chunk) for chunk in chunks]
    assert max(lengths) < 1000.0 + max(seconds)
    assert max(lengths) - min(lengths) < max(seconds)
    assert len(chunks) == -(-sum(seconds) // 1000)


def test_heavy_pieces_come_first_and_the_longest_chunk_too():
    seconds = [1.0, 50.0, 2.0, 30.0, 3.0]
    chunks = share_into_chunks(seconds, aim_s=45.0, most=10)
    assert chunks == [[1], [3, 4, 2, 0]]


def test_no_chunk_holds_more_than_the_limit():
    chunks = share_into_chunks([0.0] * 23, aim_s=3600.0, most=10)
    assert len(chunks) == 3
    assert max(map(len, chunks)) <= 10
    assert share_into_chunks([5.0] * 4, aim_s=1.0, most=3) == [[0], [1], [2], [3]]
