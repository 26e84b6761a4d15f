"""GPAW's own files as labels: read without GPAW, and refused by name where they are cut off."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from beamheat_fw.errors import InputError
from beamheat_fw.store.database import Store
from beamheat_fw.store.documents import Label
from beamheat_fw.store.exchange.imports import import_labels
from beamheat_fw.store.exchange.labelled_files import read_labelled

pytestmark = pytest.mark.gpaw

#: A process of its own: the tests' one must stay free of GPAW's MPI.
_WRITE = """
import sys
import numpy as np
from ase import Atoms
from gpaw.new.ase_interface import GPAW

atoms = Atoms("H2", positions=[[1.8, 1.8, 2.0], [1.8, 1.8, 2.75]], cell=[3.6, 3.6, 4.8], pbc=True)
smeared = {"name": "fermi-dirac", "width": 2.0}
atoms.calc = GPAW(mode="lcao", basis="sz(dzp)", h=0.3, txt=None, occupations=smeared)
energy = atoms.get_potential_energy(force_consistent=True)
atoms.calc.write(sys.argv[1] + "/energy.gpw")
np.savez(sys.argv[1] + "/truth.npz", energy=energy, forces=atoms.get_forces())
atoms.calc.write(sys.argv[1] + "/label.gpw")
"""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a file that has forces, one without, and the true numbers."""
    folder = tmp_path_factory.mktemp("gpw")
    subprocess.run([sys.executable, "-c", _WRITE, str(folder)], check=True)
    return folder


def test_forces_and_the_energy_that_belongs_to_them_are_read(written: Path) -> None:
    (frame,) = read_labelled(written / "label.gpw")
    truth = np.load(written / "truth.npz")
    assert frame.energy_eV == pytest.approx(float(truth["energy"]), abs=1e-9)
    np.testing.assert_allclose(frame.forces_eV_A, truth["forces"], atol=1e-9)
    assert frame.pbc == (True, True, True)


@pytest.mark.mongod
def test_it_is_a_label_of_the_level_given(written: Path, store: Store) -> None:
    assert import_labels(store, written / "label.gpw", level="LDA-test")["new"] == 1
    label = store.collection(Label).find_one({})
    assert label is not None
    assert (label["level"], label["formula_pretty"], label["state"]) == ("LDA-test", "H2", "completed")


@pytest.mark.parametrize("kept", [0, 10, 0.5, 0.9, 0.999])
def test_a_file_that_is_cut_off_is_refused_by_name(kept: float, written: Path, tmp_path: Path) -> None:
    content = (written / "label.gpw").read_bytes()
    path = tmp_path / "cut.gpw"
    path.write_bytes(content[: int(kept if kept > 1 else kept * len(content))])
    with pytest.raises(InputError, match=r"cut\.gpw"):
        read_labelled(path)


def test_a_file_without_forces_is_refused(written: Path) -> None:
    with pytest.raises(InputError, match="no forces"):
        read_labelled(written / "energy.gpw")
