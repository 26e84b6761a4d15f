import numpy as np
import pytest

from beamheat_fw.errors import InputError
from beamheat_fw.physics.structures import FlakeParticle, LayeredParticle, SupportRecipe, SystemRecipe
from beamheat_fw.physics.structures.assembly import build_free_particle, build_system
from beamheat_fw.physics.structures.contact import (
    bottom_layer,
    contact_area_nm2,
    contact_atoms,
    contact_perimeter_nm,
)
from beamheat_fw.physics.structures.summary import summarise_system

BOND_NM = 0.408 / np.sqrt(2.0)


def _on_hbn(particle, repeat=(8, 8), height_A=3.3):
    return build_system(SystemRecipe(particle, SupportRecipe("hbn", repeat), height_A=height_A))


def test_hexagon_has_the_area_and_perimeter_of_a_regular_hexagon():
    atoms = _on_hbn(FlakeParticle((7,)))
    assert contact_area_nm2(atoms, "hull") == pytest.approx(1.5 * np.sqrt(3.0) * BOND_NM**2)
    assert contact_perimeter_nm(atoms) == pytest.approx(6.0 * BOND_NM)
    assert contact_area_nm2(atoms, "atoms") == pytest.approx(7 * np.sqrt(3.0) / 2.0 * BOND_NM**2)


@pytest.mark.parametrize(("layers", "ratio"), [((4, 2, 5), 0.76), ((7, 4, 8), 0.84)])
def test_hull_falls_short_of_the_atoms_area_as_for_the_papers_particles(layers, ratio):
    atoms = _on_hbn(LayeredParticle(layers), repeat=(27, 27))
    assert contact_area_nm2(atoms, "hull") / contact_area_nm2(atoms, "atoms") == pytest.approx(
        ratio, abs=5e-3
    )


@pytest.mark.parametrize("height_A", [2.1, 2.8, 3.4])
def test_only_the_bottom_layer_is_in_contact_at_any_height(height_A):
    atoms = _on_hbn(FlakeParticle((12, 7)), height_A=height_A)
    np.testing.assert_array_equal(contact_atoms(atoms), bottom_layer(atoms))
    assert len(contact_atoms(atoms)) == 12


def test_thermal_motion_leaves_the_atoms_in_contact():
    atoms = _on_hbn(FlakeParticle((12, 7)))
    atoms.positions += np.random.default_rng(0).normal(0.0, 0.1, atoms.positions.shape)
    assert len(bottom_layer(atoms)) == 12
    assert len(contact_atoms(atoms)) == 12


def test_contact_does_not_hang_on_where_in_the_cell_the_particle_is():
    atoms = _on_hbn(FlakeParticle((12, 7)))
    moved = atoms.copy()
    moved.positions[moved.arrays["body"] == 1] += 2.0 * np.array(moved.cell)[0] - np.array(moved.cell)[1]
    for definition in ("hull", "atoms"):
        assert contact_area_nm2(moved, definition) == pytest.approx(contact_area_nm2(atoms, definition))


def test_a_larger_cutoff_takes_in_the_second_layer():
    atoms = _on_hbn(FlakeParticle((12, 7)))
    assert len(contact_atoms(atoms, cutoff_A=7.0)) == 19


@pytest.mark.parametrize(
    ("atoms", "definition", "message"),
    [
        (_on_hbn(FlakeParticle((2,))), "hull", "span no area"),
        (_on_hbn(FlakeParticle((1,))), "atoms", "no bond"),
        (build_free_particle(FlakeParticle((7,))), "atoms", "no support"),
        (_on_hbn(FlakeParticle((7,))), "shadow", "definition of the contact area is unknown"),
        (_on_hbn(FlakeParticle((7,)))[:128], "hull", "marks no particle"),
    ],
)
def test_contacts_without_an_area_are_refused_by_name(atoms, definition, message):
    with pytest.raises(InputError, match=message):
        contact_area_nm2(atoms, definition)


def test_summary_agrees_with_the_system_it_describes():
    support = SupportRecipe("hbn", (7, 7), strain=(0.01, 0.0))
    summary = summarise_system(SystemRecipe(FlakeParticle((19, 12)), support, height_A=3.3, angle_deg=10.0))
    assert (summary.n_particle, summary.n_support) == (31, 98)
    assert summary.elements == ("Au", "B", "N")
    assert summary.height_A == pytest.approx(3.3)
    assert summary.strain == (0.01, 0.0)
    assert summary.angle_deg == 10.0
    assert summary.facet_down == "(-1 -1 -1)"
    assert summary.contact_hull_nm2 < summary.contact_atoms_nm2
    assert summary.closest_pair.startswith("B-N")
    assert summary.image_gap_A > 5.0
