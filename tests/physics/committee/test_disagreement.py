"""The bias towards disagreement is bounded, and its force is its gradient."""

import numpy as np
import pytest

from beamheat_fw.physics.committee.disagreement import bias_width_eV, deviations_eV, disagreement_bias

RANDOM = np.random.default_rng(5)
#: Two frames of 4 and 3 atoms, and three members that are quadratic in all positions of a frame.
FRAME = np.repeat([0, 1], [4, 3])
STIFFNESS = [[np.cov(RANDOM.normal(size=(3 * n, 40))) for n in (4, 3)] for _ in range(3)]
OFFSETS = RANDOM.normal(size=(3, 2))
START = RANDOM.normal(size=(7, 3))
DEPTH = np.array([0.7, 1.3])
WIDTH = 0.4


def members(positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Energies of shape (3, 2) and forces of shape (3, 7, 3)."""
    energies, forces = np.array(OFFSETS), np.zeros((3, 7, 3))
    for member, matrices in enumerate(STIFFNESS):
        for frame, matrix in enumerate(matrices):
            here = frame == FRAME
            flat = positions[here].ravel()
            energies[member, frame] += 0.5 * flat @ matrix @ flat
            forces[member, here] = -(matrix @ flat).reshape(-1, 3)
    return energies, forces


def biased(positions: np.ndarray):
    energies, forces = members(positions)
    deviations = deviations_eV(energies) - deviations_eV(members(START)[0])
    return disagreement_bias(deviations, forces, FRAME, DEPTH, WIDTH)


@pytest.fixture
def positions() -> np.ndarray:
    return START + np.random.default_rng(6).normal(0.0, 0.05, START.shape)


def test_the_bias_force_is_the_exact_gradient_of_the_bias_energy(positions: np.ndarray) -> None:
    bias = biased(positions)
    assert (np.abs(bias.forces_eV_A) > 1e-4).any(axis=1).all()
    slopes = np.zeros_like(positions)
    step = 1e-5
    for atom, axis in np.ndindex(positions.shape):
        ends = []
        for sign in (1.0, -1.0):
            moved = positions.copy()
            moved[atom, axis] += sign * step
            ends.append(biased(moved).energies_eV.sum())
        slopes[atom, axis] = (ends[0] - ends[1]) / (2 * step)
    np.testing.assert_allclose(bias.forces_eV_A, -slopes, rtol=1e-6, atol=1e-9)


def test_the_bias_lies_between_nothing_and_its_depth(positions: np.ndarray) -> None:
    np.testing.assert_allclose(biased(START).energies_eV, 0.0, atol=1e-15)
    energies = biased(positions).energies_eV
    assert (energies < 0.0).all()
    assert (energies > -DEPTH).all()
    far = biased(START + 100.0)
    np.testing.assert_allclose(far.energies_eV, -DEPTH)
    np.testing.assert_allclose(far.forces_eV_A, 0.0, atol=1e-12)


def test_a_frame_of_no_depth_feels_nothing(positions: np.ndarray) -> None:
    energies, forces = members(positions)
    bias = disagreement_bias(deviations_eV(energies), forces, FRAME, np.array([0.0, 1.0]), WIDTH)
    assert (bias.forces_eV_A[FRAME == 0] == 0.0).all()
    assert (bias.forces_eV_A[FRAME == 1] != 0.0).any()


def test_small_disagreement_gives_the_variance_times_the_depth(positions: np.ndarray) -> None:
    energies, forces = members(positions)
    wide = 1e3
    bias = disagreement_bias(deviations_eV(energies), forces, FRAME, DEPTH, wide)
    variance = energies.var(axis=0) / np.bincount(FRAME)
    np.testing.assert_allclose(bias.energies_eV, -DEPTH * variance / wide**2, rtol=1e-4)


def test_the_width_follows_from_the_target_error() -> None:
    assert bias_width_eV(0.1) == pytest.approx(0.02)
