"""Structures that GPAW calculates in half a second."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from beamheat_fw.campaign import GpawSettings
from beamheat_fw.drivers.mpi import MpiLauncher
from beamheat_fw.drivers.studies.calculations import Site


@pytest.fixture
def quick() -> GpawSettings:
    """Coarse settings."""
    return GpawSettings(basis="sz(dzp)", h_A=0.3, energy_convergence_eV=1e-3, density_convergence=1e-3)


@pytest.fixture
def hydrogen() -> Atoms:
    """A molecule in a small periodic cell."""
    return Atoms("H2", positions=[[1.8, 1.8, 2.0], [1.8, 1.8, 2.75]], cell=[3.6, 3.6, 4.8], pbc=True)


@pytest.fixture
def molecules() -> Atoms:
    """A molecule lying above another one, both repeated in the plane."""
    places = [[x, 2.0, z] for z in (0.0, 2.4) for x in (1.6, 2.4)]
    atoms = Atoms("H4", positions=places, cell=[4, 4, 9], pbc=(1, 1, 0))
    atoms.set_array("body", np.array([0, 0, 1, 1]))
    atoms.center(vacuum=2.6, axis=2)
    return atoms


@pytest.fixture
def site(tmp_path: Path) -> Callable[..., Site]:
    """Where a study runs; takes what `Site` does beside its folder."""

    def make(ranks: int = 1, **options) -> Site:
        return Site(tmp_path / "study", ranks, MpiLauncher(), **options)

    return make
