"""A system's energy and forces are the same however many ranks share its atoms."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from beamheat_fw.drivers.md.inputs import read_structures, write_structures
from beamheat_fw.drivers.mpi import MpiLauncher
from beamheat_fw.drivers.nequip.committee import Committee
from beamheat_fw.drivers.nequip.frames import Frames
from beamheat_fw.drivers.nequip.neighbours import NeighbourList

pytestmark = [pytest.mark.nequip, pytest.mark.mpi, pytest.mark.slow]

RANKS = (1, 2, 3, 4)
#: float32 sums in another order; both are relative to the energy, and in eV/Å.
TOLERANCE = {"float32": (1e-6, 1e-5), "float64": (1e-9, 1e-9)}


SYSTEMS = ("bulk", "slab", "particle on slab", "thin cell", "fewer atoms than ranks")


@pytest.fixture(scope="module")
def structures(shared_systems, tmp_path_factory) -> tuple[Path, list[Atoms]]:
    assert tuple(shared_systems) == SYSTEMS
    path = tmp_path_factory.mktemp("structures") / "structures.extxyz"
    write_structures(path, list(shared_systems.values()))
    return path, read_structures(path)


@pytest.fixture(scope="module")
def found(structures, tiny_committee_packages, tmp_path_factory) -> dict[str, np.ndarray]:
    """What the program measured, by precision, ranks, number of the structure and quantity."""
    out = tmp_path_factory.mktemp("ranks") / "found.npz"
    program = Path(__file__).with_name("evaluate_program.py")
    argv = [sys.executable, str(program), str(tiny_committee_packages[0]), str(structures[0]), str(out)]
    launcher = MpiLauncher()
    ranks = max(RANKS)
    subprocess.run(launcher.argv(argv, ranks), env=launcher.environment(ranks), check=True, timeout=300)
    with np.load(out) as arrays:
        return dict(arrays)


@pytest.mark.parametrize("precision", TOLERANCE)
@pytest.mark.parametrize("number", range(len(SYSTEMS)), ids=SYSTEMS)
@pytest.mark.parametrize("moved", ["", "moved_"], ids=["built", "moved"])
def test_energy_and_forces_do_not_depend_on_the_ranks(found, precision, number, moved):
    energy_relative, force_eV_A = TOLERANCE[precision]
    for ranks in RANKS:
        energy, forces = (
            [found[f"{precision}-{size}-{number}-{moved}{name}"] for size in (1, ranks)]
            for name in ("energy", "forces")
        )
        assert energy[1] == pytest.approx(energy[0], rel=energy_relative)
        assert np.abs(forces[1] - forces[0]).max() < force_eV_A
        assert np.abs(forces[0]).max() > 0.1


@pytest.mark.parametrize("number", range(len(SYSTEMS)), ids=SYSTEMS)
def test_no_rank_is_empty_while_there_are_atoms(found, structures, number):
    count = len(structures[1][number])
    for ranks in RANKS:
        atoms = found[f"float32-{ranks}-{number}-atoms"]
        assert atoms.sum() == count
        assert atoms.min() >= count // ranks
        assert atoms.max() <= -(-count // ranks) + 1


@pytest.mark.parametrize("number", range(len(SYSTEMS)), ids=SYSTEMS)
def test_one_rank_is_the_committee_s_own_evaluation(found, structures, tiny_committee_packages, number):
    committee = Committee.load(tiny_committee_packages[:1], precision="float64")
    frames = Frames.from_atoms([structures[1][number]])
    neighbours = NeighbourList(frames, committee.r_max_A)
    expected = committee.evaluate(frames, structures[1][number].positions, neighbours)
    assert found[f"float64-1-{number}-energy"] == pytest.approx(expected.energies_eV[0], rel=1e-12)
    assert np.abs(found[f"float64-1-{number}-forces"] - expected.forces_eV_A[0]).max() < 1e-10


def test_ghosts_are_other_ranks_atoms_each_once(found):
    number = SYSTEMS.index("slab")
    assert found[f"float32-1-{number}-ghosts"].tolist() == [0]
    atoms, ghosts = (found[f"float32-2-{number}-{name}"] for name in ("atoms", "ghosts"))
    assert (ghosts > 0).all()
    assert (ghosts <= atoms[::-1]).all()
