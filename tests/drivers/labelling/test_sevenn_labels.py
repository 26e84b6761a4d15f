"""A foundation model as the reference."""

import numpy as np
import pytest
from ase.build import bulk

from beamheat_fw.campaign import SevennSettings
from beamheat_fw.drivers.labelling.driver import label_structures
from beamheat_fw.drivers.labelling.reference import check_reference
from beamheat_fw.drivers.mpi import MpiLauncher


def gold(a_A=4.16):
    return bulk("Au", a=a_A, cubic=True)


def displaced(by_A):
    atoms = gold()
    atoms.positions[0, 0] += by_A
    return atoms


def test_gold_has_its_lattice_constant_and_forces_are_the_gradient_of_the_energy(make_folder):
    step = 0.02
    structures = {f"a{int(100 * a)}": gold(a) for a in (3.9, 4.16, 4.4)}
    structures |= {"low": displaced(0.2 - step), "middle": displaced(0.2), "high": displaced(0.2 + step)}
    folder = make_folder(structures, SevennSettings(dispersion="none"))
    results = label_structures(folder, ranks=1, launcher=MpiLauncher(), stop=lambda: False)
    found = {result.label_id: result.evaluation for result in results}
    energies = {name: each.energy_eV for name, each in found.items()}
    # PBE gold: 4.16 Å, 3.0 eV an atom.
    assert energies["a416"] < min(energies["a390"], energies["a440"])
    assert energies["a416"] / 4 == pytest.approx(-3.2, abs=0.3)
    assert found["a390"].stress_eV_A3[0] < 0 < found["a440"].stress_eV_A3[0]
    slope = (energies["high"] - energies["low"]) / (2 * step)
    assert found["middle"].forces_eV_A[0, 0] == pytest.approx(-slope, rel=0.02)
    np.testing.assert_allclose(found["middle"].forces_eV_A.sum(axis=0), 0.0, atol=1e-4)


def test_elements_the_model_does_not_know_are_named():
    assert check_reference(SevennSettings(), ["Au", "B", "N"]) == []
    (problem,) = check_reference(SevennSettings(), ["Au", "At"])
    assert "At" in problem
