"""Members are trained by the real nequip-train, survive kills, and say why when they cannot be trained."""

import csv
import itertools
import os
import signal
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

from beamheat_fw.campaign import TrainingStage
from beamheat_fw.drivers.nequip.curve import read_curve
from beamheat_fw.drivers.nequip.plan import DATASET_FILE, WARM_START_FILE, TrainingPlan
from beamheat_fw.drivers.nequip.training import TrainedMember, train_member
from beamheat_fw.errors import CalculationError, Interrupted

pytestmark = pytest.mark.nequip

StageTraining = Callable[[Path, TrainingStage, int, Sequence[Atoms]], None]


class KillAfter:
    """A `stop` that kills the training program some time after some epochs, and never asks to stop."""

    def __init__(self, attempt: Path, epochs: int, delay_s: float = 0.0) -> None:
        self.attempt, self.epochs, self.delay_s, self.killed = attempt, epochs, delay_s, False

    def __call__(self) -> bool:
        if not self.killed and len(read_curve(self.attempt)) >= self.epochs:
            time.sleep(self.delay_s)
            for pid in programs_in(self.attempt):
                os.kill(pid, signal.SIGKILL)
                self.killed = True
        return False


def programs_in(folder: Path) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cwd").resolve() == folder.resolve():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def epochs_of(attempt: Path, version: int) -> list[int]:
    with (attempt / "curves" / f"version_{version}" / "metrics.csv").open() as file:
        return sorted({int(row["epoch"]) for row in csv.DictReader(file)})


def test_members_hold_back_frames_of_their_own(tiny_members: list[TrainedMember]) -> None:
    splits = [(member.package.parent / "validation_split.extxyz").read_text() for member in tiny_members]
    assert splits[0] != splits[1]
    assert [(m.training_frames, m.validation_frames) for m in tiny_members] == [(16, 4), (16, 4)]


def test_training_lowers_the_validation_error(
    tiny_members: list[TrainedMember], tiny_stage: TrainingStage
) -> None:
    for member in tiny_members:
        curve = read_curve(member.package.parent)
        assert [epoch.epoch for epoch in curve] == list(range(tiny_stage.max_epochs))
        assert member.metrics["force_rmse_eV_A"] < curve[0].force_rmse_eV_A
        assert member.learning_curve.read_text().count("\n") == tiny_stage.max_epochs + 1


def test_finished_member_is_not_trained_again(tiny_members: list[TrainedMember]) -> None:
    folder = tiny_members[0].learning_curve.parent
    before = tiny_members[0].package.stat().st_mtime_ns

    def never() -> bool:
        raise AssertionError("a child program was started")

    again = train_member(folder, stop=never)
    assert again == tiny_members[0]
    assert again.package.stat().st_mtime_ns == before


@pytest.mark.slow
def test_training_killed_three_times_ends_in_the_weights_of_an_undisturbed_one(
    tiny_dataset: list[Atoms],
    tiny_members: list[TrainedMember],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    stage_training: StageTraining,
    tiny_stage: TrainingStage,
) -> None:
    stage_training(tmp_path, tiny_stage, 0, tiny_dataset)
    attempt = tmp_path / "attempt_0"
    random = np.random.default_rng()
    for epochs in sorted(random.choice(np.arange(1, 9), 3, replace=False).tolist()):
        with pytest.raises(CalculationError, match="rc=-9"):
            train_member(tmp_path, stop=KillAfter(attempt, epochs, random.uniform(0.0, 0.2)))
    # The last rocket runs inside a Slurm allocation, which Lightning must not take for its own.
    for name, value in {"SLURM_NTASKS": "4", "SLURM_JOB_NAME": "train", "SLURM_JOB_ID": "1"}.items():
        monkeypatch.setenv(name, value)
    resumed = train_member(tmp_path, stop=lambda: False)
    assert resumed.epochs == tiny_members[0].epochs == tiny_stage.max_epochs
    # A training that was killed before it had ended an epoch has no version of the curves.
    starts = [epochs_of(attempt, version) for version in range(len(list(attempt.glob("curves/version_*"))))]
    assert starts[0][0] == 0
    assert starts[-1][-1] == tiny_stage.max_epochs - 1
    for before, after in itertools.pairwise(starts):
        assert before[-1] <= after[0] <= before[-1] + 1
    # With NequIP's own data module the frames would be shuffled as in the first epochs once more.
    assert resumed.package.read_bytes() == tiny_members[0].package.read_bytes()
    assert resumed.metrics == tiny_members[0].metrics


def make_unusable(checkpoint: Path) -> None:
    """Write what is whole as an archive, and yet no training's state."""
    checkpoint.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(checkpoint, "w") as archive:
        archive.writestr("archive/data.pkl", f"nothing of {checkpoint.name}")


