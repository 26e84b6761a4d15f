"""One labelled structure out of a file: bare arrays, since a hundred thousand of them are held at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from beamheat_fw.errors import InputError

if TYPE_CHECKING:
    from ase import Atoms


@dataclass(frozen=True, slots=True)
class LabelledFrame:
    """One structure with its reference result.

    Attributes
    ----------
    numbers : (natoms,) array
        Atomic numbers.
    positions_A : (natoms, 3) array
    cell_A : (3, 3) array
        Cell vectors in rows.
    pbc : tuple of bool
    bodies : (natoms,) array or None
        0 for the support, 1 for the particle.
    energy_eV : float
    forces_eV_A : (natoms, 3) array
    stress_eV_A3 : (6,) array or None
        Voigt order.
    level : str or None
        The level of theory, where the file names it.
    settings : str, mapping or None
        Its settings, as JSON if text.
    """

    numbers: np.ndarray
    positions_A: np.ndarray
    cell_A: np.ndarray
    pbc: tuple[bool, bool, bool]
    bodies: np.ndarray | None
    energy_eV: float
    forces_eV_A: np.ndarray
    stress_eV_A3: np.ndarray | None
    level: str | None
    settings: str | Mapping[str, Any] | None

    def atoms(self) -> Atoms:
        """Return the structure."""
        from ase import Atoms

        atoms = Atoms(self.numbers, positions=self.positions_A, cell=self.cell_A, pbc=self.pbc)
        if self.bodies is not None:
            atoms.set_array("body", self.bodies)
        return atoms


def from_atoms(atoms: Atoms, number: int, path: Path) -> LabelledFrame:
    """Return a structure that ASE read as frame `number` of a file.

    Raises
    ------
    InputError
        It has no energy, or not three force components for each atom, or a stress that is none.
    """
    energy = _result(atoms, "energy", atoms.info)
    forces = _result(atoms, "forces", atoms.arrays)
    if forces is None:
        forces = atoms.info.get("REF_forces")
    level, bodies = atoms.info.get("level"), atoms.arrays.get("body")
    return LabelledFrame(
        numbers=atoms.numbers,
        positions_A=atoms.positions,
        cell_A=atoms.cell.array,
        pbc=tuple(atoms.pbc.tolist()),
        bodies=None if bodies is None else np.asarray(bodies, dtype=int),
        energy_eV=float(np.asarray(_present(energy, "energy", number, path), dtype=float)),
        forces_eV_A=as_forces(_present(forces, "forces", number, path), len(atoms), number, path),
        stress_eV_A3=as_stress(_result(atoms, "stress", atoms.info), number, path),
        level=None if level is None else str(level),
        settings=atoms.info.get("settings"),
    )


def as_forces(values: Any, natoms: int, number: int, path: Path) -> np.ndarray:
    """Return forces as an array, or raise an `InputError` when there are not three for each atom."""
    forces = np.asarray(values, dtype=float)
    if forces.shape != (natoms, 3):
        raise bad_frame(
            path, number, f"A frame has {forces.shape} forces for {natoms} atoms", "Give three each."
        )
    return forces


def as_stress(values: Any, number: int, path: Path) -> np.ndarray | None:
    """Return a stress of nine or six components in Voigt order, or raise an `InputError`."""
    if values is None:
        return None
    stress = np.asarray(values, dtype=float)
    if stress.size == 9:
        return voigt(stress)
    if stress.shape != (6,):
        raise bad_frame(
            path, number, f"A frame has {stress.shape} stress components", "Give nine, or six in Voigt order."
        )
    return stress


def voigt(stress: np.ndarray) -> np.ndarray:
    """Return nine components of a stress as six in Voigt order."""
    return stress.reshape(9)[[0, 4, 8, 5, 2, 1]]


def bad_frame(path: Path, number: int, what: str, fix: str) -> InputError:
    """Return the error about one frame of a file."""
    return InputError(what, fix, {"file": str(path), "frame": number})


def _present(value: Any, name: str, number: int, path: Path) -> Any:
    if value is None:
        raise bad_frame(path, number, f"A frame has no {name}", f"Give REF_{name} or {name} in every frame.")
    return value


def _result(atoms: Atoms, name: str, own: dict[str, Any]) -> Any:
    if f"REF_{name}" in own:
        return own[f"REF_{name}"]
    results = atoms.calc.results if atoms.calc is not None else {}
    return results.get(name, own.get(name))
