"""Structures in documents: ASE Atoms to pymatgen Structure dicts and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from beamheat_fw.errors import StoreError
from beamheat_fw.identity import structure_hash

if TYPE_CHECKING:
    from ase import Atoms


def structure_document(atoms: Atoms) -> dict[str, Any]:
    """Return Atoms as a pymatgen Structure dict.

    Species, positions (Å), cell, pbc and the site property ``body`` are kept; info, constraints, velocities
    and calculators are not.
    """
    from pymatgen.io.ase import AseAtomsAdaptor

    bare = _bare(atoms)
    if "body" in atoms.arrays:
        bare.set_array("body", np.asarray(atoms.arrays["body"], dtype=int))
    return AseAtomsAdaptor.get_structure(bare).as_dict()


def atoms_from_document(structure: Mapping[str, Any]) -> Atoms:
    """Return the Atoms of a pymatgen Structure dict, in the stored order of sites.

    Raises
    ------
    StoreError
        A site is not occupied by exactly one element.
    """
    from ase import Atoms

    lattice, sites = structure["lattice"], structure["sites"]
    species = [site["species"] for site in sites]
    if any(len(occupants) != 1 or occupants[0]["occu"] != 1 for occupants in species):
        raise StoreError("A stored structure has partly occupied sites", "Store ordered structures only.")
    atoms = Atoms(
        [occupants[0]["element"] for occupants in species],
        positions=[site["xyz"] for site in sites],
        cell=lattice["matrix"],
        pbc=lattice.get("pbc", (True, True, True)),
    )
    bodies = [site.get("properties", {}).get("body") for site in sites]
    if bodies and all(body is not None for body in bodies):
        atoms.set_array("body", np.asarray(bodies, dtype=int))
    return atoms


def composition_fields(atoms: Atoms) -> dict[str, Any]:
    """Return `formula_pretty`, `chemsys`, `elements` and `nsites` as pymatgen finds them."""
    from pymatgen.core import Composition

    composition = Composition(atoms.get_chemical_formula())
    return {
        "formula_pretty": composition.reduced_formula,
        "chemsys": composition.chemical_system,
        "elements": sorted(element.symbol for element in composition.elements),
        "nsites": len(atoms),
    }


def atoms_hash(atoms: Atoms) -> str:
    """Return the `structure_hash` of Atoms."""
    return structure_hash(atoms.numbers, atoms.positions, atoms.cell.array, atoms.pbc)


def _bare(atoms: Atoms) -> Atoms:
    from ase import Atoms

    return Atoms(atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
