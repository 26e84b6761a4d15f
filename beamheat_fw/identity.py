"""Content hashes: what makes two structures, two labels or two files the same one."""

from __future__ import annotations

import hashlib
import json
import math
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from beamheat_fw.errors import InputError

#: Spacing of the grid on which positions and cell vectors are compared, Å.
GRID_A: Final = 1e-3
#: A cell of less is taken for one that was never given, Å³.
SMALLEST_VOLUME_A3: Final = 1e-6
#: Fraction of a grid step at which two grid points part. Coordinates of symmetric structures are multiples of
#: a half, a third, a tenth ... of a step; an irrational border stays clear of them.
_BORDER: Final = math.sqrt(3.0 / 8.0)
#: Digits kept of a position in Å: what extended XYZ writes, so that a file round trip changes nothing.
_FILE_DIGITS: Final = 8
_KEY_NAMESPACE: Final = uuid.UUID("7d1f2c1e-8a36-5b0c-9a5e-2f60b1c3a9d4")


def content_hash(content: Any) -> str:
    """Return the sha256 (hex) of anything JSON can hold.

    Parameters
    ----------
    content : object
        Mappings, sequences, arrays, strings, numbers, booleans, None. Keys are sorted, floats are written by
        `repr` (so every bit counts), tuples and arrays count as lists; ``1`` and ``1.0`` differ.

    Raises
    ------
    InputError
        The content holds a NaN, an infinity, or something JSON has no form for.
    """
    try:
        text = json.dumps(plain(content), sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(
            "This content has no hash",
            "Give finite numbers, text, lists and mappings only.",
            {"reason": str(error)},
        ) from None
    return hashlib.sha256(text.encode()).hexdigest()


def plain(value: Any) -> Any:
    """Return `value` with arrays, NumPy scalars and tuples as lists and numbers, and all keys as strings."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return plain(value.tolist())
    return value


def structure_hash(
    numbers: Sequence[int] | np.ndarray,
    positions_A: Sequence[Sequence[float]] | np.ndarray,
    cell_A: Sequence[Sequence[float]] | np.ndarray,
    pbc: Sequence[bool] | np.ndarray,
) -> str:
    """Return the hash of an atomic structure.

    It is equal under a permutation of the atoms, under translation of single atoms by lattice vectors of
    the periodic directions, and under a round trip through extended XYZ. It changes when an atom moves by
    more than twice `GRID_A`. Structures that differ by less may or may not share it: near-duplicates are
    searched, not hashed.

    Parameters
    ----------
    numbers : (natoms,) int
        Atomic numbers.
    positions_A : (natoms, 3) float
        Cartesian positions, Å.
    cell_A : (3, 3) float
        Cell vectors in rows, Å. All three are needed.
    pbc : (3,) bool
        Which directions are periodic.

    Raises
    ------
    InputError
        Positions or cell are not finite, the shapes do not match, or the cell has no volume.
    """
    numbers = np.asarray(numbers, dtype=np.int64)
    positions = np.asarray(positions_A, dtype=float)
    cell = np.asarray(cell_A, dtype=float)
    periodic = np.asarray(pbc, dtype=bool)
    _check_structure(numbers, positions, cell)
    return structure_hashes(numbers[None], positions[None], cell[None], periodic[None])[0]


def structure_hashes(
    numbers: np.ndarray, positions_A: np.ndarray, cells_A: np.ndarray, pbc: np.ndarray
) -> list[str]:
    """Return the `structure_hash` of many structures of equally many atoms, some ten times as fast.

    Parameters
    ----------
    numbers : (nstructures, natoms) int
    positions_A : (nstructures, natoms, 3) float
        Finite, as the cells are; nobody looks again.
    cells_A : (nstructures, 3, 3) float
        All with a volume.
    pbc : (nstructures, 3) bool
    """
    # Counted along the cell vectors in whole grid steps, a lattice vector is a whole number of steps.
    steps = np.maximum(np.rint(np.linalg.norm(cells_A, axis=2) / GRID_A), 1.0)[:, None, :]
    rounded = np.round(positions_A, _FILE_DIGITS).transpose(0, 2, 1)
    fractional = np.linalg.solve(cells_A.transpose(0, 2, 1), rounded).transpose(0, 2, 1)
    index = np.floor(fractional * steps + (1.0 - _BORDER)).astype(np.int64)
    index = np.where(pbc[:, None, :], index % steps.astype(np.int64), index)
    atoms = np.concatenate([numbers[..., None], index], axis=2).astype("<i8")
    order = np.lexsort(atoms.transpose(2, 0, 1)[::-1])
    atoms = np.take_along_axis(atoms, order[..., None], axis=1)
    cells = np.floor(cells_A / GRID_A + (1.0 - _BORDER)).astype("<i8")
    periodic = pbc.astype("<i8")
    return [
        bytes_sha256(b"beamheat structure 1" + b"".join(part.tobytes() for part in parts))
        for parts in zip(periodic, cells, atoms, strict=True)
    ]


def label_id(structure: str, settings: str) -> str:
    """Return the id of a label: one structure (its hash) calculated with one set of settings (their hash)."""
    # The `content_hash` of both by name, written out: imports ask for it a hundred thousand times.
    return bytes_sha256(f'{{"settings":"{settings}","structure":"{structure}"}}'.encode())


def key_id(collection: str, *key: Any) -> str:
    """Return the UUID (version 5) that a natural key such as (campaign, round) always maps to."""
    return str(uuid.uuid5(_KEY_NAMESPACE, content_hash([collection, *key])))


def bytes_sha256(content: bytes) -> str:
    """Return the sha256 (hex) of bytes."""
    return hashlib.sha256(content).hexdigest()


def file_sha256(path: Path) -> str:
    """Return the sha256 (hex) of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _check_structure(numbers: np.ndarray, positions: np.ndarray, cell: np.ndarray) -> None:
    if positions.shape != (len(numbers), 3) or cell.shape != (3, 3):
        raise InputError(
            "The arrays of a structure do not match",
            "Give one position of three numbers for each atom and a 3x3 cell.",
            {"numbers": numbers.shape, "positions": positions.shape, "cell": cell.shape},
        )
    if not (np.isfinite(positions).all() and np.isfinite(cell).all()):
        raise InputError(
            "A position or cell vector is not a finite number",
            "Mend or drop this structure.",
            {"atoms": np.flatnonzero(~np.isfinite(positions).all(axis=1)).tolist()[:10]},
        )
    if abs(np.linalg.det(cell)) < SMALLEST_VOLUME_A3:
        raise InputError(
            "The cell has no volume",
            "Give all three cell vectors; a free cluster gets a cell with vacuum (atoms.center(vacuum=7)).",
            {"cell": cell.tolist()},
        )
