"""Mean free paths and stopping powers agree with their published or recomputed figures to the last digit."""

import numpy as np
import pytest

from beamheat_fw.errors import InputError
from beamheat_fw.physics.rise.materials import alloy, element, material
from beamheat_fw.physics.rise.mean_free_path import iakoubovskii_nm, malis_nm, paper_nm
from beamheat_fw.physics.rise.stopping_power import bethe_eV_nm, cutoff_for_size_keV, restricted_eV_nm

ENERGIES_KEV = [80.0, 200.0, 300.0]


@pytest.mark.parametrize(
    ("name", "density_g_cm3", "expected_nm"),
    [("Au", 19.3, [52.8, 88.5, 105.9]), ("amorphous C", 2.0, [90.7, 154.6, 185.9])],
)
def test_iakoubovskii_gives_reference_values(name, density_g_cm3, expected_nm):
    assert material(name).density_g_cm3 == density_g_cm3
    assert np.round(iakoubovskii_nm(density_g_cm3, ENERGIES_KEV), 1).tolist() == expected_nm


@pytest.mark.parametrize(("collection_mrad", "expected_nm"), [(10.0, 64.1), (20.0, 57.1)])
def test_iakoubovskii_with_collection_angle(collection_mrad, expected_nm):
    assert round(float(iakoubovskii_nm(19.3, 80.0, 0.0, collection_mrad)), 1) == expected_nm


def test_large_collection_angle_is_the_limit_without_one():
    wide = iakoubovskii_nm(19.3, 80.0, 0.0, 1e5)
    assert wide == pytest.approx(float(iakoubovskii_nm(19.3, 80.0)), rel=1e-6)


@pytest.mark.parametrize(
    ("collection_mrad", "expected_nm"), [(20.0, [41.7, 66.3, 77.0]), (10.0, [49.4, 76.1, 87.4])]
)
def test_malis_gives_reference_values(collection_mrad, expected_nm):
    assert np.round(malis_nm(79.0, ENERGIES_KEV, collection_mrad), 1).tolist() == expected_nm


@pytest.mark.parametrize(
    ("name", "mass_stopping_power", "expected_eV_nm"),
    [
        ("Au", [2.289, 1.418, 1.221], [4.42, 2.74, 2.36]),
        ("amorphous C", [4.235, 2.489, 2.100], [0.85, 0.50, 0.42]),
    ],
)
def test_bethe_gives_reference_values(name, mass_stopping_power, expected_eV_nm):
    bulk = material(name)
    found = bethe_eV_nm(bulk, ENERGIES_KEV)
    assert np.round(found, 2).tolist() == expected_eV_nm
    assert np.round(10.0 * found / bulk.density_g_cm3, 3).tolist() == mass_stopping_power


def test_restricted_stopping_power_ends_at_bethe_and_grows_with_cutoff():
    gold = element("Au")
    cutoffs_keV = np.geomspace(0.1, 40.0, 50)
    restricted = restricted_eV_nm(gold, 80.0, cutoffs_keV)
    assert np.all(np.diff(restricted) > 0.0)
    assert restricted[-1] == pytest.approx(float(bethe_eV_nm(gold, 80.0)))
    # About 2.7 eV/nm is left of 4.42 for secondaries that stay within a few nanometres.
    sizes_nm = np.array([3.0, 5.0])
    assert np.all(np.abs(restricted_eV_nm(gold, 80.0, cutoff_for_size_keV(gold, sizes_nm)) - 2.7) < 0.15)


def test_paper_values_are_met_and_interpolated_between():
    assert paper_nm([60.0, 80.0, 100.0, 200.0, 300.0]).tolist() == pytest.approx(
        [34.0, 37.0, 48.9, 74.7, 104.7]
    )
    assert 48.9 < float(paper_nm(150.0)) < 74.7


@pytest.mark.parametrize(
    "formula",
    [
        lambda energy: iakoubovskii_nm(19.3, energy),
        lambda energy: malis_nm(79.0, energy, 10.0),
        lambda energy: bethe_eV_nm(material("hBN"), energy),
        paper_nm,
    ],
)
@pytest.mark.parametrize("energy_keV", [1.0, 5000.0, float("nan")])
def test_energy_outside_a_formulas_range_is_refused(formula, energy_keV):
    with pytest.raises(InputError, match="outside the range"):
        formula(energy_keV)


def test_compound_densities_follow_from_their_lattices():
    per_g = 1.0 / 6.02214076e23 * 1e24
    assert material("TiO2").density_g_cm3 == pytest.approx(2 * 79.866 * per_g / (4.594**2 * 2.959), abs=2e-3)
    hexagon = 2.504**2 * np.sqrt(3.0) / 2.0 * 6.66
    assert material("hBN").density_g_cm3 == pytest.approx(2 * 24.82 * per_g / hexagon, abs=2e-3)
    assert material("MgO").density_g_cm3 == pytest.approx(4 * 40.304 * per_g / 4.212**3, abs=3e-3)


def test_alloy_of_one_element_is_the_element_and_volumes_add():
    assert alloy({"Au": 7}) == element("Au")
    mixed = alloy({"Au": 1, "Ag": 3})
    volumes = element("Au").atomic_volume_nm3 + 3 * element("Ag").atomic_volume_nm3
    assert mixed.atomic_volume_nm3 == pytest.approx(volumes / 4)


def test_unknown_material_is_refused():
    with pytest.raises(InputError, match="not known"):
        material("unobtainium")
