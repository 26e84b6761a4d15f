"""`beamheat export`: results that pandas reads, labels as MACE and NequIP read them, a committee's models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ase.io import read

from beamheat_fw.cli.main import run
from beamheat_fw.identity import file_sha256
from beamheat_fw.store.database import Store
from beamheat_fw.store.exchange.labelled_files import read_labelled
from tests.store.conftest import finished as finished


def _export(launchpad_file: Path, *arguments: str) -> int:
    return run(["export", *arguments, "-l", str(launchpad_file)])


def test_predictions_and_conductances_are_tables_that_pandas_reads(
    store: Store, finished: Any, launchpad_file: Path, tmp_path: Path
) -> None:
    store.db.predictions.update_one(
        {}, {"$set": {"breakdown": {"power_K": 0.2}, "table": [{"delta_T_K": 2}]}}
    )
    for name in ("predictions", "conductances"):
        assert _export(launchpad_file, name, "--campaign", "quickstart", "-o", str(tmp_path / name)) == 0
    row = pd.read_csv(tmp_path / "predictions").iloc[0]
    stored = store.db.predictions.find_one()
    for column in (
        "_id",
        "delta_T_K",
        "delta_T_low_K",
        "power_nW",
        "beam_energy_keV",
        "spectrum_id",
        "converged",
    ):
        assert row[column] == stored[column]
    assert np.isnan(row["delta_T_high_K"])
    assert row["breakdown.power_K"] == 0.2
    assert json.loads(row["table"]) == [{"delta_T_K": 2}]
    assert pd.to_datetime(row["created_at"]) == pd.Timestamp(stored["created_at"])
    conductances = pd.read_csv(tmp_path / "conductances")
    assert list(conductances["conductance_MW_m2K"]) == [30.0]


def test_parquet_keeps_the_types_of_results(
    store: Store, finished: Any, launchpad_file: Path, tmp_path: Path
) -> None:
    store.db.predictions.update_one(
        {}, {"$set": {"breakdown": {"power_K": 0.2, "note": 1}, "tags": ["a", "b"]}}
    )
    other = store.db.predictions.find_one() | {"_id": "other", "result_key": "other"}
    other |= {"delta_T_high_K": 2, "breakdown": {"note": "two"}}
    store.db.predictions.insert_one(other)
    path = tmp_path / "rises.parquet"
    assert _export(launchpad_file, "predictions", "-o", str(path)) == 0
    table = pd.read_parquet(path)
    stored = list(store.db.predictions.find().sort("created_at"))
    for column in ("_id", "delta_T_K", "power_nW", "converged", "spectrum_id"):
        assert list(table[column]) == [document[column] for document in stored]
    assert table["created_at"].dt.tz is not None
    assert list(table["created_at"]) == [pd.Timestamp(document["created_at"]) for document in stored]
    assert table["delta_T_high_K"].isna().tolist() == [True, False]
    assert table["delta_T_high_K"].dtype == float
    # Text and a number in one column are text.
    assert list(table["breakdown.note"]) == ["1", "two"]
    assert json.loads(table["tags"][0]) == ["a", "b"]


@pytest.mark.parametrize("name", ["spectra", "md_runs", "rounds", "potentials"])
def test_every_kind_of_result_is_a_table(
    store: Store, finished: Any, launchpad_file: Path, tmp_path: Path, name: str
) -> None:
    for suffix, reader in ((".csv", pd.read_csv), (".parquet", pd.read_parquet)):
        path = tmp_path / f"{name}{suffix}"
        assert _export(launchpad_file, name, "-o", str(path)) == 0
        assert set(reader(path)["_id"]) == {document["_id"] for document in store.db[name].find()}


def test_mace_finds_reference_keys_and_no_others(
    store: Store, finished: Any, launchpad_file: Path, tmp_path: Path
) -> None:
    path = tmp_path / "mace.xyz"
    assert _export(launchpad_file, "labels", "--format", "mace", "-o", str(path)) == 0
    frames = read(path, index=":")
    stored = {label["_id"]: label for label in store.db.labels.find({"state": "completed"})}
    assert len(frames) == len(stored) == 5
    for atoms in frames:
        label = stored[atoms.info["label_id"]]
        assert atoms.calc is None
        assert atoms.info["REF_energy"] == label["energy_eV"]
        np.testing.assert_array_equal(atoms.arrays["REF_forces"], label["forces_eV_A"])
    assert [frame.energy_eV for frame in read_labelled(path)] == [-1.0] * 5


def test_nequip_reads_an_exported_dataset(
    store: Store, finished: Any, launchpad_file: Path, tmp_path: Path
) -> None:
    from nequip.data.dataset import ASEDataset

    path = tmp_path / "set.extxyz"
    dataset = store.db.datasets.find_one()["_id"]
    assert _export(launchpad_file, "dataset", dataset[:16], "-o", str(path)) == 0
    read_back = ASEDataset(file_path=str(path))
    assert len(read_back) == 5
    first = read_back[0]
    assert float(first["total_energy"]) == -1.0
    np.testing.assert_allclose(np.asarray(first["forces"]), np.full((2, 3), 0.1))


def test_committee_leaves_the_database_as_packages_with_a_card(
    store: Store, finished: Any, launchpad_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BEAMHEAT_CACHE", str(tmp_path / "cache"))
    committee = store.db.committees.find_one()
    folder = tmp_path / "models"
    assert _export(launchpad_file, "committee", committee["_id"], "-o", str(folder)) == 0
    card = json.loads((folder / "committee.json").read_text())
    assert (card["id"], card["dataset_id"]) == (committee["_id"], committee["dataset_id"])
    assert [member["file"] for member in card["members"]] == ["member-0.nequip.zip", "member-1.nequip.zip"]
    for number, member in enumerate(card["members"]):
        assert (folder / member["file"]).read_bytes() == f"model {number}".encode()
        assert file_sha256(folder / member["file"]) == member["artifact_sha256"]
    assert _export(launchpad_file, "committee", committee["_id"], "-o", str(folder)) == 2
    assert _export(launchpad_file, "committee", committee["_id"], "--force", "-o", str(folder)) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "models", "my_launchpad.yaml"]


def test_committee_without_a_package_leaves_nothing(
    store: Store, finished: Any, launchpad_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BEAMHEAT_CACHE", str(tmp_path / "cache"))
    store.db.potentials.update_one({"member": 1}, {"$set": {"artifact_sha256": None}})
    committee = store.db.committees.find_one()["_id"]
    assert _export(launchpad_file, "committee", committee, "-o", str(tmp_path / "models")) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "my_launchpad.yaml"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["predictions", "--format", "extxyz"], "predictions (csv, parquet)"),
        (["predictions", "x"], "predictions (csv, parquet)"),
        (["committee"], "committee ID (nequip)"),
        (["committee", "nobody"], "nobody"),
        (["dataset", "x", "--formula", "Au"], "--formula"),
        (["conductances", "--formula", "Ag"], "no results"),
        (["campaigns"], "conductances (csv, parquet)"),
    ],
)
def test_what_cannot_be_exported_is_said_and_writes_nothing(
    store: Store,
    finished: Any,
    launchpad_file: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
    arguments: list[str],
    said: str,
) -> None:
    before = sorted(tmp_path.iterdir())
    assert _export(launchpad_file, *arguments, "-o", str(tmp_path / "out")) == 2
    assert said in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == before