def test_truncated_checkpoint_falls_back_to_the_best_one_and_that_to_the_start(
    tiny_members: list[TrainedMember],
    tiny_dataset: list[Atoms],
    tmp_path: Path,
    stage_training: StageTraining,
    tiny_stage: TrainingStage,
) -> None:
    stage_training(tmp_path, tiny_stage.model_copy(update={"max_epochs": 1}), 0, tiny_dataset)
    attempt = tmp_path / "attempt_0"
    make_unusable(attempt / "best.ckpt")
    whole = (tiny_members[0].package.parent / "last.ckpt").read_bytes()
    (attempt / "last.ckpt").write_bytes(whole[: len(whole) // 2])
    trained = train_member(tmp_path, stop=lambda: False)
    assert (trained.epochs, trained.retried) == (1, False)
    assert (attempt / "best.broken").read_bytes() == (attempt / "last.broken").read_bytes()


def test_training_whose_checkpoints_are_all_unusable_fails_with_the_reason(
    tiny_dataset: list[Atoms], tmp_path: Path, stage_training: StageTraining, tiny_stage: TrainingStage
) -> None:
    stage_training(tmp_path, tiny_stage, 0, tiny_dataset)
    attempt = tmp_path / "attempt_0"
    make_unusable(attempt / "last.ckpt")
    make_unusable(attempt / "best.ckpt")
    with pytest.raises(CalculationError, match=r"rc=1, log_tail.*RuntimeError"):
        train_member(tmp_path, stop=lambda: False)
    assert b"nothing of last" in (attempt / "last.broken").read_bytes()
    assert b"nothing of best" in (attempt / "last.ckpt").read_bytes()


@pytest.mark.parametrize("losses", ["nan,nan", "5e7,2.0"])
def test_a_loss_beyond_all_bounds_is_tried_once_more_then_told(
    losses: str, tiny_dataset: list[Atoms], tmp_path: Path, stage_training: StageTraining
) -> None:
    stage = TrainingStage(members=2, r_max_A=4.0, learning_rate=0.05)
    stage_training(tmp_path, stage, 0, tiny_dataset)
    columns = (
        "train_loss_epoch/weighted_sum,val0_epoch/weighted_sum,val0_epoch/forces_mae,val0_epoch/forces_rmse"
    )
    energies = "val0_epoch/per_atom_energy_mae,val0_epoch/per_atom_energy_rmse"
    for number in range(2):
        curve = tmp_path / f"attempt_{number}" / "curves" / "version_0" / "metrics.csv"
        curve.parent.mkdir(parents=True)
        curve.write_text(f"epoch,{columns},{energies}\n0,{losses},1,1,1,1\n")
    with pytest.raises(CalculationError, match=r"twice.*learning_rate=0\.0125"):
        train_member(tmp_path, stop=lambda: True)


def test_a_training_that_diverges_is_ended_at_once(
    tiny_dataset: list[Atoms], tmp_path: Path, stage_training: StageTraining, tiny_stage: TrainingStage
) -> None:
    stage = tiny_stage.model_copy(update={"learning_rate": 1e3, "max_epochs": 50})
    stage_training(tmp_path, stage, 0, tiny_dataset[:8])
    with pytest.raises(CalculationError, match="stopped being a number, twice"):
        train_member(tmp_path, stop=lambda: False)
    for number in range(2):
        assert len(read_curve(tmp_path / f"attempt_{number}")) < 50
    assert not list(tmp_path.glob("*/model.nequip.zip"))


def test_stop_ends_the_training(
    tiny_dataset: list[Atoms], tmp_path: Path, stage_training: StageTraining, tiny_stage: TrainingStage
) -> None:
    stage_training(tmp_path, tiny_stage, 0, tiny_dataset)
    with pytest.raises(Interrupted):
        train_member(tmp_path, stop=lambda: True)
    assert programs_in(tmp_path / "attempt_0") == []


def test_warm_start_begins_where_the_round_before_ended(
    tiny_dataset: list[Atoms],
    tiny_members: list[TrainedMember],
    tmp_path: Path,
    stage_training: StageTraining,
    tiny_stage: TrainingStage,
) -> None:
    stage = tiny_stage.model_copy(update={"max_epochs": 1, "learning_rate": 1e-6})
    stage_training(tmp_path, stage, 0, tiny_dataset)
    (tmp_path / "warm_start.nequip.zip").write_bytes(tiny_members[0].package.read_bytes())
    warm = train_member(tmp_path, stop=lambda: False)
    assert warm.warm_started
    before = tiny_members[0].metrics["force_rmse_eV_A"]
    assert warm.metrics["force_rmse_eV_A"] == pytest.approx(before, rel=0.01)
    assert np.isfinite(list(warm.metrics.values())).all()


def test_refinement_at_another_level_takes_its_zeros_of_energy(
    tiny_dataset: list[Atoms],
    tiny_members: list[TrainedMember],
    tmp_path: Path,
    tiny_stage: TrainingStage,
) -> None:
    """The other level differs by 100 eV for each gold and 40 eV for each copper atom, and by nothing else."""
    moved = []
    for frame in tiny_dataset:
        other = frame.copy()
        offset = 100.0 * (frame.numbers == 79).sum() - 40.0 * (frame.numbers == 29).sum()
        energy = frame.get_potential_energy() + float(offset)
        other.calc = SinglePointCalculator(other, energy=energy, forces=frame.get_forces())
        moved.append(other)
    stage = tiny_stage.model_copy(update={"max_epochs": 1, "learning_rate": 1e-6})
    ase.io.write(tmp_path / DATASET_FILE, moved, format="extxyz")
    TrainingPlan(stage, 0, seed=7, other_level=True).save(tmp_path)
    (tmp_path / WARM_START_FILE).write_bytes(tiny_members[0].package.read_bytes())
    refined = train_member(tmp_path, stop=lambda: False)
    before = tiny_members[0].metrics
    assert refined.warm_started
    assert refined.metrics["force_rmse_eV_A"] == pytest.approx(before["force_rmse_eV_A"], rel=0.01)
    assert refined.metrics["energy_rmse_eV_atom"] < 0.5
