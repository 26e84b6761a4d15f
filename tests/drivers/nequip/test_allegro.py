"""Allegro by campaign choice: trained, packaged and evaluated as NequIP is."""

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from beamheat_fw.campaign import TrainingStage
from beamheat_fw.drivers.nequip.committee import Committee
from beamheat_fw.drivers.nequip.curve import read_curve
from beamheat_fw.drivers.nequip.frames import Frames, stacked_positions
from beamheat_fw.drivers.nequip.neighbours import NeighbourList
from beamheat_fw.drivers.nequip.training import TrainedMember, train_member
from beamheat_fw.errors import InputError

pytestmark = pytest.mark.nequip

STAGE = TrainingStage(
    members=2,
    architecture="allegro",
    size="S",
    r_max_A=4.0,
    num_features=2,
    max_epochs=12,
    learning_rate=0.02,
)


@pytest.fixture(scope="module")
def member(
    tiny_dataset: list[Atoms],
    tmp_path_factory: pytest.TempPathFactory,
    stage_training: Callable[[Path, TrainingStage, int, Sequence[Atoms]], None],
) -> TrainedMember:
    folder = tmp_path_factory.mktemp("allegro")
    stage_training(folder, STAGE, 0, tiny_dataset)
    return train_member(folder, stop=lambda: False)


def test_allegro_learns(member: TrainedMember) -> None:
    curve = read_curve(member.package.parent)
    assert member.epochs == STAGE.max_epochs
    assert member.metrics["force_rmse_eV_A"] < 0.8 * curve[0].force_rmse_eV_A


def test_allegro_forces_are_the_energys_slope_and_its_descriptors_invariant(
    member: TrainedMember, tiny_dataset: list[Atoms]
) -> None:
    committee = Committee.load([member.package], precision="float64")
    frame = tiny_dataset[3]
    turned = frame.copy()
    turned.rotate(37.0, (1.0, 2.0, 3.0), rotate_cell=True)
    frames, positions = Frames.from_atoms([frame, turned]), stacked_positions([frame, turned])
    neighbours = NeighbourList(frames, committee.r_max_A)
    forces = committee.evaluate(frames, positions, neighbours).forces_eV_A[0]
    ends = []
    for sign in (1.0, -1.0):
        moved = positions.copy()
        moved[12, 2] += sign * 1e-4
        ends.append(committee.evaluate(frames, moved, neighbours).energies_eV.sum())
    assert forces[12, 2] == pytest.approx(-(ends[0] - ends[1]) / 2e-4, abs=1e-6)
    first, second = np.split(committee.descriptors(frames, positions, neighbours), 2)
    # Those of the pair alone, and those of each layer.
    assert first.shape == (len(frame), (STAGE.num_layers + 1) * 4 * STAGE.num_features)
    np.testing.assert_allclose(first, second, atol=1e-9)
    assert first.std(axis=0).max() > 0.0


def test_a_worker_without_allegro_says_what_to_install(
    tmp_path: Path,
    tiny_dataset: list[Atoms],
    monkeypatch: pytest.MonkeyPatch,
    stage_training: Callable[[Path, TrainingStage, int, Sequence[Atoms]], None],
) -> None:
    stage_training(tmp_path, STAGE, 0, tiny_dataset)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="nequip-allegro"):
        train_member(tmp_path, stop=lambda: False)
