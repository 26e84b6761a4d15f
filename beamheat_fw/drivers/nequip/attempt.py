"""What one attempt at a member's training starts from, as nequip-train reads it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from beamheat_fw.drivers.nequip.config import (
    TRAINING_SPLIT_FILE,
    VALIDATION_SPLIT_FILE,
    Schedule,
    training_config,
)
from beamheat_fw.drivers.nequip.dataset import draw_split, energy_shifts_eV, forces_rms_eV_A, species_of
from beamheat_fw.drivers.nequip.model_config import MemberModel
from beamheat_fw.drivers.nequip.models import package_metadata
from beamheat_fw.drivers.nequip.plan import WARM_START_FILE, TrainingPlan
from beamheat_fw.drivers.nequip.program import CONFIG_FILE
from beamheat_fw.physics.committee.cutouts import core_of, is_whole

if TYPE_CHECKING:
    from ase import Atoms


def prepare_attempt(
    attempt: Path, plan: TrainingPlan, frames: list[Atoms], slow_down: float, limit: float
) -> None:
    """Write what nequip-train reads into the attempt's folder: both parts of the split, and its settings.

    Parameters
    ----------
    attempt : Path
        In the member's folder, from which a warm start is taken if one is there.
    plan : TrainingPlan
    frames : list of Atoms
        Labelled.
    slow_down : float
        The learning rate is divided by it.
    limit : float
        A training whose loss rises above it is ended.
    """
    import yaml

    attempt.mkdir(exist_ok=True)
    split = draw_split(frames, plan.stage.validation_fraction, plan.seeds.split)
    training = [frames[index] for index in split.training]
    write_frames(attempt / TRAINING_SPLIT_FILE, training)
    write_frames(attempt / VALIDATION_SPLIT_FILE, [frames[index] for index in split.validation])
    species = species_of(frames)
    model = MemberModel(
        species,
        energy_shifts_eV(training, species),
        forces_rms_eV_A(training),
        _warm_start(attempt, species),
        other_level=plan.other_level,
        masked=not all(map(is_whole, frames)),
    )
    schedule = Schedule.of(plan.stage, plan.epochs, len(training), slow_down)
    config = training_config(plan.stage, model, schedule, plan.seeds, limit)
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


def write_frames(file: Path, frames: Sequence[Atoms]) -> None:
    """Write frames as nequip-train is to learn them: nothing of a cut-out's shell, and not its energy."""
    import ase.io
    from ase import Atoms
    from ase.calculators.singlepoint import SinglePointCalculator

    plain = []
    for frame in frames:
        copy = Atoms(frame.numbers, frame.positions, cell=frame.cell, pbc=frame.pbc)
        # NequIP leaves out of the loss what is not a number.
        energy = frame.calc.results["energy"] if is_whole(frame) else np.nan
        forces = np.where(core_of(frame)[:, None], frame.calc.results["forces"], np.nan)
        copy.calc = SinglePointCalculator(copy, energy=energy, forces=forces)
        plain.append(copy)
    waiting = file.with_suffix(".tmp")
    ase.io.write(waiting, plain, format="extxyz")
    waiting.rename(file)
