"""Learning on an EMT reference for the benchmarks: gold on copper, trained by the programs of the package.

A training spends 7 to 9 s on imports, as long as it trains here. So they are paid once: every training and
every evaluation is a fork of a process that has loaded PyTorch and NequIP, and runs what the package would
start as a program. What is done stays in its folder; a benchmark that was interrupted goes on there.
"""

from __future__ import annotations

import json
import logging
import math
import multiprocessing
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms, units
from ase.build import fcc111
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.md.langevin import Langevin
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution

from beamheat_fw.campaign import TrainingStage
from beamheat_fw.drivers.nequip import evaluate, program, training
from beamheat_fw.drivers.nequip.evaluate import COMMITTEE_FILE, EVALUATION_FILE, FRAMES_FILE, FolderEvaluation
from beamheat_fw.drivers.nequip.plan import DATASET_FILE, WARM_START_FILE, TrainingPlan
from beamheat_fw.drivers.process import Command
from beamheat_fw.physics.committee.force_errors import ForceErrors

BATCH = 5
_CONTEXT = multiprocessing.get_context("fork")


@dataclass(frozen=True)
class Conditions:
    """Particle sizes and temperatures of a set of trajectories."""

    gold_atoms: tuple[int, ...]
    temperatures_K: tuple[float, ...]
    frames: int


#: What may be labelled, and, at other sizes and temperatures, what the errors are read from.
POOL = Conditions((4, 7, 10), (300.0, 600.0, 900.0), frames=20)
TEST = Conditions((5, 12), (450.0, 1100.0), frames=15)


def trajectories(folder: Path, conditions: Conditions, seed: int) -> list[Atoms]:
    """Return labelled frames, 20 steps of 5 fs apart, of an MD run for each size and temperature."""
    frames = []
    for size in conditions.gold_atoms:
        for temperature_K in conditions.temperatures_K:
            file = folder / f"md-{size}-{temperature_K:g}K-{conditions.frames}-seed-{seed}.extxyz"
            if not file.exists():
                folder.mkdir(parents=True, exist_ok=True)
                run_seed = [seed, size, round(temperature_K)]
                found = _run(particle_on_copper(size), temperature_K, conditions.frames, run_seed)
                ase.io.write(file.with_suffix(".tmp"), found, format="extxyz")
                file.with_suffix(".tmp").rename(file)
            frames += ase.io.read(file, index=":")
    return frames


def particle_on_copper(gold_atoms: int) -> Atoms:
    """Return two layers of copper, 32 atoms, with a flat or two-layered gold particle on them."""
    slab = fcc111("Cu", (4, 4, 2), orthogonal=False, vacuum=None)
    slab.cell[2] = [0.0, 0.0, 20.0]
    slab.positions[:, 2] += 5.0
    copper, top = len(slab), slab.positions[:, 2].max()
    flake = fcc111("Au", (5, 5, 1), a=4.08).positions
    flake -= flake[np.argmin(np.linalg.norm(flake - flake.mean(axis=0), axis=1))]
    flake = flake[np.argsort(np.linalg.norm(flake, axis=1), kind="stable")]
    lower = flake[: min(gold_atoms, 7)] + np.array([5.0, 4.0, top + 2.4])
    # In the hollows of the lower layer.
    upper = flake[: gold_atoms - len(lower)] + np.array([6.44, 4.83, top + 4.76])
    slab += Atoms(f"Au{gold_atoms}", np.concatenate([lower, upper]))
    slab.set_array("body", (np.arange(len(slab)) >= copper).astype(int))
    slab.pbc = (True, True, False)
    return slab


def _run(atoms: Atoms, temperature_K: float, frames: int, seed: Sequence[int]) -> list[Atoms]:
    random = np.random.default_rng(seed)
    atoms.calc = EMT()
    MaxwellBoltzmannDistribution(atoms, temperature_K=temperature_K, rng=random)
    settings = {"temperature_K": temperature_K, "friction": 0.01 / units.fs, "fixcm": False, "rng": random}
    dynamics = Langevin(atoms, 5.0 * units.fs, **settings)
    dynamics.run(100)
    found = []
    for _ in range(frames):
        dynamics.run(20)
        frame = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
        frame.set_array("body", atoms.arrays["body"])
        results = {"energy": atoms.get_potential_energy(), "forces": atoms.get_forces().copy()}
        frame.calc = SinglePointCalculator(frame, **results)
        found.append(frame)
    return found


