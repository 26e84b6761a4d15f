"""Train one member of a committee in a job folder, resuming what an earlier rocket began."""

from __future__ import annotations

import os
import shutil
import sys
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from beamheat_fw.drivers.nequip.config import (
    BEST_CHECKPOINT,
    LAST_CHECKPOINT,
    TRAINING_SPLIT_FILE,
    VALIDATION_SPLIT_FILE,
    MemberModel,
    Schedule,
    training_config,
)
from beamheat_fw.drivers.nequip.curve import Epoch, has_diverged, read_curve, write_curve
from beamheat_fw.drivers.nequip.dataset import draw_split, energy_shifts_eV, read_labelled, species_of
from beamheat_fw.drivers.nequip.models import package_metadata
from beamheat_fw.drivers.nequip.plan import DATASET_FILE, WARM_START_FILE, TrainingPlan
from beamheat_fw.drivers.nequip.program import CONFIG_FILE, GPU, PACKAGE_FILE
from beamheat_fw.drivers.process import Command, log_tail, run_to_end
from beamheat_fw.errors import CalculationError

if TYPE_CHECKING:
    from ase import Atoms

CURVE_FILE = "learning_curve.csv"
LOG_FILE = "log.txt"
#: The learning rate is divided by this when a loss stopped being a number.
_SLOW_DOWN = 4.0


@dataclass(frozen=True)
class TrainedMember:
    """A member that has been trained and packaged.

    Attributes
    ----------
    package : Path
        The ``.nequip.zip`` file to store.
    metrics : mapping of str to float
        Validation errors of the packaged weights: ``force_mae_eV_A``, ``force_rmse_eV_A``,
        ``energy_mae_eV_atom``, ``energy_rmse_eV_atom``.
    epochs : int
        Epochs trained.
    learning_curve : Path
        CSV, one epoch a line.
    training_frames, validation_frames : int
    warm_started : bool
        Whether it went on from the round before.
    retried : bool
        Whether a first attempt diverged.
    versions : mapping of str to str
        Of nequip, e3nn and torch, as the package names them.
    """

    package: Path
    metrics: Mapping[str, float]
    epochs: int
    learning_curve: Path
    training_frames: int
    validation_frames: int
    warm_started: bool
    retried: bool
    versions: Mapping[str, str]


def train_member(
    folder: Path, *, stop: Callable[[], bool], threads: int = 1, gpu: bool | None = None
) -> TrainedMember:
    """Train and package the member that `folder` describes; what is there already is not done again.

    Parameters
    ----------
    folder : Path
        Holds ``train.extxyz`` (ASE's ``energy`` in eV and ``forces`` in eV/Å), ``training.json``
        (`TrainingPlan.save`) and, for a warm start, ``warm_start.nequip.zip``.
    stop : callable
        Turns true when the work should end early.
    threads : int
        Of the child program.
    gpu : bool or None
        Whether to train on a CUDA device, see `GPU`; None for one if it is there.

    Raises
    ------
    InputError
        The plan or the labels cannot be used.
    Interrupted
        `stop` turned true; the next call goes on after the last whole epoch.
    CalculationError
        nequip-train failed, or its loss stopped being a number twice.
    """
    plan = TrainingPlan.load(folder)
    frames = read_labelled(folder / DATASET_FILE)
    for number, slow_down in enumerate((1.0, _SLOW_DOWN)):
        attempt = folder / f"attempt_{number}"
        if not (attempt / PACKAGE_FILE).exists() and not has_diverged(read_curve(attempt)):
            _prepare(attempt, plan, frames, slow_down)
            _run(attempt, stop, {"OMP_NUM_THREADS": str(threads), **device_environment(gpu)})
        if not has_diverged(read_curve(attempt)):
            return _finish(folder, attempt, retried=number > 0)
    curve = read_curve(attempt)
    raise CalculationError(
        "The training's loss stopped being a number, twice",
        "Lower training.learning_rate, or look for wrong labels with very large forces.",
        {
            "folder": str(folder),
            "epoch": curve[-1].epoch,
            "learning_rate": plan.stage.learning_rate / slow_down,
            "log_tail": log_tail(attempt / LOG_FILE),
        },
    )


