"""The quick reader reads what ASE reads, and leaves to ASE what is not regular."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc111
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import iread, write

from beamheat_fw.store.exchange.labelled_files import read_labelled
from beamheat_fw.store.exchange.labelled_frames import LabelledFrame, from_atoms
from beamheat_fw.store.exchange.regular_extxyz import read_regular

ROOT = Path(__file__).parents[3]


def _exported(number: int) -> Atoms:
    """Return a frame as `beamheat export` writes it."""
    atoms = bulk("Cu", cubic=True) if number % 2 else fcc111("Au", (2, 2, 2), vacuum=5.0)
    atoms = Atoms(atoms.numbers, positions=atoms.positions, cell=atoms.cell)
    atoms.rattle(0.05, seed=number)
    atoms.pbc = (True, True, bool(number % 2))
    atoms.set_array("body", np.arange(len(atoms)) % 2)
    settings = {"calculator": "gpaw", "cutoffs": [1, 2.5], "spin": {"on": False}, "name": "a b"}
    atoms.info.update(role="holdout", level="PBE D3", settings=json.dumps(settings), n=number)
    rng = np.random.default_rng(number)
    forces, stress = rng.normal(size=(len(atoms), 3)), rng.normal(size=6)
    atoms.calc = SinglePointCalculator(atoms, energy=rng.normal(), forces=forces, stress=stress)
    return atoms


def _referenced(number: int) -> Atoms:
    """Return a frame with the keys MACE reads, beside results of another calculation."""
    atoms = _exported(number)
    atoms.info["REF_energy"] = -7
    atoms.info["REF_stress"] = np.arange(6) / 10
    atoms.set_array("REF_forces", np.random.default_rng(9).normal(size=(len(atoms), 3)))
    return atoms


def _same(first: LabelledFrame, second: LabelledFrame) -> bool:
    pairs = [(getattr(first, field.name), getattr(second, field.name)) for field in fields(LabelledFrame)]
    return all(
        np.array_equal(one, other) if isinstance(one, np.ndarray) else one == other for one, other in pairs
    )


@pytest.mark.parametrize("made", [_exported, _referenced])
def test_regular_file_is_read_bit_for_bit_as_by_ase(tmp_path: Path, made) -> None:
    path = tmp_path / "frames.extxyz"
    write(path, [made(number) for number in range(6)], format="extxyz")
    quick = read_regular(path)
    slow = [from_atoms(atoms, number, path) for number, atoms in enumerate(iread(path, format="extxyz"))]
    assert quick is not None
    assert len(quick) == 6
    assert all(_same(*pair) for pair in zip(quick, slow, strict=True))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (' pbc="T T F"', ""),
        ("Properties=species:S:1:pos:R:3", "Properties=pos:R:3:species:S:1"),
        ("energy=", "free_energy="),
        ('stress="', 'stress="9 '),
        ("Au ", "Xy "),
        ("forces:R:3", "forces:R:123456789"),
        ("8\n", "99999999999\n"),
        ("8\n", "\n8\n"),
        ("level=", "level=5 other="),
        ("a b", r"\\u00c5"),
    ],
)
def test_irregular_file_is_left_to_ase(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "frames.extxyz"
    write(path, [_exported(0), _exported(2)], format="extxyz")
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    assert read_regular(path) is None


def test_frames_that_only_ase_can_read_are_read(tmp_path: Path) -> None:
    path = tmp_path / "frames.extxyz"
    write(path, [_exported(1), _exported(3)], format="extxyz")
    path.write_text(path.read_text(encoding="utf-8").replace(' pbc="T T T"', ""), encoding="utf-8")
    assert read_regular(path) is None
    assert [frame.pbc for frame in read_labelled(path)] == [(True, True, True)] * 2


#: Changes a file in many ways, reads each, and compares what both readers read of it.
MUTATE = """
import random, sys
from pathlib import Path
from ase.io import iread
from beamheat_fw.store.exchange.labelled_frames import from_atoms
from beamheat_fw.store.exchange.regular_extxyz import read_regular
from tests.store.exchange.test_regular_extxyz import _same

whole, path = (Path(name) for name in sys.argv[1:])
rng, read = random.Random(0), 0
pieces = b'" \\n  99999999999 -1 nan 1e999 { [ \\\\ \\0 = :R: 999'.split(b" ")
for _ in range(600):
    content = bytearray(whole.read_bytes())
    for _ in range(rng.choice([1, 1, 2, 5])):
        at = rng.randrange(len(content))
        kind = rng.randrange(5)
        if kind == 0: content[at] = rng.randrange(256)
        elif kind == 1: del content[at : at + rng.randrange(1, 40)]
        elif kind == 2: content[at:at] = rng.choice(pieces)
        elif kind == 3: content[at:at] = content[(start := rng.randrange(len(content))) : start + 60]
        elif rng.random() < 0.2: del content[at + 1 :]
    path.write_bytes(content or b"x")
    frames = read_regular(path)
    if frames is None: continue
    read += 1
    slow = [from_atoms(atoms, number, path) for number, atoms in enumerate(iread(path, format="extxyz"))]
    assert len(slow) == len(frames), content
    assert all(map(_same, frames, slow)), content
print(read)
"""


def test_damaged_files_end_no_process_and_are_read_as_by_ase_or_not_at_all(tmp_path: Path) -> None:
    whole = tmp_path / "whole.extxyz"
    write(whole, [_exported(number) for number in range(3)], format="extxyz")
    command = [sys.executable, "-c", MUTATE, str(whole), str(tmp_path / "damaged.extxyz")]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr[-2000:]
    # Many changes touch a digit alone, and leave a regular file.
    assert int(ended.stdout) > 50
