"""What is outside the core of a cut-out is not learnt."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

from beamheat_fw.campaign import TrainingStage
from beamheat_fw.drivers.nequip.dataset import draw_split, energy_shifts_eV, forces_rms_eV_A, read_labelled
from beamheat_fw.drivers.nequip.training import TrainedMember, train_member
from beamheat_fw.errors import InputError
from beamheat_fw.physics.committee.cutouts import is_whole


def as_cutout(frame: Atoms) -> Atoms:
    """The frame with only its first half to be learnt; the rest, and its energy, is absurd."""
    cut = frame.copy()
    half = len(cut) // 2
    cut.set_array("core", np.repeat([1, 0], [half, len(cut) - half]))
    forces = frame.get_forces().copy()
    forces[half:] = 500.0
    cut.calc = SinglePointCalculator(cut, energy=1e4, forces=forces)
    return cut


@pytest.fixture
def mixed(tiny_dataset: list[Atoms]) -> list[Atoms]:
    """Every other frame is a cut-out."""
    return [as_cutout(frame) if n % 2 else frame for n, frame in enumerate(tiny_dataset)]


@pytest.mark.nequip
def test_absurd_forces_in_the_shell_and_absurd_energies_are_not_learnt(
    mixed: list[Atoms],
    tiny_members: list[TrainedMember],
    tiny_stage: TrainingStage,
    tmp_path: Path,
    stage_training: Callable[[Path, TrainingStage, int, Sequence[Atoms]], None],
) -> None:
    # Batches of two: some of them are of cut-outs alone, without any energy.
    stage_training(tmp_path, tiny_stage.model_copy(update={"batch_size": 2}), 0, mixed)
    trained = train_member(tmp_path, stop=lambda: False)
    assert np.isfinite(list(trained.metrics.values())).all()
    assert not trained.retried
    whole = tiny_members[0].metrics["force_rmse_eV_A"]
    assert trained.metrics["force_rmse_eV_A"] < 1.5 * whole


def test_offsets_and_scale_come_from_what_is_learnt(mixed: list[Atoms], tiny_dataset: list[Atoms]) -> None:
    whole = [frame for frame in mixed if is_whole(frame)]
    assert energy_shifts_eV(mixed, ("Cu", "Au")) == energy_shifts_eV(whole, ("Cu", "Au"))
    assert forces_rms_eV_A(mixed) < 2.0 * forces_rms_eV_A(tiny_dataset)


def test_whole_frames_are_on_both_sides_of_every_split(mixed: list[Atoms]) -> None:
    frames = [*mixed[:2], *mixed[1::2], mixed[2]]
    for seed in range(10):
        split = draw_split(frames, 0.2, seed)
        for part in (split.training, split.validation):
            assert any(is_whole(frames[index]) for index in part)


def test_cutouts_alone_are_refused(
    mixed: list[Atoms],
    tmp_path: Path,
    tiny_stage: TrainingStage,
    stage_training: Callable[[Path, TrainingStage, int, Sequence[Atoms]], None],
) -> None:
    stage_training(tmp_path, tiny_stage, 0, mixed[1::2])
    with pytest.raises(InputError, match="whole=0"):
        read_labelled(tmp_path / "train.extxyz")
