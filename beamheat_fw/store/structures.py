"""Structures in documents: ASE Atoms to pymatgen Structure dicts and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from beamheat_fw.errors import StoreError
from beamheat_fw.identity import structure_hash

if TYPE_CHECKING:
    from ase import Atoms

#: Integers stored with an atom: the body it belongs to, and whether it is in the core of a cut-out.
_SITE_PROPERTIES = ("body", "core")


def structure_document(atoms: Atoms) -> dict[str, Any]:
    """Return Atoms as a pymatgen Structure dict.

    Species, positions (Å), cell, pbc and the site properties ``body`` and ``core`` are kept; info,
    constraints, velocities and calculators are not.
    """
    document = ordered_structure(
        atoms.get_chemical_symbols(),
        atoms.positions,
        atoms.cell.array,
        tuple(atoms.pbc.tolist()),
        atoms.arrays["body"].astype(int).tolist() if "body" in atoms.arrays else None,
    )
    if "core" in atoms.arrays:
        for site, core in zip(document["sites"], atoms.arrays["core"].tolist(), strict=True):
            site["properties"]["core"] = int(core)
    return document


def ordered_structure(
    symbols: Sequence[str],
    positions_A: np.ndarray,
    cell_A: np.ndarray,
    pbc: tuple[bool, bool, bool],
    bodies: Sequence[int] | None,
) -> dict[str, Any]:
    """Return what pymatgen's ``Structure.as_dict`` returns for a structure of whole elements.

    The sites are written out here: as pymatgen's objects they take ten times as long as everything else that
    a label needs, which counts when files of a hundred thousand are imported.

    Parameters
    ----------
    symbols : sequence of str
    positions_A : (natoms, 3) array
    cell_A : (3, 3) array
        Cell vectors in rows.
    pbc : tuple of bool
    bodies : sequence of int or None
        The site property ``body``.
    """
    lattice, inverse = _lattice(np.ascontiguousarray(cell_A, dtype=float).tobytes(), pbc)
    properties = [{} for _ in symbols] if bodies is None else [{"body": body} for body in bodies]
    places = zip(symbols, (positions_A @ inverse).tolist(), properties, positions_A.tolist(), strict=True)
    return {
        "@module": "pymatgen.core.structure",
        "@class": "Structure",
        "charge": 0.0,
        "lattice": dict(lattice),
        "properties": {},
        "sites": [
            {
                "species": [{"element": symbol, "occu": 1}],
                "abc": abc,
                "properties": own,
                "label": symbol,
                "xyz": xyz,
            }
            for symbol, abc, own, xyz in places
        ],
    }


@lru_cache(maxsize=64)
def _lattice(cell: bytes, pbc: tuple[bool, bool, bool]) -> tuple[dict[str, Any], np.ndarray]:
    """Return pymatgen's dict of a lattice, and the matrix from positions to fractional coordinates."""
    from pymatgen.core import Lattice

    lattice = Lattice(np.frombuffer(cell).reshape(3, 3), pbc=pbc)
    document = lattice.as_dict(verbosity=1)
    return {name: document[name] for name in document if not name.startswith("@")}, lattice.inv_matrix


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
    for name in _SITE_PROPERTIES:
        values = [site.get("properties", {}).get(name) for site in sites]
        if values and all(value is not None for value in values):
            atoms.set_array(name, np.asarray(values, dtype=int))
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
