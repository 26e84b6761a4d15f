"""A small committee, really trained, once for the whole test run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import fcc111
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator

from beamheat_fw.campaign import TrainingStage
from beamheat_fw.drivers.nequip import compiling
from beamheat_fw.drivers.nequip.compiling import compiled
from beamheat_fw.drivers.nequip.plan import DATASET_FILE, TrainingPlan
from beamheat_fw.drivers.nequip.training import TrainedMember, train_member

TINY_STAGE = TrainingStage(
    members=2,
    r_max_A=4.0,
    num_layers=2,
    l_max=1,
    num_features=4,
    max_epochs=12,
    batch_size=4,
    learning_rate=0.05,
    validation_fraction=0.2,
)


def gold_on_copper(seed: int, gold_atoms: int = 3, rattle_A: float = 0.08) -> Atoms:
    """Two layers of copper with gold atoms in the hollows above; 12 copper atoms, periodic in the plane."""
    slab = fcc111("Cu", (2, 3, 2), vacuum=None, orthogonal=False)
    slab.info.clear()
    slab.cell[2] = [0.0, 0.0, 14.0]
    above = slab.positions[slab.positions[:, 2] > slab.positions[:, 2].mean()][:gold_atoms]
    frame = slab + Atoms(f"Au{gold_atoms}", positions=above + np.array([0.0, 1.47, 2.3]))
    frame.positions[:, 2] += 3.0
    frame.pbc = (True, True, False)
    frame.set_array("body", np.array([0] * len(slab) + [1] * gold_atoms))
    frame.positions += np.random.default_rng(seed).normal(0.0, rattle_A, frame.positions.shape)
    return frame


def labelled_by_emt(frames: Sequence[Atoms]) -> list[Atoms]:
    """The frames with EMT's energies and forces attached."""
    labelled = []
    for frame in frames:
        label = frame.copy()
        working = frame.copy()
        working.calc = EMT()
        label.calc = SinglePointCalculator(
            label, energy=working.get_potential_energy(), forces=working.get_forces()
        )
        labelled.append(label)
    return labelled


def write_training_folder(folder: Path, stage: TrainingStage, member: int, frames: Sequence[Atoms]) -> None:
    """Stage one member's training as a firework would."""
    folder.mkdir(parents=True, exist_ok=True)
    ase.io.write(folder / DATASET_FILE, frames, format="extxyz")
    TrainingPlan(stage, member, seed=7).save(folder)


@pytest.fixture
def tiny_stage() -> TrainingStage:
    """The settings `tiny_members` were trained with."""
    return TINY_STAGE


@pytest.fixture(scope="session")
def stage_training() -> Callable[[Path, TrainingStage, int, Sequence[Atoms]], None]:
    """Stages a member's training in a folder: folder, settings, member and labelled frames."""
    return write_training_folder


@pytest.fixture(scope="session")
def tiny_dataset() -> list[Atoms]:
    """Twenty rattled frames of gold on copper, labelled by EMT."""
    return labelled_by_emt([gold_on_copper(seed, gold_atoms=1 + seed % 4) for seed in range(20)])


@pytest.fixture(scope="session")
def tiny_members(tiny_dataset: list[Atoms], tmp_path_factory: pytest.TempPathFactory) -> list[TrainedMember]:
    """Two members trained by nequip-train for a few epochs."""
    root = tmp_path_factory.mktemp("committee")
    folders = [root / str(member) for member in range(TINY_STAGE.members)]
    for member, folder in enumerate(folders):
        write_training_folder(folder, TINY_STAGE, member, tiny_dataset)
    with ThreadPoolExecutor() as pool:
        return list(pool.map(lambda folder: train_member(folder, stop=lambda: False), folders))


@pytest.fixture(scope="session")
def compiled_models(tiny_members: list[TrainedMember], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A worker's cache in which the first of `tiny_members` is, compiled by nequip-compile."""
    cache = tmp_path_factory.mktemp("compiled")
    compiled(tiny_members[0].package, cache, stop=lambda: False)
    return cache


@pytest.fixture
def compile_by(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Has a Python program stand in for nequip-compile: ``sys.argv[2]`` is the file it has to make."""

    def stand_in(code: str) -> None:
        monkeypatch.setattr(compiling, "_PROGRAM", (sys.executable, "-c", f"import sys\n{code}"))

    return stand_in


@pytest.fixture(scope="session")
def tiny_committee_packages(tiny_members: list[TrainedMember]) -> list[Path]:
    """The packages of `tiny_members`."""
    return [member.package for member in tiny_members]
