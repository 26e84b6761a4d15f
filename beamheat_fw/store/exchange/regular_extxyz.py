"""Extended XYZ as programs write it, read five times as fast as by ASE.

libAtoms' C parser reads the numbers. It is given regular files alone: an atom count or a column count beyond
all memory ends its process. All other files are left to ASE, which is laxer and says what is wrong with them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from ase.data import atomic_numbers

from beamheat_fw.store.exchange.labelled_frames import LabelledFrame, voigt

if TYPE_CHECKING:
    from extxyz import Frame

#: The parser lets integers of more digits run over.
_NUMBER: Final = r"[-+]?(?:\d+\.\d*|\.\d+|\d{1,9}(?![\d.]))(?:[eE][-+]?\d+)?"
# Patterns that begin with a letter of their own are found fastest; a comment is given a blank at either end.
_CELL: Final = re.compile(rf' Lattice="\s*{_NUMBER}(?:\s+{_NUMBER}){{8}}\s*"')
_COLUMNS: Final = re.compile(r" Properties=species:S:1:pos:R:3(?::\w+:[SIRL]:\d{1,2})*(?= )")
_PERIODS: Final = re.compile(r' pbc="[TF] [TF] [TF]"')
_ONCE: Final = (_CELL, _COLUMNS, _PERIODS)
_RESULT: Final = re.compile(rf'(?:energy|stress)=(?:{_NUMBER}|"{_NUMBER}(?:\s+{_NUMBER})*")(?= )')
_UNIQUE: Final = (" energy=", " REF_energy=", " stress=", " REF_stress=", " level=", " settings=")
#: Keys with values, quoted where they need it. Of other escapes than \" the two readers make different text.
_COMMENT: Final = re.compile(r""" (?:\w+=(?:"(?:[^"\\\0]|\\")*+"|[^\s"'\\=,{}[\]\0]++)\s+)+""")


def read_regular(path: Path) -> list[LabelledFrame] | None:
    """Return the frames of a regular labelled file; None for any other, which is ASE's to read.

    Regular is a file whose frames all have a cell, a ``pbc``, species and positions first, an energy and
    forces, and numbers that are finite.
    """
    from extxyz import iread_dicts
    from extxyz.cextxyz import ExtXYZError

    try:
        count = _count_regular(path)
        # Without the grammar's tables: the same language, read faster.
        frames = [_frame(found) for found in iread_dicts(path, use_cleri=False)] if count else []
    except (OSError, ValueError, KeyError, ExtXYZError, AttributeError):
        # ASE, which reads the file next, tells what is wrong; the last is the parser's own, about a cell.
        return None
    return frames if frames and len(frames) == count else None


def _count_regular(path: Path) -> int:
    """Return the number of frames; 0 where one of them is not regular."""
    size, frames = path.stat().st_size, 0
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            count = line.strip()
            # Each atom takes more than one byte, so a count above the file's size is none.
            if not (count.isdecimal() and count.isascii() and 0 < int(count) <= size):
                return 0
            comment = f" {next(lines, '').strip()} "
            if not _is_regular(comment):
                return 0
            atoms = list(islice(lines, int(count)))
            if len(atoms) < int(count) or not _are_plain(atoms):
                return 0
            frames += 1
    return frames


def _are_plain(atoms: Sequence[str]) -> bool:
    """Return whether atoms' lines are without NULs, where the parser ends them, and Fortran's exponents."""
    text = "".join(atoms)
    if "d" in text or "D" in text:
        # In the name of an element they mean something else.
        text = "".join(atom.lstrip().partition(" ")[2] for atom in atoms)
    return not ("\0" in text or "d" in text or "D" in text)


def _is_regular(comment: str) -> bool:
    return (
        _COMMENT.fullmatch(comment) is not None
        and all(len(part.findall(comment)) == 1 for part in _ONCE)
        and len(_RESULT.findall(comment)) == comment.count("energy=") + comment.count("stress=")
        # Of a key that is there twice one reader takes the first and one the last.
        and all(comment.count(key) <= 1 for key in _UNIQUE)
    )


def _frame(found: Frame) -> LabelledFrame:
    """Return a frame of the parser; a `KeyError` or `ValueError` says that it is not regular."""
    arrays, info = found.arrays, found.info
    bodies = arrays.get("body")
    return LabelledFrame(
        numbers=np.array([atomic_numbers[symbol] for symbol in arrays["species"].tolist()]),
        positions_A=_of_kind(arrays["pos"], (found.natoms, 3), "f"),
        # The parser has cell vectors in columns, ASE in rows.
        cell_A=_of_kind(found.cell.T, (3, 3), "f"),
        pbc=tuple(found.pbc.tolist()),
        bodies=None if bodies is None else _bodies(_of_kind(bodies, (found.natoms,), "i")),
        energy_eV=_number(info["REF_energy"] if "REF_energy" in info else info["energy"]),
        forces_eV_A=_of_kind(
            arrays["REF_forces"] if "REF_forces" in arrays else arrays["forces"], (found.natoms, 3), "f"
        ),
        stress_eV_A3=_stress(info.get("REF_stress", info.get("stress")), named="REF_stress" in info),
        level=_text(info.get("level")),
        settings=_text(info.get("settings")),
    )


def _of_kind(values: np.ndarray, shape: tuple[int, ...], kind: str) -> np.ndarray:
    if values.shape != shape or values.dtype.kind != kind:
        raise ValueError("a column of another shape or kind")
    return values


def _bodies(values: np.ndarray) -> np.ndarray:
    # The parser lets integers run over.
    if not np.isin(values, (0, 1)).all():
        raise ValueError("a body that is none")
    return values.astype(int)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ValueError("an energy that is no number")
    return float(value)


def _stress(values: Any, named: bool) -> np.ndarray | None:
    """Return a stress of nine symmetric components, or of six if `named`, in Voigt order."""
    if values is None:
        return None
    stress = np.asarray(values)
    if stress.dtype.kind not in "fi":
        raise ValueError("a stress that is no number")
    if stress.size == 9 and np.array_equal(stress.reshape(3, 3), stress.reshape(3, 3).T):
        return voigt(stress.astype(float))
    if named and stress.shape == (6,):
        return stress.astype(float)
    raise ValueError("a stress that is none")


def _text(value: Any) -> str | None:
    if not (value is None or isinstance(value, str)):
        raise ValueError("not text")
    return value
