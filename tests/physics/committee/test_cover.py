"""Frames that stand for what a committee is uncertain about."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from beamheat_fw.physics.committee.cover import PoolAtoms, covering_frames

Atom = tuple[float, float, str]


def pool(frames: Sequence[Sequence[Atom]]) -> PoolAtoms:
    """Frames of gold atoms: each atom's place in descriptor space, its expected error, its environment."""
    numbers = np.repeat(np.arange(len(frames)), [len(frame) for frame in frames])
    points, errors, places = (np.array(column) for column in zip(*itertools.chain(*frames), strict=True))
    return PoolAtoms(points[:, None], np.full(len(points), "Au"), places, numbers, errors)


def error_left(atoms: PoolAtoms, chosen: Sequence[int]) -> float:
    """What is left once frames are labelled beside frame 0, by its definition."""
    unlabelled = atoms.where(atoms.frame > 0)

    def nearest(frames: Sequence[int]) -> np.ndarray:
        known = atoms.where(np.isin(atoms.frame, frames)).descriptors[:, 0]
        return ((unlabelled.descriptors - known) ** 2).min(axis=1)

    return float(unlabelled.shares() @ (nearest([0, *chosen]) / nearest([0])))


@pytest.mark.parametrize("seed", range(5))
def test_each_choice_leaves_the_smallest_error_and_two_come_close_to_the_best_two(seed):
    random = np.random.default_rng(seed)
    atoms = pool([[(x, error, "particle") for x, error in random.lognormal(size=(3, 2))] for _ in range(9)])
    frames = range(1, 9)
    first, second = covering_frames(atoms, frames, [0], 2)
    assert error_left(atoms, [first]) == pytest.approx(min(error_left(atoms, [one]) for one in frames))
    assert error_left(atoms, [first, second]) == pytest.approx(
        min(error_left(atoms, [first, one]) for one in frames if one != first)
    )
    best = min(error_left(atoms, pair) for pair in itertools.combinations(frames, 2))
    assert 1.0 - error_left(atoms, [first, second]) >= (1.0 - np.exp(-1.0)) * (1.0 - best)


def test_few_atoms_of_the_particle_count_as_much_as_many_of_the_support():
    near = [(1.0 + 0.01 * number, 0.2, "support") for number in range(30)]
    far = [(9.0, 0.1, "particle"), (1.0, 0.2, "support")]
    labelled = [(0.0, 0.1, "support"), (0.0, 0.1, "particle")]
    assert covering_frames(pool([labelled, near, far]), [1, 2], [0], 1) == [2]
    one_place = pool([labelled, near, far])
    one_place = replace(one_place, environment=np.full(len(one_place.frame), "support"))
    assert covering_frames(one_place, [1, 2], [0], 1) == [1]


def test_a_frame_like_one_that_was_chosen_is_left_for_another():
    alike = [[(5.0 + 0.01 * number, 1.0, "particle")] for number in range(3)]
    atoms = pool([[(0.0, 1.0, "particle")], *alike, [(-2.0, 1.0, "particle")]])
    assert covering_frames(atoms, [1, 2, 3, 4], [0], 2) == [2, 4]


def test_an_atom_of_another_element_teaches_nothing():
    atoms = pool([[(0.0, 1.0, "particle")], [(5.0, 1.0, "particle")], [(5.0, 9.0, "particle")]])
    atoms = replace(atoms, element=np.array(["Au", "Au", "Cu"]))
    assert covering_frames(atoms, [1, 2], [0], 2) == [2, 1]
    gold_frame_alone = replace(atoms, error_eV_A=np.array([1.0, 1.0, 0.5]))
    assert covering_frames(gold_frame_alone, [1, 2], [0], 1) == [1]


def test_thinning_keeps_the_largest_errors_of_each_element_and_environment_of_a_frame():
    frame = [
        (float(n), error, place)
        for n, (error, place) in enumerate(
            [(0.1, "particle"), (0.3, "particle"), (0.2, "particle"), (0.01, "support"), (0.02, "support")]
        )
    ]
    atoms = pool([frame, frame[::-1]])
    atoms = replace(atoms, element=np.where(atoms.descriptors[:, 0] == 0, "Cu", "Au"))
    thin = atoms.thinned(1)
    assert thin.error_eV_A.tolist() == [0.1, 0.3, 0.02, 0.02, 0.3, 0.1]
    assert thin.frame.tolist() == [0, 0, 0, 1, 1, 1]
    assert thin.descriptors[:, 0].tolist() == [0.0, 1.0, 4.0, 4.0, 1.0, 0.0]
    np.testing.assert_array_equal(atoms.thinned(3).descriptors, atoms.descriptors)


def test_of_equal_errors_the_first_atoms_are_kept():
    atoms = pool([[(float(number), 1.0, "particle") for number in range(40)]])
    assert atoms.thinned(16).descriptors[:, 0].tolist() == list(range(16))


def test_descriptors_count_alike_and_one_that_never_varies_not_at_all():
    random = np.random.default_rng(1)
    atoms = pool([[(0.0, 1.0, "particle")] * 50])
    varied = 1e4 + np.array([1.0, 1e3]) * random.normal(size=(50, 2))
    atoms = replace(atoms, descriptors=np.column_stack([varied, np.full(50, 0.1)])).standardised()
    np.testing.assert_allclose(atoms.descriptors.mean(axis=0), 0.0, atol=1e-9)
    np.testing.assert_allclose(atoms.descriptors.std(axis=0), [1.0, 1.0, 0.0])


def test_candidates_alone_are_chosen_and_each_once():
    atoms = pool([[(float(number), 1.0, "particle")] for number in range(6)])
    assert sorted(covering_frames(atoms, [1, 3, 5], [0], 10)) == [1, 3, 5]
    assert sorted(covering_frames(atoms, [1, 3, 5], [], 10)) == [1, 3, 5]
    assert covering_frames(atoms, [], [0], 3) == []
