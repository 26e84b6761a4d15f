"""Small systems and analytic potentials for the MD engine."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from ase import Atoms
from ase.build import fcc111

from beamheat_fw.drivers.md.batch import Batch
from beamheat_fw.drivers.md.forces import Evaluated


class HarmonicForces:
    """Each atom on a spring of its own, in eV/Å², to where it started."""

    def __init__(self, batch: Batch, springs_eV_A2: np.ndarray | float = 2.0) -> None:
        self._batch = batch
        self._rest = batch.start_positions_A()
        self._springs = np.broadcast_to(np.asarray(springs_eV_A2, dtype=float), (batch.atoms,))

    def __call__(self, positions_A: np.ndarray) -> Evaluated:
        moved = positions_A - self._rest
        atoms = 0.5 * self._springs * np.einsum("ij,ij->i", moved, moved)
        return Evaluated(self._batch.per_frame(atoms), atoms, -self._springs[:, None] * moved)

    def list_positions_A(self) -> np.ndarray | None:
        return None

    def rebuild(self, positions_A: np.ndarray) -> None:
        return None


@pytest.fixture(scope="session")
def morse_path() -> Path:
    """The program that heats with the Morse potential."""
    return Path(__file__).with_name("morse_program.py")


@pytest.fixture(scope="session")
def morse(morse_path: Path) -> ModuleType:
    """The module of the Morse potential."""
    spec = importlib.util.spec_from_file_location("morse_program", morse_path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["morse_program"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def harmonic() -> type[HarmonicForces]:
    return HarmonicForces


@pytest.fixture
def hasty_mpirun(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has mpirun wait Open MPI's own second, not `MpiLauncher`'s three, once a rank has died.

    It waits before it tells the other ranks to end and again before it kills them, even if they are gone.
    """
    monkeypatch.setenv("OMPI_MCA_odls_base_sigkill_timeout", "1")


@pytest.fixture
def supported(flake_on_support: Atoms) -> Atoms:
    """A flake on its support, to be changed as a test likes."""
    return flake_on_support.copy()


@pytest.fixture(scope="session")
def flake_on_support() -> Atoms:
    """Seven gold atoms in one layer on 32 copper atoms in two."""
    support = fcc111("Cu", (4, 4, 2), a=4.0)
    flake = fcc111("Au", (5, 5, 1), a=4.0).positions
    near = np.argsort(np.linalg.norm(flake - flake.mean(axis=0), axis=1))[:7]
    positions = flake[near] - flake[near].mean(axis=0)
    positions += [*support.positions[:, :2].mean(axis=0), support.positions[:, 2].max() + 2.6]
    system = Atoms(support.numbers, support.positions, cell=support.cell, pbc=(True, True, False))
    system += Atoms("Au7", positions)
    system.set_cell([*system.cell[:2], [0, 0, 24.0]], scale_atoms=False)
    system.positions[:, 2] += 6.0
    system.set_array("body", np.repeat([0, 1], [len(support), 7]))
    return system


@pytest.fixture
def cluster() -> Atoms:
    """Thirteen free gold atoms."""
    from ase.cluster import Icosahedron

    atoms = Icosahedron("Au", 2, latticeconstant=4.0)
    return Atoms(atoms.numbers, atoms.positions, cell=[20, 20, 20], pbc=False)
