"""Folders to label."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from ase import Atoms

from beamheat_fw.campaign import EmtSettings, GpawSettings
from tests.drivers.labelling.folders import hydrogen, quick_settings, write_folder

MakeFolder = Callable[[Mapping[str, Atoms], GpawSettings | EmtSettings], Path]


@pytest.fixture
def make_folder(tmp_path: Path) -> MakeFolder:
    """Write structures by label id, and settings, as a labelling folder."""
    return lambda structures, settings: write_folder(tmp_path, structures, settings)


@pytest.fixture
def quick_gpaw() -> GpawSettings:
    """Settings with which a hydrogen molecule takes half a second."""
    return quick_settings()


@pytest.fixture
def molecule() -> Callable[[float], Atoms]:
    """Hydrogen of a given bond length (Å) in a small periodic cell."""
    return hydrogen
