"""Identity: the same content has the same hash, other content another one."""

from __future__ import annotations

import io

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc111, mx2
from ase.io import read, write

from beamheat_fw.errors import InputError
from beamheat_fw.identity import bytes_sha256, content_hash, file_sha256, key_id, label_id, structure_hash


def _hash(atoms: Atoms) -> str:
    return structure_hash(atoms.numbers, atoms.positions, atoms.cell.array, atoms.pbc)


def _particle_on_sheet(seed: int) -> Atoms:
    sheet = mx2("MoS2", a=3.18, size=(3, 3, 1), vacuum=8.0)
    sheet.pbc = (True, True, False)
    atoms = sheet + Atoms("Au4", positions=[[1, 1, 14], [3.5, 1, 14], [1, 3.5, 14], [2.2, 2.2, 16]])
    atoms.rattle(0.1, seed=seed)
    return atoms


@pytest.mark.parametrize("seed", range(20))
def test_structure_hash_ignores_order_wrapping_and_a_file_round_trip(seed: int) -> None:
    rng = np.random.default_rng(seed)
    atoms = _particle_on_sheet(seed)
    other = atoms[rng.permutation(len(atoms))]
    shifts = rng.integers(-2, 3, (len(atoms), 3)) * [1, 1, 0]
    other.positions += shifts @ other.cell.array
    buffer = io.StringIO()
    write(buffer, other, format="extxyz")
    buffer.seek(0)
    assert _hash(read(buffer, format="extxyz")) == _hash(atoms)


@pytest.mark.parametrize("size", [1, 2, 3, 6])
def test_symmetric_structure_does_not_sit_on_a_rounding_border(size: int) -> None:
    for atoms in (
        bulk("Au", cubic=True) * size,
        fcc111("Au", (size, size, 3), vacuum=7.0),
        bulk("MgO", "rocksalt", 4.21),
    ):
        noisy = atoms.copy()
        noisy.positions += np.random.default_rng(0).uniform(-1e-8, 1e-8, noisy.positions.shape)
        assert _hash(noisy) == _hash(atoms)


def test_wrapping_along_a_direction_without_period_is_another_structure() -> None:
    atoms = _particle_on_sheet(1)
    moved = atoms.copy()
    moved.positions[-1] += moved.cell[2]
    assert _hash(moved) != _hash(atoms)


@pytest.mark.parametrize("change", ["element", "position", "cell", "pbc"])
def test_structure_hash_sees_every_change(change: str) -> None:
    atoms = _particle_on_sheet(2)
    other = atoms.copy()
    if change == "element":
        other.symbols[0] = "W"
    elif change == "position":
        other.positions[0, 2] += 2e-3
    elif change == "cell":
        other.cell[2, 2] += 2e-3
    else:
        other.pbc = (True, True, True)
    assert _hash(other) != _hash(atoms)


@pytest.mark.parametrize(
    ("positions", "cell"),
    [([[0, 0, np.nan]], np.eye(3) * 8), ([[0, 0, 0]], np.diag([8.0, 8.0, 0.0])), ([[0, 0]], np.eye(3))],
)
def test_structure_that_is_none_is_refused(positions: list, cell: np.ndarray) -> None:
    with pytest.raises(InputError):
        structure_hash([79], positions, cell, [True] * 3)


def test_content_hash_counts_every_bit_but_not_the_order_of_keys() -> None:
    assert content_hash({"a": 1.0, "b": (1, 2)}) == content_hash({"b": [1, 2], "a": np.float64(1.0)})
    assert content_hash(0.1 + 0.2) != content_hash(0.3)
    assert content_hash(1) != content_hash(1.0)


@pytest.mark.parametrize("content", [float("nan"), {"a": float("inf")}, {1, 2}, object()])
def test_content_without_a_canonical_form_is_refused(content: object) -> None:
    with pytest.raises(InputError):
        content_hash(content)


def test_ids_are_stable_and_distinct() -> None:
    assert label_id("a", "b") != label_id("b", "a")
    assert label_id("a1" * 32, "b2" * 32) == content_hash({"structure": "a1" * 32, "settings": "b2" * 32})
    assert key_id("rounds", "campaign", 1) == key_id("rounds", "campaign", 1)
    assert key_id("rounds", "campaign", 1) != key_id("committees", "campaign", 1)


def test_file_and_bytes_share_one_hash(tmp_path) -> None:
    (tmp_path / "file").write_bytes(b"gold")
    assert file_sha256(tmp_path / "file") == bytes_sha256(b"gold")
