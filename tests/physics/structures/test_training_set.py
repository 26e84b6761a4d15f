import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from ase.calculators.emt import EMT
from ase.optimize import BFGS

from beamheat_fw.errors import InputError
from beamheat_fw.physics.structures import (
    FlakeParticle,
    IcosahedralParticle,
    OctahedralParticle,
    SupportRecipe,
    TrainingSetRecipe,
)
from beamheat_fw.physics.structures.assembly import build_free_particle, check_overlap, image_gap_A
from beamheat_fw.physics.structures.displacements import SPRINGS, smooth_buckling, thermal_displacements
from beamheat_fw.physics.structures.recipes import DisorderRecipe
from beamheat_fw.physics.structures.summary import summarise_training_set
from beamheat_fw.physics.structures.supports import build_support
from beamheat_fw.physics.structures.training_set import build_training_set, plan_training_set
from beamheat_fw.units import BOLTZMANN_EV_PER_K

HBN = (SupportRecipe("hbn", (3, 3)), SupportRecipe("hbn", (4, 4)))
MINIATURE = TrainingSetRecipe(
    particles=(
        *(FlakeParticle(counts) for counts in [(1,), (2,), (3,), (4,), (5,), (6,), (7,), (7, 3), (7, 6)]),
        IcosahedralParticle(),
        OctahedralParticle(3, 1),
    ),
    supports=HBN,
    frames=56,
    max_atoms=45,
)


@pytest.fixture(scope="module")
def frames():
    return build_training_set(MINIATURE)


def test_the_same_recipe_draws_the_same_frames_and_another_seed_draws_others(frames):
    again = build_training_set(MINIATURE)
    other = build_training_set(replace(MINIATURE, seed=2))
    for frame, same, different in zip(frames, again, other, strict=True):
        np.testing.assert_array_equal(frame.positions, same.positions)
        assert frame.info == same.info
        assert not np.allclose(frame.positions, different.positions)


def test_frames_keep_the_limits_of_their_recipe(frames):
    assert len(frames) == 56
    for frame in frames:
        assert len(frame) <= 45
        check_overlap(frame)
        body = frame.arrays["body"]
        heights = frame.positions[:, 2]
        assert heights.min() > 4.9
        assert frame.cell[2, 2] - heights.max() > 4.9
        if set(body) == {0, 1}:
            gap = heights[body == 1].min() - heights[body == 0].max()
            assert 2.2 <= gap <= 4.0
            assert image_gap_A(frame) > 0.8 * MINIATURE.min_image_gap_A
        assert list(frame.pbc) == ([True, True, False] if 0 in body else [False] * 3)


def test_every_particle_stands_on_a_support_and_says_where_it_came_from(frames):
    origins = [frame.info["origin"] for frame in frames]
    for name in ("Au flake 7+3,", "Au flake 7+6,", "Au icosahedron 2 shells,", "Au octahedron 3,1,"):
        assert any(origin.startswith(name) and "above hbn 4x4x1" in origin for origin in origins)
    assert sum(origin.startswith("bare hbn") for origin in origins) == 6
    assert sum(origin.startswith("free Au") for origin in origins) == 8


def test_summary_counts_what_is_drawn(frames):
    summary = summarise_training_set(MINIATURE)
    assert (summary.frames, summary.on_supports, summary.bare, summary.free) == (56, 42, 6, 8)
    assert summary.elements == ("Au", "B", "N")
    assert summary.pairs == len({(plan.particle, plan.support) for plan in plan_training_set(MINIATURE)[:42]})


def test_spring_network_obeys_equipartition():
    """A network of N atoms has 3(N - 1) modes of k_B T/2 each; its energy is measured bond by bond."""
    slab = build_support(SupportRecipe("hbn", (4, 4)))
    bonds = [(i, j, offset) for i, j, offset in _bonds(slab, 1.6) if i < j]
    random = np.random.default_rng(5)
    energies = []
    for _ in range(300):
        u = thermal_displacements(slab, 500.0, SPRINGS["hbn"], random)
        energies.append(0.5 * 14.0 * sum(np.sum((u[i] - u[j]) ** 2) for i, j, _ in bonds))
    modes = 3 * (len(slab) - 1)
    expected = modes * BOLTZMANN_EV_PER_K * 500.0 / 2.0
    standard_error = expected * np.sqrt(2.0 / modes / len(energies))
    assert np.mean(energies) == pytest.approx(expected, abs=4.0 * standard_error)


