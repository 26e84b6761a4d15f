"""Folders to label."""

from collections.abc import Callable, Mapping
from pathlib import Path

import ase.io
import pytest
from ase import Atoms

from beamheat_fw.campaign import EmtSettings, GpawSettings

MakeFolder = Callable[[Mapping[str, Atoms], GpawSettings | EmtSettings], Path]


@pytest.fixture
def make_folder(tmp_path: Path) -> MakeFolder:
    """Write structures by label id, and settings, as a labelling folder."""

    def make(structures: Mapping[str, Atoms], settings: GpawSettings | EmtSettings) -> Path:
        frames = []
        for label_id, atoms in structures.items():
            frame = atoms.copy()
            frame.info["label_id"] = label_id
            frames.append(frame)
        ase.io.write(tmp_path / "structures.extxyz", frames, format="extxyz")
        (tmp_path / "settings.json").write_text(settings.model_dump_json())
        return tmp_path

    return make


@pytest.fixture
def quick_gpaw() -> GpawSettings:
    """Settings with which a hydrogen molecule takes half a second."""
    return GpawSettings(basis="sz(dzp)", h_A=0.3, energy_convergence_eV=1e-3, density_convergence=1e-3)


@pytest.fixture
def molecule() -> Callable[[float], Atoms]:
    """Hydrogen of a given bond length (Å) in a small periodic cell."""

    def make(bond_A: float) -> Atoms:
        positions = [[1.8, 1.8, 2.0], [1.8, 1.8, 2.0 + bond_A]]
        return Atoms("H2", positions=positions, cell=[3.6, 3.6, 4.8], pbc=True)

    return make
