import numpy as np
import pytest
from ase.neighborlist import neighbor_list

from beamheat_fw.errors import InputError
from beamheat_fw.physics.structures import (
    FlakeParticle,
    IcosahedralParticle,
    IslandParticle,
    LayeredParticle,
    OctahedralParticle,
    WulffParticle,
)
from beamheat_fw.physics.structures.particles import build_particle

GOLD_BOND_A = 4.08 / np.sqrt(2.0)


@pytest.mark.parametrize(
    ("layers", "atoms"), [((4, 2, 5), 341), ((5, 3, 6), 627), ((6, 5, 7), 1093), ((7, 4, 8), 1489)]
)
def test_layer_recipes_have_the_papers_atom_counts(layers, atoms):
    assert len(build_particle(LayeredParticle(layers))) == atoms


@pytest.mark.parametrize(("shape", "atoms"), [(0.3, 190521), (0.6, 231565), (1.05, 267481)])
def test_figure_shapes_have_the_papers_atom_counts(shape, atoms):
    surfaces = ((1, 1, 1), (-1, -1, -1), (0, 0, 1))
    assert len(build_particle(LayeredParticle((40, int(40 * shape), 45), surfaces))) == atoms


def test_layered_particle_stands_on_the_truncated_facet_of_close_packed_planes():
    particle = build_particle(LayeredParticle((4, 2, 5)))
    heights = np.unique(particle.positions[:, 2].round(3))
    np.testing.assert_allclose(np.diff(heights), 4.08 / np.sqrt(3.0), atol=2e-3)
    assert heights[0] == 0.0
    assert len(heights) == 4 + 2 + 1


@pytest.mark.parametrize(
    ("length", "cutoff", "atoms"), [(2, 0, 6), (3, 1, 13), (4, 1, 38), (5, 1, 79), (7, 2, 201)]
)
def test_truncated_octahedra_have_their_magic_numbers(length, cutoff, atoms):
    assert len(build_particle(OctahedralParticle(length, cutoff))) == atoms


@pytest.mark.parametrize(("shells", "atoms"), [(2, 13), (3, 55), (4, 147)])
def test_icosahedra_have_their_magic_numbers_and_stand_on_a_face(shells, atoms):
    particle = build_particle(IcosahedralParticle(shells))
    assert len(particle) == atoms
    assert np.sum(particle.positions[:, 2] < 0.01) == shells * (shells + 1) // 2


@pytest.mark.parametrize("counts", [(7,), (7, 3), (12,), (12, 7), (19, 12), (3, 1), (3, 3)])
def test_closed_flakes_have_threefold_symmetry(counts):
    flake = build_particle(FlakeParticle(counts))
    turned = flake.copy()
    turned.rotate(120.0, "z")
    distances = np.linalg.norm(flake.positions[:, None] - turned.positions[None], axis=-1)
    np.testing.assert_allclose(distances.min(axis=1), 0.0, atol=1e-9)


@pytest.mark.parametrize("counts", [(2,), (3,), (4,), (5,), (6,), (7,), (7, 6), (10, 5), (19, 12, 7)])
def test_flakes_are_one_piece_at_the_nearest_neighbour_distance(counts):
    flake = build_particle(FlakeParticle(counts))
    first, second, distance = neighbor_list("ijd", flake, GOLD_BOND_A * 1.1)
    np.testing.assert_allclose(distance, GOLD_BOND_A, atol=1e-9)
    reached, waiting = {0}, [0]
    while waiting:
        fresh = set(second[first == waiting.pop()].tolist()) - reached
        reached |= fresh
        waiting.extend(fresh)
    assert len(reached) == sum(counts) == len(flake)


@pytest.mark.parametrize("counts", [(7, 3), (12, 7), (19, 12), (19, 12, 6)])
def test_every_atom_of_an_upper_layer_rests_on_three_atoms(counts):
    flake = build_particle(FlakeParticle(counts))
    first, second = neighbor_list("ij", flake, GOLD_BOND_A * 1.1)
    height = flake.positions[:, 2]
    for atom in np.flatnonzero(height > 0.1):
        assert np.sum(height[second[first == atom]] < height[atom] - 0.1) == 3


def test_island_layers_shrink_upwards_and_stay_within_the_radius():
    island = build_particle(IslandParticle(radius_A=12.0, layers=3))
    levels = np.unique(island.positions[:, 2].round(3), return_counts=True)[1]
    assert list(levels) == sorted(levels, reverse=True)
    assert len(levels) == 3
    assert np.hypot(*island.positions[:, :2].T).max() < 12.5


def test_wulff_shape_has_about_the_atoms_asked_for_and_adhesion_flattens_it():
    surfaces, energies = ((1, 1, 1), (1, 0, 0)), (1.28, 1.63)
    free = build_particle(WulffParticle(500, surfaces, energies))
    wetting = build_particle(WulffParticle(500, surfaces, energies, contact_energy_J_m2=0.4))
    assert abs(len(free) - 500) < 100
    assert np.ptp(wetting.positions[:, 2]) < np.ptp(free.positions[:, 2]) - 2.0


def test_element_and_lattice_constant_set_the_bond_length():
    dimer = build_particle(FlakeParticle((2,), element="Ag", lattice_constant_A=4.2))
    assert set(dimer.symbols) == {"Ag"}
    assert dimer.get_distance(0, 1) == pytest.approx(4.2 / np.sqrt(2.0))


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        (lambda: FlakeParticle((3, 7)), "larger than the one below"),
        (lambda: FlakeParticle((0,)), "atoms_per_layer is not positive"),
        (lambda: FlakeParticle((7,), element="Ax"), "element is unknown"),
        (lambda: FlakeParticle((7,), lattice_constant_A=float("nan")), "lattice_constant_A is not positive"),
        (lambda: LayeredParticle((4, 2)), "one number of layers for each surface"),
        (lambda: OctahedralParticle(4, 2), "cannot be cut that deep"),
        (lambda: WulffParticle(500, ((1, 1, 1),), (1.28, 1.63)), "one energy for each surface"),
        (lambda: IslandParticle(10.0, side_angle_deg=110.0), "cannot overhang"),
        (lambda: build_particle(FlakeParticle((7,), element="Fe")), "No fcc lattice constant"),
    ],
)
def test_impossible_particles_are_refused_by_name(recipe, message):
    with pytest.raises(InputError, match=message):
        recipe()
