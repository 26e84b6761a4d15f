"""Each command refuses a database of another release, and a user who may only read where it would write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ase.build import bulk
from ase.io import write
from pymongo import MongoClient

from beamheat_fw.cli.main import COMMANDS, run
from beamheat_fw.store.database import Store
from beamheat_fw.store.documents import MODELS, SCHEMA_VERSION
from beamheat_fw.store.schema.versions import ensure_schema
from tests.store.conftest import finished_campaign
from tests.store.server.test_launchpad_file import guarded as guarded

ROOT = Path(__file__).parents[2]
CAMPAIGN = str(ROOT / "workflows" / "emt_au_cu.yaml")
ADAPTER = str(ROOT / "launchers" / "my_qadapter_slurm.yaml")
#: Commands that only look, and commands that write or ask whether one may, with the least they need.
READERS = {
    "status": ["status"],
    "report": ["report", "quickstart", "-o", "report.html"],
    "find": ["find", "labels"],
    "provenance": ["provenance", "PREDICTION"],
    "export": ["export", "labels", "-o", "labels.extxyz"],
    "export results": ["export", "predictions", "-o", "rises.csv"],
}
WRITERS = {
    "check": ["check", CAMPAIGN],
    "submit": ["submit", CAMPAIGN],
    "run": ["run", CAMPAIGN],
    "rlaunch": ["rlaunch", "singleshot"],
    "qlaunch": ["qlaunch", "-q", ADAPTER, "singleshot"],
    "doctor": ["doctor", "--fix"],
    "resubmit": ["resubmit", "--campaign", "quickstart"],
    "pause": ["pause", "quickstart"],
    "resume": ["resume", "quickstart"],
    "cancel": ["cancel", "quickstart"],
    "import": ["import", "gold.extxyz", "--level", "PBE"],
}
#: Commands that know no database, and `db`, whose own tests are in tests/store.
OTHERS = {"eels", "predict", "conductance", "db"}


def _with_launchpad(words: list[str], launchpad_file: Path) -> list[str]:
    # rlaunch and qlaunch take it before their own subcommands.
    return [words[0], "-l", str(launchpad_file), *words[1:]]


def _contents(database: Any) -> dict[str, list]:
    names = (*MODELS, "fireworks", "workflows", "launches", "beamheat")
    return {name: list(database[name].find().sort("_id", 1)) for name in names}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    atoms = bulk("Au", cubic=True)
    atoms.rattle(0.05, seed=0)
    atoms.info["REF_energy"] = -12.0
    atoms.set_array("REF_forces", atoms.positions - atoms.positions.mean(axis=0))
    write(tmp_path / "gold.extxyz", atoms, format="extxyz")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_command_is_looked_at() -> None:
    looked_at = {words[0] for words in (*READERS.values(), *WRITERS.values())} | OTHERS
    assert looked_at == {name for name, _ in COMMANDS}


@pytest.mark.parametrize("version", [SCHEMA_VERSION - 1, SCHEMA_VERSION + 1])
def test_database_of_another_release_is_refused_by_every_command(
    store: Store, launchpad_file: Path, folder: Path, capsys: pytest.CaptureFixture, version: int
) -> None:
    prediction = finished_campaign(store).prediction_id
    store.db.beamheat.update_one({"_id": "schema"}, {"$set": {"version": version}})
    before, files = _contents(store.db), sorted(folder.iterdir())
    for name, words in (READERS | WRITERS).items():
        asked = [prediction if word == "PREDICTION" else word for word in words]
        assert run(_with_launchpad(asked, launchpad_file)) == 2, name
        said = capsys.readouterr()
        assert "release of beamheat_fw wrote this database" in said.err, name
        assert said.err.count("\n") == 1, name
        assert said.out == "", name
    assert _contents(store.db) == before
    assert sorted(folder.iterdir()) == files


@pytest.fixture
def read_only(guarded: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, str, Any]:
    """A launchpad file, the user of which may only read, and a finished campaign behind it."""
    path = folder / "my_launchpad.yaml"
    path.write_text(f"uri_mode: true\nhost: {guarded}\nname: beamheat\nauthsource: admin\n")
    monkeypatch.setenv("BEAMHEAT_DB_USERNAME", "reader")
    monkeypatch.setenv("BEAMHEAT_DB_PASSWORD", "right")
    with MongoClient(guarded, username="guide", password="right") as client:
        store = Store(client["beamheat"])
        ensure_schema(store)
        yield path, finished_campaign(store).prediction_id, client["beamheat"]
        for name in client["beamheat"].list_collection_names():
            client["beamheat"].drop_collection(name)


def test_user_who_may_only_read_looks_at_everything_and_changes_nothing(
    read_only: tuple[Path, str, Any], capsys: pytest.CaptureFixture
) -> None:
    path, prediction, database = read_only
    before = _contents(database)
    for name, words in READERS.items():
        asked = [prediction if word == "PREDICTION" else word for word in words]
        status = run(_with_launchpad(asked, path))
        said = capsys.readouterr()
        assert status == 0, f"{name}: {said.err}"
        assert said.out.strip(), name
    for name, words in WRITERS.items():
        assert run(_with_launchpad(words, path)) == 2, name
        said = capsys.readouterr()
        assert "refuses this user" in said.err, f"{name}: {said.err}"
        assert said.err.count("\n") == 1, name
    assert _contents(database) == before


@pytest.mark.parametrize(
    "words",
    [
        ["provenance", "nothing"],
        ["provenance", "nothing", "--withdraw"],
        ["export", "dataset", "nothing", "-o", "out"],
        ["export", "committee", "nothing", "-o", "out"],
        ["export", "labels", "--campaign", "nothing", "-o", "out"],
        ["find", "labels", "--campaign", "nothing"],
        *([name, "nothing"] for name in ("status", "pause", "resume", "cancel")),
        ["report", "nothing", "-o", "out"],
        ["resubmit", "--campaign", "nothing"],
        ["resubmit", "-i", "999"],
    ],
    ids=" ".join,
)
def test_what_is_not_there_is_named_and_nothing_is_written(
    store: Store,
    launchpad: Any,
    launchpad_file: Path,
    folder: Path,
    capsys: pytest.CaptureFixture,
    words: list,
) -> None:
    finished_campaign(store)
    before, files = _contents(store.db), sorted(folder.iterdir())
    assert run(_with_launchpad(words, launchpad_file)) == 2
    said = capsys.readouterr()
    assert "nothing" in said.err or "999" in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""
    assert _contents(store.db) == before
    assert sorted(folder.iterdir()) == files