def stage_of(members: int, steps: int, frames: int) -> TrainingStage:
    """Return settings with which `frames` labels are learnt in about `steps` steps of the optimiser."""
    epochs = max(1, round(steps / math.ceil(0.9 * frames / BATCH)))
    return TrainingStage(
        members=members,
        size="S",
        # One layer is what EMT needs: a function of a sum over neighbours.
        num_layers=1,
        r_max_A=4.5,
        max_epochs=epochs,
        batch_size=BATCH,
        learning_rate=0.04,
        zbl=False,
    )


def train_committee(
    folder: Path,
    frames: Sequence[Atoms],
    stage: TrainingStage,
    seed: int,
    warm_starts: Sequence[Path] | None = None,
) -> list[Path]:
    """Train a committee in `folder`, one member after the other; what is finished is not trained again.

    Members go on from the packages `warm_starts`, if there are any.
    """
    members = [folder / f"member-{number}" for number in range(stage.members)]
    for number, member in enumerate(members):
        if not (member / DATASET_FILE).exists():
            member.mkdir(parents=True, exist_ok=True)
            TrainingPlan(stage, number, seed).save(member)
            if warm_starts is not None:
                shutil.copyfile(warm_starts[number], member / WARM_START_FILE)
            ase.io.write(member / "waiting.extxyz", [_unmarked(frame) for frame in frames], format="extxyz")
            (member / "waiting.extxyz").rename(member / DATASET_FILE)
    for member in members:
        _in_fork(partial(_train, member))
    return [next(member.glob(f"attempt_*/{program.PACKAGE_FILE}")) for member in members]


def evaluate_committee(folder: Path, packages: Sequence[Path], frames: Sequence[Atoms]) -> FolderEvaluation:
    """Evaluate a committee on frames, once."""
    if not (folder / EVALUATION_FILE).exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / COMMITTEE_FILE).write_text(json.dumps({"packages": [str(one) for one in packages]}))
        plain = [_unmarked(frame) for frame in frames]
        for frame in plain:
            frame.calc = None
        ase.io.write(folder / FRAMES_FILE, plain, format="extxyz")
        _in_fork(partial(_in_folder, folder, evaluate.main))
    return FolderEvaluation.load(folder / EVALUATION_FILE)


def force_errors(evaluation: FolderEvaluation, frames: Sequence[Atoms], first: int = 0) -> ForceErrors:
    """Hold an evaluation against the labels of `frames`, which begin at its frame `first`."""
    atoms = slice(evaluation.offsets[first], evaluation.offsets[first + len(frames)])
    reference = np.concatenate([frame.get_forces() for frame in frames])
    return ForceErrors.from_frames(
        frames, evaluation.spread_eV_A[atoms], evaluation.forces_eV_A[atoms], reference
    )


def load_programs() -> None:
    """Import what every fork needs; what NequIP logs stays out of the benchmark's own output."""
    logging.disable(logging.INFO)
    import nequip.scripts.package
    import nequip.scripts.train  # noqa: F401

    from beamheat_fw.drivers.nequip import committee, neighbours  # noqa: F401


def _unmarked(frame: Atoms) -> Atoms:
    copy = frame.copy()
    copy.calc = frame.calc
    return copy


def _train(member: Path) -> None:
    training.run_to_end = _without_a_new_interpreter
    training.train_member(member, stop=lambda: False)


def _without_a_new_interpreter(command: Command, stop: Callable[[], bool]) -> None:
    """Do what `run_to_end` does, in this process: it is a fork for this one command."""
    with command.log.open("ab") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        _in_folder(command.folder, partial(program.main, list(command.argv)[3:]))


def _in_folder(folder: Path, work: Callable[[], None]) -> None:
    before = Path.cwd()
    os.chdir(folder)
    try:
        work()
    finally:
        os.chdir(before)


def _in_fork(work: Callable[[], None]) -> None:
    process = _CONTEXT.Process(target=work)
    process.start()
    process.join()
    if process.exitcode:
        raise RuntimeError(f"a fork ended with status {process.exitcode}: {work}")
