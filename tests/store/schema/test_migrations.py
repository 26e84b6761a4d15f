"""Databases of earlier releases are refused until they are migrated, and lose nothing on the way.

``data/schema_1.json.gz`` is workflows/emt_au_cu.yaml as the release of schema 1 stored it: all but 28
of its 36 labels, and of FireWorks' launches what a migration looks at.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from bson import json_util
from pymongo.errors import WriteError

from beamheat_fw.cli.main import run
from beamheat_fw.errors import InputError, StoreError
from beamheat_fw.store.artifacts import BUCKET
from beamheat_fw.store.database import Store
from beamheat_fw.store.documents import MODELS, SCHEMA_VERSION, Label, Spectrum
from beamheat_fw.store.positions import MOST_VALUES, read_positions
from beamheat_fw.store.schema.migrations import _replace, look, migrate
from beamheat_fw.store.schema.versions import check_schema, ensure_schema, stored_version

DUMP = Path(__file__).parent / "data" / "schema_1.json.gz"


@pytest.fixture
def older(store: Store) -> Store:
    """The fresh database with the stored one of schema 1 in it, as its release left it."""
    name = store.db.name
    store.db.client.drop_database(name)
    for collection, documents in json_util.loads(gzip.decompress(DUMP.read_bytes())).items():
        store.db[collection].insert_many(documents)
    return store


def _contents(store: Store) -> dict[str, list]:
    return {name: list(store.db[name].find().sort("_id", 1)) for name in MODELS}


def test_older_database_is_refused_until_it_is_migrated(
    older: Store, launchpad_file: Path, capsys: pytest.CaptureFixture
) -> None:
    before = _contents(older)
    pad = ["-l", str(launchpad_file)]
    assert run(["find", "labels", *pad]) == 2
    assert "beamheat db migrate" in capsys.readouterr().err
    assert run(["db", "migrate", "--dry-run", "--json", *pad]) == 0
    planned = json.loads(capsys.readouterr().out)
    assert planned["documents"] == {name: len(each) for name, each in before.items() if each}
    assert "mongodump" in planned["backup"]
    assert _contents(older) == before
    assert run(["db", "migrate", *pad]) == 0
    capsys.readouterr()
    assert run(["find", "labels", "--json", *pad]) == 0
    assert len(json.loads(capsys.readouterr().out)) == len(before["labels"])
    assert run(["db", "migrate", *pad]) == 0
    assert "nothing to migrate" in capsys.readouterr().out


def test_migration_keeps_every_field_and_says_who_made_the_labels(older: Store) -> None:
    before = _contents(older)
    migrate(older)
    for name, model in MODELS.items():
        after = {each["_id"]: each for each in older.db[name].find()}
        assert set(after) == {each["_id"] for each in before[name]}
        for document in before[name]:
            expected = document | {"schema_version": SCHEMA_VERSION}
            assert {field: after[document["_id"]][field] for field in document} == expected
        assert len(list(older.find(model, {}))) == len(before[name])
    for label in older.find(Label, {"state": "completed"}):
        launch = older.db.launches.find_one({"launch_id": label.made_by.launch_id})
        assert launch["fw_id"] == label.fw_id
        assert label.made_by.host == launch["host"]


def test_migration_killed_halfway_goes_on(older: Store) -> None:
    _replace(older, "labels")
    assert stored_version(older) == 1
    with pytest.raises(InputError, match="older release"):
        ensure_schema(older)
    assert "labels" not in look(older).documents
    migrate(older)
    check_schema(older)
    assert stored_version(older) == SCHEMA_VERSION


def test_long_series_of_a_map_leave_the_document_unchanged_in_value(older: Store) -> None:
    spectrum = older.db.spectra.find_one()
    values = np.linspace(0.1, 0.5, MOST_VALUES + 1)[:, None].tolist()
    older.db.spectra.update_one({"_id": spectrum["_id"]}, {"$set": {"windows.t_over_lambda": values}})
    look(older)
    assert older.db[f"{BUCKET}.files"].count_documents({}) == 0
    migrate(older)
    found = older.load(Spectrum, spectrum["_id"])
    assert "t_over_lambda" not in found.windows
    assert found.windows["dE_dx_eV_nm"] == spectrum["windows"]["dE_dx_eV_nm"]
    np.testing.assert_array_equal(read_positions(older, found)["t_over_lambda"], values)


def test_document_that_cannot_be_migrated_is_named_and_nothing_is_written(older: Store) -> None:
    older.db.predictions.update_many({}, {"$set": {"delta_T_K": "hot"}})
    before = _contents(older)
    with pytest.raises(StoreError, match=r"delta_T_K.*Mend it"):
        migrate(older)
    assert _contents(older) == before


def test_running_fireworks_hold_a_migration_up(older: Store) -> None:
    older.db.launches.insert_one({"fw_id": 77, "launch_id": 900, "state": "RUNNING"})
    with pytest.raises(InputError, match="77"):
        migrate(older)
    assert stored_version(older) == 1


def test_newer_database_is_refused(store: Store, launchpad_file: Path, capsys: pytest.CaptureFixture) -> None:
    store.db.beamheat.update_one({"_id": "schema"}, {"$set": {"version": SCHEMA_VERSION + 1}})
    for command in (["find", "labels"], ["db", "migrate"]):
        assert run([*command, "-l", str(launchpad_file)]) == 2
        assert "Update beamheat_fw" in capsys.readouterr().err


def test_server_refuses_what_an_older_release_or_a_hand_writes(older: Store) -> None:
    label = older.db.labels.find_one()
    migrate(older)
    with pytest.raises(WriteError, match="failed validation"):
        older.db.labels.replace_one({"_id": label["_id"]}, label)
    for change in ({"energy_eV": "low"}, {"state": "done"}, {"structure": None}):
        with pytest.raises(WriteError, match="failed validation"):
            older.db.labels.update_one({"_id": label["_id"]}, {"$set": change})
