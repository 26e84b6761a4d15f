import numpy as np
import pytest
from ase.neighborlist import neighbor_list

from beamheat_fw.errors import InputError
from beamheat_fw.physics.structures import SupportRecipe
from beamheat_fw.physics.structures.supports import build_support, layers_by_height, support_elements

RECIPES = {
    "hbn": SupportRecipe("hbn", (3, 3), 2),
    "graphite": SupportRecipe("graphite", (3, 3), 2),
    "mgo001": SupportRecipe("mgo001", (4, 4), 3),
    "rutile101": SupportRecipe("rutile101", (2, 2), 3),
    "anatase101": SupportRecipe("anatase101", (1, 2), 3),
    "fcc111": SupportRecipe("fcc111", (3, 3), 3, element="Cu"),
    "fcc001": SupportRecipe("fcc001", (3, 3), 3, element="Cu"),
}


def _coordination(atoms, cutoff_A):
    return np.bincount(neighbor_list("i", atoms, cutoff_A), minlength=len(atoms))


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES.keys())
def test_slab_is_periodic_in_its_plane_with_vacuum_on_both_sides(recipe):
    slab = build_support(recipe, vacuum_A=7.0)
    assert list(slab.pbc) == [True, True, False]
    assert slab.positions[:, 2].min() == pytest.approx(7.0)
    assert slab.cell[2, 2] - slab.positions[:, 2].max() == pytest.approx(7.0)
    assert np.all(slab.arrays["body"] == 0)


@pytest.mark.parametrize(
    ("kind", "cutoff_A", "bonds"), [("hbn", 1.6, 3), ("graphite", 1.6, 3), ("mgo001", 2.2, 6)]
)
def test_inner_atoms_have_their_crystals_coordination(kind, cutoff_A, bonds):
    slab = build_support(SupportRecipe(kind, (4, 4), 3))
    middle = layers_by_height(slab.positions[:, 2])[1]
    assert set(_coordination(slab, cutoff_A)[middle]) == {bonds}


@pytest.mark.parametrize("kind", ["rutile101", "anatase101"])
def test_titania_slab_is_stoichiometric_with_octahedral_titanium_inside(kind):
    slab = build_support(RECIPES[kind])
    symbols = np.array(slab.get_chemical_symbols())
    assert np.sum(symbols == "O") == 2 * np.sum(symbols == "Ti")
    coordination = _coordination(slab, 2.2)
    middle = np.abs(slab.positions[:, 2] - slab.cell[2, 2] / 2.0) < 1.5
    assert set(coordination[middle & (symbols == "Ti")]) == {6}
    assert set(coordination[middle & (symbols == "O")]) == {3}


@pytest.mark.parametrize("kind", ["rutile101", "anatase101"])
def test_titania_surface_cuts_one_bond_in_six_at_most_and_exposes_twofold_oxygen(kind):
    slab = build_support(RECIPES[kind])
    symbols = np.array(slab.get_chemical_symbols())
    coordination = _coordination(slab, 2.2)
    assert coordination[symbols == "Ti"].min() == 5
    top_oxygen = layers_by_height(slab.positions[:, 2])[-1]
    assert set(symbols[top_oxygen]) == {"O"}
    assert set(coordination[top_oxygen]) == {2}


@pytest.mark.parametrize("kind", ["rutile101", "anatase101"])
def test_titania_faces_are_equivalent(kind):
    """No dipole across the slab: the heights of both elements mirror about its middle."""
    slab = build_support(RECIPES[kind])
    for symbol in ("Ti", "O"):
        heights = slab.positions[slab.symbols == symbol, 2] - slab.cell[2, 2] / 2.0
        np.testing.assert_allclose(np.sort(heights), np.sort(-heights), atol=1e-9)