@pytest.mark.parametrize(
    "particle", [OctahedralParticle(3, 1), OctahedralParticle(4, 1), FlakeParticle((12, 7))]
)
def test_particles_are_displaced_by_about_the_thermal_energy_of_a_real_potential(particle):
    atoms = build_free_particle(particle)
    atoms.calc = EMT()
    BFGS(atoms, logfile=None).run(fmax=0.01, steps=200)
    rest, positions = atoms.get_potential_energy(), atoms.positions.copy()
    random = np.random.default_rng(7)
    excess = []
    for _ in range(20):
        atoms.positions = positions
        atoms.positions += thermal_displacements(atoms, 300.0, SPRINGS["particle"], random)
        excess.append(atoms.get_potential_energy() - rest)
    thermal = 3 * (len(atoms) - 2) * BOLTZMANN_EV_PER_K * 300.0 / 2.0
    assert 0.5 < np.mean(excess) / thermal < 2.0


def test_thermal_displacements_move_no_centre_and_an_atom_without_bonds_not_at_all():
    slab = build_support(HBN[1])
    random = np.random.default_rng(1)
    moved = thermal_displacements(slab, 600.0, SPRINGS["hbn"], random)
    np.testing.assert_allclose(moved.mean(axis=0), 0.0, atol=1e-12)
    alone = thermal_displacements(
        build_free_particle(FlakeParticle((1,))), 600.0, SPRINGS["particle"], random
    )
    np.testing.assert_array_equal(alone, 0.0)


def test_displacements_do_not_hang_on_how_eigenvectors_of_one_eigenvalue_are_turned(monkeypatch):
    slab = build_support(HBN[1])
    drawn = thermal_displacements(slab, 300.0, SPRINGS["hbn"], np.random.default_rng(3))
    solve, turns = np.linalg.eigh, 0

    def turned(matrix):
        nonlocal turns
        eigenvalues, modes = solve(matrix)
        for value in np.unique(eigenvalues.round(9)):
            alike = np.flatnonzero(np.abs(eigenvalues - value) < 1e-8)
            rotation, _ = np.linalg.qr(np.random.default_rng(5).standard_normal((len(alike),) * 2))
            modes[:, alike] = modes[:, alike] @ rotation
            turns += len(alike) > 1
        return eigenvalues, modes

    monkeypatch.setattr(np.linalg, "eigh", turned)
    again = thermal_displacements(slab, 300.0, SPRINGS["hbn"], np.random.default_rng(3))
    assert turns > 0
    np.testing.assert_allclose(again, drawn, atol=1e-12)


def test_buckling_is_vertical_periodic_and_as_high_as_asked():
    slab = build_support(HBN[1])
    shifted = slab.copy()
    shifted.positions += np.array(slab.cell)[0]
    heights = []
    for seed in range(200):
        bent = smooth_buckling(slab, 0.1, np.random.default_rng(seed))
        np.testing.assert_allclose(
            bent, smooth_buckling(shifted, 0.1, np.random.default_rng(seed)), atol=1e-12
        )
        np.testing.assert_array_equal(bent[:, :2], 0.0)
        heights.append(bent[:, 2])
    assert np.std(heights) == pytest.approx(0.1, rel=0.1)


def test_recipes_survive_json():
    document = json.loads(json.dumps(asdict(MINIATURE)))
    assert document["particles"][7]["atoms_per_layer"] == [7, 3]
    assert document["disorder"]["temperatures_K"] == [300.0, 600.0, 1500.0]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: plan_training_set(replace(MINIATURE, supports=HBN[:1])), "has room on no support"),
        (lambda: plan_training_set(replace(MINIATURE, max_atoms=40)), "has room on no support"),
        (lambda: plan_training_set(replace(MINIATURE, frames=12)), "too few frames"),
        (lambda: replace(MINIATURE, bare_share=0.9), "do not leave a share"),
        (lambda: replace(MINIATURE, particles=()), "at least one particle"),
        (lambda: build_training_set(replace(MINIATURE, heights_A=(0.3, 0.4))), "cannot be drawn"),
        (lambda: DisorderRecipe(temperatures_K=(300.0,)), "one weight for each temperature"),
    ],
)
def test_impossible_training_sets_are_refused_by_name(build, message):
    with pytest.raises(InputError, match=message):
        build()


def _bonds(atoms, cutoff_A):
    from ase.neighborlist import neighbor_list

    return list(zip(*neighbor_list("ijS", atoms, cutoff_A), strict=True))