def _prepare(attempt: Path, plan: TrainingPlan, frames: list[Atoms], slow_down: float) -> None:
    import yaml

    attempt.mkdir(exist_ok=True)
    split = draw_split(frames, plan.stage.validation_fraction, plan.seeds.split)
    training = [frames[index] for index in split.training]
    _write_frames(attempt / TRAINING_SPLIT_FILE, training)
    _write_frames(attempt / VALIDATION_SPLIT_FILE, [frames[index] for index in split.validation])
    species = species_of(frames)
    shifts_eV = energy_shifts_eV(training, species)
    model = MemberModel(species, shifts_eV, _warm_start(attempt, species), plan.other_level)
    schedule = Schedule.of(plan.stage, plan.epochs, len(training), slow_down)
    config = training_config(plan.stage, model, schedule, plan.seeds)
    waiting = attempt / f"{CONFIG_FILE}.tmp"
    waiting.write_text(yaml.safe_dump(config, sort_keys=False))
    waiting.rename(attempt / CONFIG_FILE)


def _warm_start(attempt: Path, species: tuple[str, ...]) -> str | None:
    offered = attempt.parent / WARM_START_FILE
    if not offered.exists():
        return None
    # NequIP cannot add an atom type to a trained model: with a new element the member starts from scratch.
    known = package_metadata(offered)["atom_types"].values()
    if tuple(known) != species:
        return None
    if not (attempt / WARM_START_FILE).exists():
        shutil.copyfile(offered, attempt / WARM_START_FILE)
    return WARM_START_FILE


def device_environment(gpu: bool | None) -> dict[str, str]:
    """Return what a training program's environment says of its device; `gpu` as of `train_member`."""
    if gpu is None:
        return {}
    return {GPU: "required"} if gpu else {"CUDA_VISIBLE_DEVICES": ""}


def _run(attempt: Path, stop: Callable[[], bool], environment: Mapping[str, str]) -> None:
    checkpoint = _whole_checkpoint(attempt)
    program = [sys.executable, "-m", "beamheat_fw.drivers.nequip.program"]
    if checkpoint is None:
        # Nothing to go on from: curves of an unfinished start would be taken for this one's.
        shutil.rmtree(attempt / "curves", ignore_errors=True)
    command = Command(
        [*program, *([checkpoint] if checkpoint else [])],
        attempt,
        attempt / LOG_FILE,
        {**os.environ, "PYTHONWARNINGS": "ignore", **environment},
    )
    run_to_end(command, stop)


def _whole_checkpoint(attempt: Path) -> str | None:
    """Name the checkpoint to go on from: the last one, or the best one in its place when it is broken."""
    last, best = attempt / LAST_CHECKPOINT, attempt / BEST_CHECKPOINT
    if last.exists() and not _is_whole(last):
        last.rename(last.with_suffix(".broken"))
    if not last.exists() and best.exists() and _is_whole(best):
        shutil.copyfile(best, last)
    return LAST_CHECKPOINT if last.exists() else None


def _is_whole(checkpoint: Path) -> bool:
    try:
        with zipfile.ZipFile(checkpoint) as archive:
            return archive.testzip() is None
    except (zipfile.BadZipFile, EOFError):
        return False


def _finish(folder: Path, attempt: Path, *, retried: bool) -> TrainedMember:
    package, curve = attempt / PACKAGE_FILE, read_curve(attempt)
    write_curve(curve, folder / CURVE_FILE)
    metadata = package_metadata(package)
    return TrainedMember(
        package=package,
        metrics=_metrics(curve[-1]),
        epochs=curve[-1].epoch + 1,
        learning_curve=folder / CURVE_FILE,
        training_frames=_count_frames(attempt / TRAINING_SPLIT_FILE),
        validation_frames=_count_frames(attempt / VALIDATION_SPLIT_FILE),
        warm_started=(attempt / WARM_START_FILE).exists(),
        retried=retried,
        versions={name: str(version) for name, version in metadata["versions"].items()},
    )


def _metrics(last: Epoch) -> dict[str, float]:
    return {
        "force_mae_eV_A": last.force_mae_eV_A,
        "force_rmse_eV_A": last.force_rmse_eV_A,
        "energy_mae_eV_atom": last.energy_mae_eV_atom,
        "energy_rmse_eV_atom": last.energy_rmse_eV_atom,
    }


def _write_frames(file: Path, frames: list[Atoms]) -> None:
    import ase.io
    from ase import Atoms
    from ase.calculators.singlepoint import SinglePointCalculator

    plain = []
    for frame in frames:
        copy = Atoms(frame.numbers, frame.positions, cell=frame.cell, pbc=frame.pbc)
        results = frame.calc.results
        copy.calc = SinglePointCalculator(copy, energy=results["energy"], forces=results["forces"])
        plain.append(copy)
    waiting = file.with_suffix(".tmp")
    ase.io.write(waiting, plain, format="extxyz")
    waiting.rename(file)


def _count_frames(file: Path) -> int:
    import ase.io

    return len(ase.io.read(file, index=":", format="extxyz"))
