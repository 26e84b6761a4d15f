"""The database's commands: what they print, what they refuse, with which exit status."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from ase.io import read

from beamheat_fw.cli.main import run
from beamheat_fw.store import labels
from beamheat_fw.store.database import Store
from beamheat_fw.store.documents import Label, LabelRequest, LabelResult


@pytest.fixture
def planned(store: Store) -> list[str]:
    from ase import Atoms

    made = [
        Atoms("AuCu3", positions=[[4, 4, 4], [6.5, 4, 4], [4, 6.5, 4], [4, 4, 6.4 + n / 9]], cell=[11] * 3)
        for n in range(3)
    ]
    asked = [LabelRequest(campaign_id="c")] * 3
    ids = labels.plan_labels(
        store, made, asked, labels.Level("emt", {"calculator": "emt"}), tags=["alloy"]
    ).label_ids
    for identifier in ids[:2]:
        labels.complete(store, identifier, LabelResult(energy_eV=1.0, forces_eV_A=[[0.1, 0, 0]] * 4))
    return list(ids)


@pytest.fixture
def short_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="bh-", dir="/tmp"))
    yield folder
    run(["db", "stop", "--folder", str(folder / "b")])
    shutil.rmtree(folder)


def test_database_starts_and_stops_and_says_so(short_folder: Path, capsys: pytest.CaptureFixture) -> None:
    folder = str(short_folder / "b")
    seen = []
    for action in ("status", "start", "start", "status", "stop", "stop"):
        assert run(["db", action, "--folder", folder, "--json"]) == 0
        seen.append(json.loads(capsys.readouterr().out)["running"])
    assert seen == [False, True, True, True, False, False]
    for name in ("my_launchpad.yaml", "my_fworker.yaml", "my_qadapter.yaml", "FW_config.yaml"):
        assert (short_folder / "b" / name).is_file()


def test_plain_lpad_works_in_the_folder(short_folder: Path, capsys: pytest.CaptureFixture) -> None:
    import subprocess
    import sys

    assert run(["db", "start", "--folder", str(short_folder / "b")]) == 0
    lpad = Path(sys.executable).with_name("lpad")
    inside = {"cwd": short_folder / "b", "capture_output": True, "text": True, "check": True}
    subprocess.run([lpad, "add_scripts", "true"], **inside)
    subprocess.run([lpad.with_name("rlaunch"), "singleshot"], **inside)
    counted = subprocess.run([lpad, "get_fws", "-s", "COMPLETED", "-d", "count"], **inside)
    assert counted.stdout.strip().splitlines()[-1] == "1"


def test_find_prints_whole_documents_oldest_first(
    planned: list[str], launchpad_file: Path, capsys: pytest.CaptureFixture
) -> None:
    def found(*filters: str) -> list[str]:
        assert run(["find", "labels", *filters, "--json", "-l", str(launchpad_file)]) == 0
        return [document["_id"] for document in json.loads(capsys.readouterr().out)]

    everything = found()
    assert sorted(everything) == sorted(planned)
    assert found("--limit", "1") == everything[-1:]
    assert found("--formula", "Cu6Au2", "--tag", "alloy") == everything
    assert found("--formula", "Au") == found("--tag", "nothing") == found("--since", "2999-01-01") == []
    assert found("--until", "2999-01-01T00:00") == everything
    assert sorted(found("--state", "completed")) == sorted(planned[:2])
    assert (
        found("--query", '{"$or": [{"nsites": {"$gt": 4}}, {"energy_eV": {"$exists": true}}]}') == everything
    )
    assert found("--query", '{"created_at": {"$lt": "2000-01-01"}}') == []
    assert found("--query", '{"origin.role": {"$in": ["initial"]}, "elements": "Au"}') == everything


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["lables"], "'labels'"),
        (["labels", "--query", '{"energy": 1}'], "'energy_eV'"),
        (["labels", "--query", '{"nsites": "many"}'], "integer"),
        (["labels", "--query", '{"nsites": {"$gr": 3}}'], "'$gt'"),
        (["labels", "--query", '{"origin.roel": "x"}'], "'role'"),
        (["labels", "--query", '{"$where": "1"}'], "$where"),
        (["labels", "--query", "[1]"], "object"),
        (["labels", "--query", "{"], "JSON"),
        (["labels", "--state", "done"], "completed"),
        (["labels", "--formula", "Xx7"], "formula"),
        (["labels", "--since", "yesterday"], "date"),
        (["labels", "--campaign", "nobody"], "nobody"),
        (["spectra", "--formula", "Au"], "formula_pretty"),
    ],
)
def test_bad_filter_is_refused_in_one_line(
    store: Store, launchpad_file: Path, capsys: pytest.CaptureFixture, arguments: list[str], said: str
) -> None:
    assert run(["find", *arguments, "-l", str(launchpad_file)]) == 2
    printed = capsys.readouterr()
    assert said in printed.err
    assert printed.err.count("\n") == 1
    assert printed.out == ""


def test_provenance_of_an_unknown_id_is_bad_input(
    store: Store, launchpad_file: Path, capsys: pytest.CaptureFixture
) -> None:
    assert run(["provenance", "nobody", "-l", str(launchpad_file)]) == 2
    assert "no document with this id" in capsys.readouterr().err


def test_provenance_shows_both_directions(
    store: Store, planned: list[str], launchpad_file: Path, capsys: pytest.CaptureFixture
) -> None:
    from beamheat_fw.store.datasets import create_dataset

    dataset = create_dataset(store, {"train": planned[:2]})
    assert run(["provenance", dataset[:16], "--json", "-l", str(launchpad_file)]) == 0
    document = json.loads(capsys.readouterr().out)
    assert {node["id"] for node in document["back"]["nodes"]} == set(planned[:2])
    assert run(["provenance", dataset, "-l", str(launchpad_file)]) == 0
    assert "made from: 2 labels" in capsys.readouterr().out


def test_export_and_import_round_trip(
    store: Store, planned: list[str], launchpad_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    pad = ["-l", str(launchpad_file)]
    path = tmp_path / "labels.extxyz"
    assert run(["export", "labels", "--tag", "alloy", "-o", str(path), *pad]) == 0
    assert len(read(path, index=":")) == 2
    assert run(["export", "labels", "-o", str(path), *pad]) == 2
    assert "--force" in capsys.readouterr().err
    store.db.labels.delete_many({})
    assert run(["import", str(path), "--tag", "again", "--json", *pad]) == 0
    assert json.loads(capsys.readouterr().out)["new"] == 2
    assert {label.id for label in store.find(Label, {"tags": "again"})} == set(planned[:2])


@pytest.mark.parametrize(
    "arguments",
    [
        ["export", "labels", "-o", "out.xyz"],
        ["export", "label", "-o", "out.xyz"],
        ["export", "dataset", "-o", "out.xyz"],
        ["export", "dataset", "nobody", "-o", "out.xyz"],
        ["export", "labels", "--format", "cif", "-o", "out.xyz"],
        ["import", "none.xyz"],
    ],
)
def test_bad_file_or_choice_writes_nothing(
    store: Store, launchpad_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    assert run([*arguments, "-l", str(launchpad_file)]) == 2
    assert sorted(tmp_path.iterdir()) == before
