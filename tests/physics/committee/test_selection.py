"""Selection of frames to label."""

from __future__ import annotations

import numpy as np
import pytest

from beamheat_fw.errors import InputError
from beamheat_fw.physics.committee import selection
from beamheat_fw.physics.committee.cover import PoolAtoms
from beamheat_fw.physics.committee.selection import Budget, farthest_points, frame_vectors, select


def test_farthest_points_take_one_of_each_cluster_first():
    random = np.random.default_rng(0)
    centres = np.array([[0, 0], [10, 0], [0, 10], [10, 10], [30, 5.0]])
    points = np.concatenate([centre + 0.1 * random.normal(size=(50, 2)) for centre in centres])
    chosen = farthest_points(points, np.empty((0, 2)), 5)
    assert sorted(chosen // 50) == [0, 1, 2, 3, 4]


def test_known_points_are_avoided_and_the_first_choice_is_the_farthest():
    points = np.array([[0.0], [1.0], [5.0], [9.0]])
    assert farthest_points(points, np.array([[0.0], [9.0]]), 2).tolist() == [2, 1]
    assert farthest_points(points, points, 4).tolist() == []


def test_doubles_are_never_labelled_twice():
    points = np.repeat(np.arange(3.0), 20)[:, None]
    assert len(farthest_points(points, np.empty((0, 1)), 30)) == 3


def test_each_choice_is_the_farthest_of_what_is_left():
    random = np.random.default_rng(1)
    points, known = random.normal(size=(80, 4)), random.normal(size=(5, 4))
    taken = list(known)
    for index in farthest_points(points, known, 10):
        nearest = [min(np.linalg.norm(point - one) for one in taken) for point in points]
        assert nearest[index] == pytest.approx(max(nearest))
        taken.append(points[index])


def test_budget_is_kept_and_no_frame_is_chosen_twice():
    vectors = np.random.default_rng(2).normal(size=(200, 6))
    budget = Budget.of_round(40, 0.2, 0.1)
    assert (budget.holdout, budget.random, budget.diverse) == (4, 8, 28)
    chosen = select(vectors, np.arange(100, 200), vectors[:10], budget, seed=3)
    everything = [*chosen.holdout, *chosen.random, *chosen.diverse]
    assert (len(chosen.holdout), len(chosen.random), len(chosen.diverse)) == (4, 8, 28)
    assert len(set(everything)) == 40
    assert min(chosen.diverse) >= 100
    assert chosen == select(vectors, np.arange(100, 200), vectors[:10], budget, seed=3)
    assert chosen.random != select(vectors, np.arange(100, 200), vectors[:10], budget, seed=4).random


def test_random_frames_are_drawn_evenly_whatever_the_gate_says():
    vectors = np.random.default_rng(5).normal(size=(50, 2))
    counts = np.zeros(50)
    for seed in range(600):
        chosen = select(vectors, np.arange(10), np.empty((0, 2)), Budget(2, 3, 0), seed=seed)
        counts[list(chosen.holdout + chosen.random)] += 1
    assert counts.sum() == 3000
    assert abs(counts[:10].mean() - counts[10:].mean()) < 5 * np.sqrt(60 / 10)


def test_fewer_frames_than_the_budget_are_all_taken_once():
    vectors = np.arange(6.0)[:, None]
    chosen = select(vectors, np.arange(6), np.empty((0, 1)), Budget(1, 2, 20), seed=0)
    assert sorted([*chosen.holdout, *chosen.random, *chosen.diverse]) == list(range(6))
    nothing = select(vectors, np.array([], dtype=int), np.empty((0, 1)), Budget(0, 0, 5), seed=0)
    assert nothing.diverse == ()


def atoms_of(points: np.ndarray, known: np.ndarray, error: np.ndarray) -> PoolAtoms:
    """One atom a frame, at the frame's own vector; known frames' errors do not matter."""
    return PoolAtoms(
        np.concatenate([known, points]),
        np.full(len(known) + len(points), "Au"),
        np.full(len(known) + len(points), "particle"),
        np.concatenate([-1 - np.arange(len(known)), np.arange(len(points))]),
        np.concatenate([np.ones(len(known)), error]),
    )


def test_covering_chooses_uncertain_atoms_that_others_resemble_where_farthest_points_choose_the_outlier():
    points, known = np.array([[9.0], [4.0], [4.1], [4.2]]), np.array([[0.0]])
    error = np.array([0.05, 0.3, 0.3, 0.3])
    budget = Budget(0, 0, 1)
    assert select(points, np.arange(4), known, budget, seed=0).diverse == (0,)
    cover = atoms_of(points, known, error)
    assert select(points, np.arange(4), known, budget, seed=0, cover=cover).diverse == (2,)
    labelled_there = np.array([[0.0], [4.1]])
    cover = atoms_of(points, labelled_there, error)
    assert select(points, np.arange(4), labelled_there, budget, seed=0, cover=cover).diverse != (2,)


def test_covering_leaves_the_random_draw_and_the_budget_as_they_are():
    random = np.random.default_rng(7)
    vectors, known = random.normal(size=(200, 6)), random.normal(size=(10, 6))
    cover = atoms_of(vectors, known, random.lognormal(sigma=2.0, size=200))
    arguments = (vectors, np.arange(100, 200), known, Budget.of_round(40, 0.2, 0.1))
    farthest, covering = select(*arguments, seed=3), select(*arguments, seed=3, cover=cover)
    assert (covering.holdout, covering.random) == (farthest.holdout, farthest.random)
    assert len({*covering.holdout, *covering.random, *covering.diverse}) == 40
    assert min(covering.diverse) >= 100
    assert set(covering.diverse) != set(farthest.diverse)
    assert covering == select(*arguments, seed=3, cover=cover)


def test_what_is_drawn_to_be_trained_on_counts_as_labelled_where_covering_chooses():
    points, known = np.array([[5.0], [5.1], [-2.0]]), np.array([[0.0]])
    cover = atoms_of(points, known, np.array([1.0, 1.0, 0.5]))
    trained_on = select(points, np.arange(3), known, Budget(0, 1, 1), 0, np.array([0]), cover)
    assert (trained_on.random, trained_on.diverse) == ((0,), (2,))
    held_out = select(points, np.arange(3), known, Budget(1, 0, 1), 0, np.array([0]), cover)
    assert (held_out.holdout, held_out.diverse) == ((0,), (1,))


def test_covering_labels_no_doubles_and_nothing_like_a_known_frame():
    points, known = np.repeat(np.arange(4.0), 20)[:, None], np.array([[3.0]])
    cover = atoms_of(points, known, np.ones(80))
    chosen = select(points, np.arange(80), known, Budget(0, 0, 30), seed=0, cover=cover).diverse
    assert sorted(points[list(chosen), 0]) == [0.0, 1.0, 2.0]


def test_covering_chooses_among_so_many_candidates_that_are_the_farthest(monkeypatch):
    monkeypatch.setattr(selection, "MOST_CANDIDATES", 2)
    points, known = np.array([[1.0], [1.1], [1.2], [9.0], [5.0]]), np.array([[0.0]])
    cover = atoms_of(points, known, np.array([9.0, 9.0, 9.0, 0.1, 0.1]))
    chosen = select(points, np.arange(5), known, Budget(0, 0, 2), seed=0, cover=cover).diverse
    assert sorted(chosen) == [3, 4]


def test_frame_vector_does_not_depend_on_the_order_of_atoms():
    random = np.random.default_rng(6)
    descriptors, groups = random.normal(size=(30, 5)), random.choice(["Au", "O"], 30)
    offsets = np.array([0, 12, 30])
    order = np.concatenate([random.permutation(12), 12 + random.permutation(18)])
    one = frame_vectors(descriptors, offsets, groups, ("Au", "O", "Ti"))
    np.testing.assert_allclose(
        frame_vectors(descriptors[order], offsets, groups[order], ("Au", "O", "Ti")), one
    )
    assert one.shape == (2, 2 * 5 * 3)
    assert (one[:, 20:] == 0).all()


def test_descriptors_of_broken_frames_are_refused():
    with pytest.raises(InputError, match="not a number"):
        farthest_points(np.array([[np.nan], [1.0]]), np.empty((0, 1)), 1)
