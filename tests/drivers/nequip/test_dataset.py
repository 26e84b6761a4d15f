"""Labels that cannot be trained on are refused by name; splits and offsets are what they claim."""

from collections.abc import Callable
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

from beamheat_fw.campaign import TrainingStage
from beamheat_fw.drivers.nequip.dataset import draw_split, energy_shifts_eV, read_labelled, species_of
from beamheat_fw.drivers.nequip.plan import TrainingPlan
from beamheat_fw.drivers.nequip.short_range import pair_cutoffs_A
from beamheat_fw.errors import InputError


def labelled(formula: str, energy: float = -1.0, **info: str) -> Atoms:
    frame = Atoms(formula, cell=[9.0, 9.0, 9.0], pbc=False)
    frame.positions[:, 0] = 2.0 * np.arange(len(frame))
    frame.info.update(info)
    frame.calc = SinglePointCalculator(frame, energy=energy, forces=np.zeros((len(frame), 3)))
    return frame


def without_forces() -> Atoms:
    frame = labelled("Au2")
    frame.calc = SinglePointCalculator(frame, energy=-1.0)
    return frame


def without_cell() -> Atoms:
    frame = labelled("Au2")
    frame.cell = [0, 0, 0]
    return frame


@pytest.mark.parametrize(
    ("second", "why"),
    [
        (without_forces, "has no forces"),
        (without_cell, "has no cell"),
        (lambda: labelled("Au2", energy=float("nan")), "not a finite number"),
        (lambda: Atoms("Au2", [[0, 0, 0], [2, 0, 0]], cell=[9, 9, 9]), "has no energy"),
    ],
)
def test_label_that_cannot_be_used_is_named(second: Callable[[], Atoms], why: str, tmp_path: Path) -> None:
    file = tmp_path / "train.extxyz"
    ase.io.write(file, [labelled("Au3"), second()])
    with pytest.raises(InputError, match=rf"{why}.*frame=1"):
        read_labelled(file)


def test_one_frame_is_too_few(tmp_path: Path) -> None:
    ase.io.write(tmp_path / "train.extxyz", [labelled("Au3")])
    with pytest.raises(InputError, match="frames=1"):
        read_labelled(tmp_path / "train.extxyz")


def test_missing_and_broken_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"train\.extxyz"):
        read_labelled(tmp_path / "train.extxyz")
    (tmp_path / "train.extxyz").write_text("3\nLattice\nAu 0 0\n")
    with pytest.raises(InputError, match="cannot be read"):
        read_labelled(tmp_path / "train.extxyz")


def test_labels_of_two_settings_are_refused(tmp_path: Path) -> None:
    frames = [labelled("Au2", settings_hash="aa"), labelled("Au3", settings_hash="bb")]
    ase.io.write(tmp_path / "train.extxyz", frames)
    with pytest.raises(InputError, match="aa, bb"):
        read_labelled(tmp_path / "train.extxyz")


def test_split_holds_back_its_share_and_no_element_whole() -> None:
    frames = [labelled("Cu4")] * 9 + [labelled("AuCu3")]
    for seed in range(20):
        split = draw_split(frames, 0.3, seed)
        assert 9 in split.training
        assert len(split.validation) == 3
        assert sorted(split.training + split.validation) == list(range(10))


def test_shifts_recover_energies_per_element() -> None:
    energies = {"Au": -3.25, "Cu": -1.5}
    formulas = ["Au3Cu", "AuCu5", "Cu4", "Au2Cu2"]
    frames = [labelled(f, sum(energies[s] for s in Atoms(f).symbols)) for f in formulas]
    assert energy_shifts_eV(frames, ("Cu", "Au")) == pytest.approx(energies)


def test_shifts_of_elements_that_always_come_together_give_the_total_energy() -> None:
    frames = [labelled(f"Au{n}B8N8", energy=-140.0 - 3.0 * n) for n in (1, 2, 5)]
    shifts = energy_shifts_eV(frames, species_of(frames))
    assert shifts["Au"] == pytest.approx(-3.0)
    assert 8 * (shifts["B"] + shifts["N"]) == pytest.approx(-140.0)
    assert shifts["B"] == pytest.approx(shifts["N"])


def test_plan_survives_its_file_and_seeds_differ_between_members(tmp_path: Path) -> None:
    plan = TrainingPlan(TrainingStage(max_epochs=30, first_max_epochs=50), member=1, seed=4, first_round=True)
    plan.save(tmp_path)
    assert TrainingPlan.load(tmp_path) == plan
    assert plan.epochs == 50
    other = TrainingPlan(plan.stage, member=2, seed=4)
    assert other.epochs == 30
    assert len({*vars(plan.seeds).values(), *vars(other.seeds).values()}) == 6


def test_broken_plan_is_named(tmp_path: Path) -> None:
    (tmp_path / "training.json").write_text('{"stage": {"members": 1}}')
    with pytest.raises(InputError, match=r"training\.json"):
        TrainingPlan.load(tmp_path)


def test_repulsion_ends_inside_every_bond() -> None:
    bonds_A = {("Au", "Au"): 2.88, ("Cu", "Cu"): 2.55, ("B", "N"): 1.446, ("Ti", "O"): 1.95}
    for (first, second), length in bonds_A.items():
        assert pair_cutoffs_A([first, second])[first][second] < length
