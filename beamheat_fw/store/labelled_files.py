"""Labelled structures from other people's files, checked before anything is written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from beamheat_fw.errors import InputError

if TYPE_CHECKING:
    from ase import Atoms

#: Nearest neighbours of a structure lie within these multiples of the sum of their covalent radii; in other
#: units than Å (nm, Bohr) hardly one does.
_BOND_RANGE: Final = (0.5, 1.7)
_DATABASES: Final = (".db", ".json")


@dataclass(frozen=True)
class LabelledFrame:
    """One structure with its reference result.

    Attributes
    ----------
    atoms : Atoms
        Without a calculator.
    energy_eV : float
    forces_eV_A : (natoms, 3) array
    stress_eV_A3 : (6,) array or None
        Voigt order.
    """

    atoms: Atoms
    energy_eV: float
    forces_eV_A: np.ndarray
    stress_eV_A3: np.ndarray | None


def read_labelled(path: Path, max_force_eV_A: float = 100.0) -> list[LabelledFrame]:
    """Read a labelled extended XYZ file or ASE database.

    Energies are ``REF_energy`` or ``energy`` (eV), forces ``REF_forces`` or ``forces`` (eV/Å), stress
    ``REF_stress`` or ``stress`` (eV/Å³).

    Raises
    ------
    InputError
        The file cannot be read, or a frame lacks a result, is not finite, or has forces or distances that no
        structure in Å and eV has. The first such frame is named.
    """
    frames = [_labelled(atoms, number, path) for number, atoms in enumerate(_read(path))]
    if not frames:
        raise InputError("The file holds no structures", "Give a labelled file.", {"file": str(path)})
    for number, frame in enumerate(frames):
        _check_forces(frame, number, path, max_force_eV_A)
    _check_all_forces(frames, path)
    _check_distances(frames, path)
    return frames


def _read(path: Path) -> Iterator[Atoms]:
    from ase.io.formats import UnknownFileTypeError

    if not path.is_file():
        raise InputError(
            "There is no such file", "Give a labelled extxyz file or ASE database.", {"file": str(path)}
        )
    try:
        yield from _read_database(path) if path.suffix in _DATABASES else _read_xyz(path)
    except (
        *(OSError, ValueError, KeyError, IndexError, AssertionError, TypeError, StopIteration, RuntimeError),
        *(UnknownFileTypeError, sqlite3.Error),
    ) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            "The file cannot be read",
            "Mend the frame named, or export it anew.",
            {"file": str(path), "reason": reason},
        ) from None


def _read_xyz(path: Path) -> list[Atoms]:
    from ase.io import iread

    return list(iread(path, index=":", format="extxyz"))


def _read_database(path: Path) -> Iterator[Atoms]:
    from ase.db import connect

    for row in connect(path).select():
        atoms = row.toatoms()
        atoms.info |= dict(row.key_value_pairs) | {name: row.data[name] for name in row.data}
        if "body" in row.data:
            atoms.set_array("body", np.asarray(atoms.info.pop("body"), dtype=int))
        yield atoms


def _labelled(atoms: Atoms, number: int, path: Path) -> LabelledFrame:
    energy = _result(atoms, "energy", atoms.info)
    forces = _result(atoms, "forces", atoms.arrays)
    if forces is None:
        forces = atoms.info.get("REF_forces")
    for name, found in (("energy", energy), ("forces", forces)):
        if found is None:
            raise _bad(path, number, f"A frame has no {name}", f"Give REF_{name} or {name} in every frame.")
    values = np.asarray(forces, dtype=float)
    if values.shape != (len(atoms), 3):
        raise _bad(
            path, number, f"A frame has {values.shape} forces for {len(atoms)} atoms", "Give three each."
        )
    stress = _result(atoms, "stress", atoms.info)
    bare = atoms.copy()
    bare.calc = None
    return LabelledFrame(bare, float(np.asarray(energy, dtype=float)), values, _voigt(stress))


def _result(atoms: Atoms, name: str, own: dict[str, Any]) -> Any:
    if f"REF_{name}" in own:
        return own[f"REF_{name}"]
    results = atoms.calc.results if atoms.calc is not None else {}
    return results.get(name, own.get(name))


def _voigt(stress: Any) -> np.ndarray | None:
    if stress is None:
        return None
    values = np.asarray(stress, dtype=float)
    return values.reshape(9)[[0, 4, 8, 5, 2, 1]] if values.size == 9 else values


def _check_forces(frame: LabelledFrame, number: int, path: Path, max_force_eV_A: float) -> None:
    if not (np.isfinite(frame.energy_eV) and np.isfinite(frame.forces_eV_A).all()):
        raise _bad(path, number, "An energy or force is not a finite number", "Leave this frame out.")
    largest = float(np.linalg.norm(frame.forces_eV_A, axis=1).max())
    if largest > max_force_eV_A:
        raise _bad(
            path,
            number,
            f"A force of {largest:.4g} eV/Å is above {max_force_eV_A:g} eV/Å",
            "Check the units (eV/Å), leave the frame out, or raise --max-force.",
        )


def _check_all_forces(frames: list[LabelledFrame], path: Path) -> None:
    several = [frame for frame in frames if len(frame.atoms) > 1]
    if several and not any(frame.forces_eV_A.any() for frame in several):
        raise InputError(
            "All forces in the file are exactly zero",
            "Give the forces that were calculated.",
            {"file": str(path)},
        )


def _check_distances(frames: list[LabelledFrame], path: Path) -> None:
    ratios = [ratio for ratio in map(_nearest_ratio, (frame.atoms for frame in frames)) if ratio is not None]
    low, high = _BOND_RANGE
    if ratios and not low < float(np.median(ratios)) < high:
        raise InputError(
            "The distances between atoms are not those of structures in Å",
            "Convert positions and cell to Å.",
            {"file": str(path), "median_of_nearest_distance_over_radii": round(float(np.median(ratios)), 3)},
        )


def _nearest_ratio(atoms: Atoms) -> float | None:
    """Median over atoms of nearest distance over sum of covalent radii; None for a single atom."""
    from ase.data import covalent_radii

    if len(atoms) < 2:
        return None
    distances = atoms.get_all_distances(mic=bool(atoms.pbc.any()))
    np.fill_diagonal(distances, np.inf)
    radii = covalent_radii[atoms.numbers]
    return float(np.median((distances / (radii[:, None] + radii[None, :])).min(axis=1)))


def _bad(path: Path, number: int, what: str, fix: str) -> InputError:
    return InputError(what, fix, {"file": str(path), "frame": number})
