"""Files in and out: the same labels come back, a bad file changes nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.db import connect
from ase.io import read, write

from beamheat_fw.errors import InputError
from beamheat_fw.store import labels
from beamheat_fw.store.database import Store
from beamheat_fw.store.datasets import create_dataset
from beamheat_fw.store.documents import Label, LabelRequest, LabelResult
from beamheat_fw.store.exchange.exports import dataset_frames, label_frames, write_frames
from beamheat_fw.store.exchange.imports import import_labels


def _structures(count: int = 4) -> list[Atoms]:
    made = []
    for seed in range(count):
        atoms = bulk("Cu", cubic=True)
        atoms.symbols[0] = "Au"
        atoms.rattle(0.05, seed=seed)
        atoms.set_array("body", np.array([1, 0, 0, 0]))
        made.append(atoms)
    return made


def _filled(store: Store) -> list[str]:
    structures = _structures()
    request = LabelRequest(campaign_id="c")
    planned = labels.plan_labels(store, structures, [request] * 4, labels.Level("emt", {"calculator": "emt"}))
    for identifier, atoms in zip(planned.label_ids, structures, strict=True):
        atoms.calc = EMT()
        result = LabelResult(
            energy_eV=atoms.get_potential_energy(),
            forces_eV_A=atoms.get_forces(),
            stress_eV_A3=atoms.get_stress(),
        )
        labels.complete(store, identifier, result)
    return list(planned.label_ids)


def _frames(**info: object) -> list[Atoms]:
    frames = []
    for atoms in _structures():
        reference = atoms.copy()
        reference.calc = EMT()
        atoms.info.update(REF_energy=reference.get_potential_energy(), **info)
        atoms.set_array("REF_forces", reference.get_forces())
        frames.append(atoms)
    return frames


@pytest.mark.parametrize("file_format", ["extxyz", "ase-db"])
def test_exported_labels_come_back_as_themselves(store: Store, tmp_path: Path, file_format: str) -> None:
    ids = _filled(store)
    before = labels.load_labels(store, ids)
    path = tmp_path / f"labels.{'db' if file_format == 'ase-db' else 'extxyz'}"
    write_frames(label_frames(before), path, file_format)
    assert import_labels(store, path)["known"] == 4
    store.db.labels.delete_many({})
    assert sorted(import_labels(store, path)["label_ids"]) == sorted(ids)
    for old, new in zip(before, labels.load_labels(store, ids), strict=True):
        assert new.settings == old.settings
        assert new.energy_eV == pytest.approx(old.energy_eV, abs=1e-9)
        np.testing.assert_allclose(new.forces_eV_A, old.forces_eV_A, atol=1e-8)
        np.testing.assert_allclose(new.stress_eV_A3, old.stress_eV_A3, atol=1e-10)
        assert (labels.label_atoms(new).arrays["body"] == [1, 0, 0, 0]).all()
        assert new.origin.role == "imported"


def test_dataset_keeps_its_split_in_the_file(store: Store, tmp_path: Path) -> None:
    ids = _filled(store)
    dataset = create_dataset(store, {"train": ids[:3], "holdout": ids[3:]})
    write_frames(dataset_frames(store, dataset), tmp_path / "set.extxyz", "extxyz")
    frames = read(tmp_path / "set.extxyz", index=":")
    assert {atoms.info["label_id"]: atoms.info["split"] for atoms in frames} == {
        **dict.fromkeys(ids[:3], "train"),
        ids[3]: "holdout",
    }


def test_reference_keys_of_other_codes_are_read(store: Store, tmp_path: Path) -> None:
    frames = _frames()
    write(tmp_path / "ref.xyz", frames, format="extxyz")
    result = import_labels(store, tmp_path / "ref.xyz", level="PBE")
    assert (result["new"], result["duplicates"]) == (4, 0)
    label = labels.load_labels(store, result["label_ids"][:1])[0]
    assert label.energy_eV == pytest.approx(frames[0].info["REF_energy"])
    assert (label.state, label.level) == ("completed", "PBE")
    assert import_labels(store, tmp_path / "ref.xyz", level="PBE")["known"] == 4


def test_duplicates_in_a_file_are_counted(store: Store, tmp_path: Path) -> None:
    frames = _frames()
    write(tmp_path / "twice.extxyz", frames + frames[:2], format="extxyz")
    result = import_labels(store, tmp_path / "twice.extxyz", level="PBE")
    assert (result["frames"], result["new"], result["duplicates"]) == (6, 4, 2)


def test_import_completes_a_planned_label(store: Store, tmp_path: Path) -> None:
    level = labels.Level("PBE", {"calculator": "imported", "level": "PBE"})
    labels.plan_labels(store, _structures(), [LabelRequest(campaign_id="c")] * 4, level)
    write(tmp_path / "ref.xyz", _frames(), format="extxyz")
    assert import_labels(store, tmp_path / "ref.xyz", level="PBE")["completed"] == 4
    assert store.collection(Label).count_documents({"state": "completed"}) == 4


def _no_energy(frames: list[Atoms]) -> None:
    del frames[2].info["REF_energy"]


def _no_forces(frames: list[Atoms]) -> None:
    del frames[2].arrays["REF_forces"]


def _nan(frames: list[Atoms]) -> None:
    frames[2].arrays["REF_forces"][1, 1] = np.nan


def _huge(frames: list[Atoms]) -> None:
    frames[2].arrays["REF_forces"][1, 1] = 4000.0


def _zero(frames: list[Atoms]) -> None:
    for atoms in frames:
        atoms.arrays["REF_forces"][:] = 0.0


def _nanometres(frames: list[Atoms]) -> None:
    for atoms in frames:
        atoms.set_cell(atoms.cell / 10, scale_atoms=True)


def _hartree(frames: list[Atoms]) -> None:
    frames[2].info["REF_energy"] -= 27.2 * 4


def _nan_position(frames: list[Atoms]) -> None:
    frames[2].positions[1, 1] = np.nan


def _contradiction(frames: list[Atoms]) -> None:
    other = frames[0].copy()
    other.info["REF_energy"] += 1.0
    frames.append(other)


def _no_cell(frames: list[Atoms]) -> None:
    frames[2].cell = None
    frames[2].pbc = False


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_no_energy, "no energy.*frame=2"),
        (_no_forces, "no forces.*frame=2"),
        (_nan, "finite.*frame=2"),
        (_huge, "4000.*frame=2"),
        (_zero, "exactly zero"),
        (_nanometres, "distances"),
        (_hartree, "-27.*frame=2"),
        (_nan_position, "position is not a finite.*frame=2"),
        (_contradiction, "two energies"),
        (_no_cell, "no volume"),
    ],
)
def test_bad_file_is_refused_by_name_and_changes_nothing(
    store: Store, tmp_path: Path, spoil, said: str
) -> None:
    frames = _frames()
    spoil(frames)
    write(tmp_path / "bad.xyz", frames, format="extxyz")
    with pytest.raises(InputError, match=said):
        import_labels(store, tmp_path / "bad.xyz", level="PBE")
    assert store.collection(Label).count_documents({}) == 0


@pytest.mark.parametrize("name", ["cut.xyz", "binary.xyz", "empty.xyz", "not.db", "none.xyz", "text.json"])
def test_unreadable_file_is_refused(store: Store, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write(tmp_path / "whole.xyz", _frames(), format="extxyz")
    content = {
        "cut.xyz": (tmp_path / "whole.xyz").read_bytes()[:-300],
        "binary.xyz": bytes(range(256)) * 4,
        "empty.xyz": b"",
        "not.db": b"this is no database",
        "text.json": b"{]",
    }
    if name in content:
        path.write_bytes(content[name])
    with pytest.raises(InputError, match=name):
        import_labels(store, path, level="PBE")
    assert store.collection(Label).count_documents({}) == 0


def test_level_of_a_foreign_file_has_to_be_given(store: Store, tmp_path: Path) -> None:
    write(tmp_path / "ref.xyz", _frames(), format="extxyz")
    with pytest.raises(InputError, match="--level"):
        import_labels(store, tmp_path / "ref.xyz")


def test_ordinary_calculator_results_are_read_from_a_database(store: Store, tmp_path: Path) -> None:
    with connect(tmp_path / "gold.db") as database:
        for atoms in _structures():
            database.write(
                Atoms(atoms, calculator=SinglePointCalculator(atoms, energy=1.0, forces=np.full((4, 3), 0.1)))
            )
    assert import_labels(store, tmp_path / "gold.db", level="PBE")["new"] == 4


def test_export_of_nothing_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no completed labels"):
        write_frames([], tmp_path / "none.xyz", "extxyz")
    assert not list(tmp_path.iterdir())
