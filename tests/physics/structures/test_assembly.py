import numpy as np
import pytest
from ase.geometry import get_distances

from beamheat_fw.errors import InputError
from beamheat_fw.physics.structures import FlakeParticle, LayeredParticle, SupportRecipe, SystemRecipe
from beamheat_fw.physics.structures.assembly import (
    build_free_particle,
    build_system,
    check_overlap,
    closest_pair,
    image_gap_A,
)

HBN = SupportRecipe("hbn", (6, 6))
FLAKE = FlakeParticle((12, 7))


def test_particle_stands_above_the_support_at_its_height_and_offset():
    recipe = SystemRecipe(FLAKE, HBN, height_A=3.3, offset_A=(1.0, -0.5), vacuum_A=6.0)
    atoms = build_system(recipe)
    particle, support = (atoms.positions[atoms.arrays["body"] == body] for body in (1, 0))
    assert len(particle) == 19
    assert len(support) == 72
    assert particle[:, 2].min() - support[:, 2].max() == pytest.approx(3.3)
    centre = atoms.cell.cartesian_positions([0.5, 0.5, 0.0])[:2]
    np.testing.assert_allclose(particle[:, :2].mean(axis=0) - centre, (1.0, -0.5), atol=1e-9)
    assert atoms.positions[:, 2].min() == pytest.approx(6.0)
    assert atoms.cell[2, 2] - atoms.positions[:, 2].max() == pytest.approx(6.0)
    assert list(atoms.pbc) == [True, True, False]


def test_angle_turns_the_particle_and_leaves_the_support():
    plain = build_system(SystemRecipe(FLAKE, HBN, height_A=3.3))
    turned = build_system(SystemRecipe(FLAKE, HBN, height_A=3.3, angle_deg=90.0))
    np.testing.assert_allclose(turned.positions[:72], plain.positions[:72], atol=1e-9)
    centre = plain.positions[72:].mean(axis=0)
    before, after = plain.positions[72:] - centre, turned.positions[72:] - centre
    np.testing.assert_allclose(after[:, 0], -before[:, 1], atol=1e-9)
    np.testing.assert_allclose(after[:, 1], before[:, 0], atol=1e-9)


def test_the_same_recipe_gives_the_same_structure():
    recipe = SystemRecipe(FLAKE, SupportRecipe("rutile101", (3, 4), 2, vacancy_fraction=0.1), height_A=2.5)
    first, second = build_system(recipe), build_system(recipe)
    np.testing.assert_array_equal(first.positions, second.positions)
    assert first.info == second.info


def test_free_particle_is_not_periodic_and_has_a_cell():
    atoms = build_free_particle(FLAKE, vacuum_A=5.0)
    assert not atoms.pbc.any()
    assert np.all(atoms.arrays["body"] == 1)
    np.testing.assert_allclose(atoms.cell.lengths(), np.ptp(atoms.positions, axis=0) + 10.0)


@pytest.mark.parametrize("angle_deg", [0.0, 17.0, 90.0])
def test_image_gap_is_the_shortest_distance_over_all_images(angle_deg):
    atoms = build_system(SystemRecipe(FLAKE, HBN, height_A=3.3, angle_deg=angle_deg, min_image_gap_A=1.0))
    particle = atoms.positions[atoms.arrays["body"] == 1]
    cell = np.array(atoms.cell)
    gaps = [
        get_distances(particle, particle + n * cell[0] + m * cell[1])[1].min()
        for n in range(-2, 3)
        for m in range(-2, 3)
        if (n, m) != (0, 0)
    ]
    assert image_gap_A(atoms) == pytest.approx(min(gaps))


def test_overlap_names_the_pair_and_its_distance():
    with pytest.raises(InputError, match=r"Atoms \d+ \((B|N)\) and \d+ \(Au\) overlap") as caught:
        build_system(SystemRecipe(FLAKE, HBN, height_A=0.8))
    assert caught.value.values["distance_A"] < caught.value.values["least_distance_A"]


def test_overlap_across_the_boundary_is_seen():
    atoms = build_free_particle(FlakeParticle((2,)))
    atoms.set_cell([4.0, 10.0, 10.0])
    atoms.pbc = True
    with pytest.raises(InputError, match="overlap"):
        check_overlap(atoms)


def test_particle_larger_than_the_cell_is_refused_with_the_numbers():
    with pytest.raises(InputError, match="too large") as caught:
        build_system(SystemRecipe(LayeredParticle((4, 2, 5)), HBN, height_A=3.3))
    assert caught.value.values["particle_width_A"] > caught.value.values["cell_width_A"]


def test_particle_too_near_to_its_image_is_refused():
    with pytest.raises(InputError, match="too large") as caught:
        build_system(SystemRecipe(FLAKE, SupportRecipe("hbn", (5, 5)), height_A=3.3, min_image_gap_A=5.0))
    assert 0.0 < caught.value.values["image_gap_A"] < 5.0


def test_closest_pair_of_gold_on_hbn_is_a_boron_nitrogen_bond():
    atoms = build_system(SystemRecipe(FLAKE, HBN, height_A=3.3))
    i, j, distance = closest_pair(atoms)
    assert {atoms.symbols[i], atoms.symbols[j]} == {"B", "N"}
    assert distance == pytest.approx(2.504 / np.sqrt(3.0))
