"""Stored structures are what pymatgen would write, and what it reads."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc111, molecule, mx2
from pymatgen.core import Structure
from pymatgen.io.ase import AseAtomsAdaptor

from beamheat_fw.identity import plain
from beamheat_fw.store.structures import atoms_from_document, structure_document


def _rattled(atoms: Atoms, seed: int, bodies: bool) -> Atoms:
    atoms.rattle(0.2, seed=seed)
    if bodies:
        atoms.set_array("body", np.random.default_rng(seed).integers(0, 2, len(atoms)))
    return atoms


STRUCTURES = {
    "cubic": _rattled(bulk("Au", cubic=True), 0, bodies=True),
    "primitive": _rattled(bulk("MgO", "rocksalt", 4.21), 1, bodies=False),
    "hexagonal sheet": _rattled(mx2("MoS2", vacuum=8.0), 2, bodies=True),
    "slab without a period": _rattled(fcc111("Cu", (2, 2, 3), vacuum=6.0), 3, bodies=False),
    "molecule": _rattled(molecule("CH3CH2OH", vacuum=5.0), 4, bodies=True),
}


@pytest.mark.parametrize("name", STRUCTURES)
def test_structure_document_is_the_one_pymatgen_writes(name: str) -> None:
    atoms = STRUCTURES[name]
    kept = Atoms(atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
    if "body" in atoms.arrays:
        kept.set_array("body", atoms.arrays["body"])
    ours, theirs = (
        plain(each) for each in (structure_document(atoms), AseAtomsAdaptor.get_structure(kept).as_dict())
    )
    for mine, its in zip(ours["sites"], theirs["sites"], strict=True):
        # There positions go to fractional coordinates and back.
        for key in ("abc", "xyz"):
            np.testing.assert_allclose(mine.pop(key), its.pop(key), rtol=0, atol=2e-14)
    assert ours == theirs


@pytest.mark.parametrize("name", STRUCTURES)
def test_pymatgen_and_we_read_the_same_atoms_back(name: str) -> None:
    atoms = STRUCTURES[name]
    document = structure_document(atoms)
    back = atoms_from_document(document)
    assert np.array_equal(back.positions, atoms.positions)
    assert np.array_equal(back.cell.array, atoms.cell.array)
    assert np.array_equal(back.numbers, atoms.numbers)
    assert np.array_equal(back.pbc, atoms.pbc)
    structure = Structure.from_dict(document)
    assert [site.specie.symbol for site in structure] == atoms.get_chemical_symbols()
    np.testing.assert_allclose(structure.cart_coords, atoms.positions, atol=1e-12)
    assert structure.lattice.pbc == tuple(atoms.pbc)