def test_hbn_is_stacked_boron_above_nitrogen():
    slab = build_support(SupportRecipe("hbn", (1, 1), 2))
    lower, upper = layers_by_height(slab.positions[:, 2])
    for atom in lower:
        above = upper[np.argmin(np.linalg.norm(slab.positions[upper, :2] - slab.positions[atom, :2], axis=1))]
        assert {slab.symbols[atom], slab.symbols[above]} == {"B", "N"}
        np.testing.assert_allclose(slab.positions[above, :2], slab.positions[atom, :2], atol=1e-9)
        assert slab.positions[above, 2] - slab.positions[atom, 2] == pytest.approx(6.661 / 2.0)


@pytest.mark.parametrize("kind", ["hbn", "graphite", "fcc111"])
def test_rectangular_cell_holds_the_same_crystal(kind):
    element = "Cu" if kind == "fcc111" else None
    hexagonal = build_support(SupportRecipe(kind, (2, 2), 2, element=element))
    rectangular = build_support(SupportRecipe(kind, (2, 1), 2, element=element, rectangular=True))
    assert rectangular.cell.angles()[2] == pytest.approx(90.0)
    assert rectangular.get_volume() / len(rectangular) == pytest.approx(
        hexagonal.get_volume() / len(hexagonal)
    )
    assert sorted(_coordination(rectangular, 2.7)) == sorted(_coordination(hexagonal, 2.7))


def test_strain_stretches_each_axis_by_its_fraction():
    plain = build_support(SupportRecipe("mgo001", (3, 3), 1))
    strained = build_support(SupportRecipe("mgo001", (3, 3), 1, strain=(0.01, -0.02)))
    np.testing.assert_allclose(strained.positions[:, 0], plain.positions[:, 0] * 1.01, atol=1e-9)
    np.testing.assert_allclose(strained.positions[:, 1], plain.positions[:, 1] * 0.98, atol=1e-9)


def test_vacancies_are_the_fraction_of_surface_oxygen_and_hang_on_the_seed():
    recipe = SupportRecipe("rutile101", (10, 10), 2, vacancy_fraction=0.05, vacancy_seed=3)
    full = build_support(SupportRecipe("rutile101", (10, 10), 2))
    slab = build_support(recipe)
    surface_oxygen = 2 * 200  # two of the 2x1 cell's outermost atoms on each face
    assert len(full) - len(slab) == round(0.05 * surface_oxygen)
    assert np.sum(slab.symbols == "Ti") == np.sum(full.symbols == "Ti")
    np.testing.assert_array_equal(build_support(recipe).positions, slab.positions)
    other = build_support(SupportRecipe("rutile101", (10, 10), 2, vacancy_fraction=0.05, vacancy_seed=4))
    assert not np.array_equal(other.positions, slab.positions)


def test_elements_of_a_support_are_known_without_the_whole_slab():
    assert support_elements(SupportRecipe("anatase101", (20, 20), 8, vacancy_fraction=0.1)) == ("O", "Ti")
    assert support_elements(SupportRecipe("fcc001", (20, 20), 8, element="Cu")) == ("Cu",)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: SupportRecipe("hbn", (0, 3)), "repeat is not positive"),
        (lambda: SupportRecipe("fcc111", (3, 3)), "needs its element"),
        (lambda: SupportRecipe("hbn", (3, 3), element="Cu"), "fixed by its kind"),
        (lambda: SupportRecipe("rutile101", (3, 3), vacancy_fraction=5.0), "not a fraction"),
        (lambda: SupportRecipe("hbn", (3, 3), strain=(1.0, 1.0)), "not a small fraction"),
        (lambda: build_support(SupportRecipe("hbn", (3, 3), vacancy_fraction=0.1)), "no oxygen"),
        (lambda: build_support(SupportRecipe("fcc111", (3, 3), element="Fe")), "No fcc lattice constant"),
    ],
)
def test_impossible_supports_are_refused_by_name(build, message):
    with pytest.raises(InputError, match=message):
        build()
