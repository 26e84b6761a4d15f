"""Reads a particle's atoms from a file, for the commands that need its shape."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from beamheat_fw.errors import InputError

if TYPE_CHECKING:
    from ase import Atoms

_NOT_METALS = {"H", "B", "C", "N", "O", "F", "Si", "P", "S", "Cl"}


def read_particle(path: Path) -> Atoms:
    """Return the particle in a structure file of any format ASE reads.

    Where the file tells the bodies apart (the array ``body``, 1 for the particle), only the particle is
    returned.

    Raises
    ------
    InputError
        The file is missing or unreadable, or holds a support that is not told apart.
    """
    from ase.io import read
    from ase.io.formats import UnknownFileTypeError

    if not path.exists():
        raise InputError("The particle's file does not exist", "Give its path.", {"file": str(path)})
    try:
        atoms = read(path)
    except (
        UnknownFileTypeError,
        OSError,
        ValueError,
        LookupError,
        RuntimeError,
        StopIteration,
        TypeError,
    ) as error:
        raise InputError(
            "The particle's file cannot be read",
            "Give a structure in a format that ASE reads, such as extended XYZ.",
            {"file": str(path), "reason": f"{type(error).__name__}: {error}"[:200]},
        ) from None
    if isinstance(atoms, list):
        atoms = atoms[-1]
    if "body" in atoms.arrays:
        del atoms[atoms.arrays["body"] != 1]
    foreign = _NOT_METALS.intersection(atoms.get_chemical_symbols())
    if foreign or len(atoms) == 0:
        raise InputError(
            "The file holds more than a metal particle, or no particle",
            "Give the particle alone, or mark its atoms by 1 in the array `body` and the support's by 0.",
            {"file": str(path), "elements": sorted(foreign)},
        )
    return atoms


def parse_axis(text: str) -> str | list[float]:
    """Read a direction: x, y, z or three numbers parted by commas.

    Raises
    ------
    InputError
        The text is neither.
    """
    if text in ("x", "y", "z"):
        return text
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise InputError(
            "The axis cannot be read", "Give x, y, z or three numbers as 1,1,0.", {"given": text}
        ) from None
