"""Train one member of a committee in a job folder, resuming what an earlier rocket began."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from beamheat_fw.drivers.nequip.attempt import prepare_attempt
from beamheat_fw.drivers.nequip.checkpoints import set_aside, whole_checkpoint
from beamheat_fw.drivers.nequip.config import CURVES_FOLDER, TRAINING_SPLIT_FILE, VALIDATION_SPLIT_FILE
from beamheat_fw.drivers.nequip.curve import Epoch, has_diverged, read_curve, write_curve
from beamheat_fw.drivers.nequip.dataset import loss_of_saying_nothing, read_labelled
from beamheat_fw.drivers.nequip.models import package_metadata
from beamheat_fw.drivers.nequip.plan import DATASET_FILE, WARM_START_FILE, TrainingPlan
from beamheat_fw.drivers.nequip.program import GPU, PACKAGE_FILE
from beamheat_fw.drivers.process import Command, log_tail, run_to_end
from beamheat_fw.errors import CalculationError, InputError

CURVE_FILE = "learning_curve.csv"
LOG_FILE = "log.txt"
#: The learning rate is divided by this when a training diverged.
_SLOW_DOWN = 4.0
#: A loss this many times that of saying nothing has diverged: forces a hundred times too large, or worse.
_BLOWN_UP = 1e4


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
        nequip-train failed, or diverged twice.
    """
    plan = TrainingPlan.load(folder)
    _require_architecture(plan)
    frames = read_labelled(folder / DATASET_FILE)
    limit = _BLOWN_UP * loss_of_saying_nothing(frames, plan.stage)
    for number, slow_down in enumerate((1.0, _SLOW_DOWN)):
        attempt = folder / f"attempt_{number}"
        if not (attempt / PACKAGE_FILE).exists() and not has_diverged(read_curve(attempt), limit):
            prepare_attempt(attempt, plan, frames, slow_down, limit)
            environment = {"OMP_NUM_THREADS": str(threads), **device_environment(gpu)}
            _run(attempt, limit, stop, environment)
        if not has_diverged(read_curve(attempt), limit):
            return _finish(folder, attempt, retried=number > 0)
    curve = read_curve(attempt)
    raise CalculationError(
        "The training's loss grew without bound or stopped being a number, twice",
        "Lower training.learning_rate, or look for wrong labels with very large forces.",
        {
            "folder": str(folder),
            "epoch": curve[-1].epoch,
            "loss": curve[-1].training_loss,
            "limit": limit,
            "learning_rate": plan.stage.learning_rate / slow_down,
            "log_tail": log_tail(attempt / LOG_FILE),
        },
    )


def _require_architecture(plan: TrainingPlan) -> None:
    if plan.stage.architecture == "allegro" and importlib.util.find_spec("allegro") is None:
        raise InputError(
            "Allegro is not installed here",
            "Install nequip-allegro on the workers that train (`pip install beamheat_fw[allegro]`).",
            {"architecture": plan.stage.architecture},
        )


def device_environment(gpu: bool | None) -> dict[str, str]:
    """Return what a training program's environment says of its device; `gpu` as of `train_member`."""
    if gpu is None:
        return {}
    return {GPU: "required"} if gpu else {"CUDA_VISIBLE_DEVICES": ""}


def _run(attempt: Path, limit: float, stop: Callable[[], bool], environment: Mapping[str, str]) -> None:
    epochs = len(read_curve(attempt))
    checkpoint = whole_checkpoint(attempt)
    try:
        _start(attempt, checkpoint, limit, stop, environment)
    except CalculationError as failure:
        # A signal, and a failure after epochs that went well, say nothing against the checkpoint.
        if checkpoint is None or failure.values["rc"] < 0 or len(read_curve(attempt)) > epochs:
            raise
        set_aside(attempt)
        _start(attempt, whole_checkpoint(attempt), limit, stop, environment)


def _start(
    attempt: Path,
    checkpoint: str | None,
    limit: float,
    stop: Callable[[], bool],
    environment: Mapping[str, str],
) -> None:
    program = [sys.executable, "-m", "beamheat_fw.drivers.nequip.program", repr(limit)]
    if checkpoint is None:
        # Nothing to go on from: curves of an unfinished start would be taken for this one's.
        shutil.rmtree(attempt / CURVES_FOLDER, ignore_errors=True)
    command = Command(
        [*program, *([checkpoint] if checkpoint else [])],
        attempt,
        attempt / LOG_FILE,
        {**os.environ, "PYTHONWARNINGS": "ignore", **environment},
    )
    run_to_end(command, stop)


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


def _count_frames(file: Path) -> int:
    import ase.io

    return len(ase.io.read(file, index=":", format="extxyz"))
