"""Labels that fail, that two workers want, whose disk is full: the database ends as that of a calm run."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ase import Atoms
from campaign_outcome import differences, outcome
from fireworks import LaunchPad
from labelling_bench import LabellingBench, labelling_bench_on, structures
from rocket_bench import kill_server, wait_until

from beamheat_fw.cli.main import run
from beamheat_fw.store.database import Store
from beamheat_fw.store.provenance import trail
from beamheat_fw.store.rounds import load_round
from beamheat_fw.store.server.embedded import EmbeddedServer

pytestmark = [pytest.mark.mongod, pytest.mark.slow]


def changed(calm: dict[str, Any], labelling: LabellingBench, *collections: str) -> list[str]:
    """Return where the database differs from that of the calm run, labels and datasets if not told."""
    found = outcome(labelling.store.db)
    return [
        one for name in collections or ("labels", "datasets") for one in differences(calm[name], found[name])
    ]


def test_labels_that_fail_cost_no_other_one_and_training_goes_on(
    labelling: LabellingBench, calm: dict[str, Any]
) -> None:
    """Plain FireWorks fizzles the whole chunk, and the training waits for ever."""
    overlapping = Atoms("Au2", [(0, 0, 0), (0.3, 0, 0)], cell=[9, 9, 9], pbc=True)
    unknown = Atoms("W2", [(0, 0, 0), (2.7, 0, 0)], cell=[9, 9, 9], pbc=True)
    frames = structures()
    labelling.begin([overlapping, *frames[:12], unknown, *frames[12:]])
    labelling.work_off()
    found = outcome(labelling.store.db)
    failed = {i: label for i, label in found["labels"].items() if label["state"] == "failed"}
    assert sorted(label["formula_pretty"] for label in failed.values()) == ["Au", "W"]
    assert all(label["reason"]["what"] for label in failed.values())
    for label_id in failed:
        del found["labels"][label_id]
    assert list(differences(calm["labels"], found["labels"])) == []
    assert list(differences(calm["datasets"], found["datasets"])) == []
    states = [state for name, state in found["fireworks"] if "TrainMember" in name]
    assert states == ["READY", "READY"]


def test_structures_that_two_campaigns_want_are_labelled_once(
    labelling: LabellingBench, calm: dict[str, Any]
) -> None:
    """Plain FireWorks labels them twice."""
    campaigns = [labelling.begin(structures(), seed=seed) for seed in (3, 4)]
    rockets = [labelling.rlaunch("rapidfire") for _ in range(2)]
    assert [rocket.wait(120) for rocket in rockets] == [0, 0], labelling.bench.log()
    results = [path.stem for path in labelling.bench.folder.glob("scratch/jobs/**/results/*.json")]
    assert sorted(results) == sorted(calm["labels"])
    labels = list(labelling.store.db["labels"].find())
    assert {label["attempts"] for label in labels} == {1}
    assert {tuple(r["campaign_id"] for r in label["requests"]) for label in labels} == {
        tuple(campaign.campaign_id for campaign in campaigns)
    }
    # Whose rocket comes to the dataset first is chance, and the dataset names its campaign.
    assert [one for one in changed(calm, labelling, "datasets") if "/campaign_id" not in one] == []
    for campaign in campaigns:
        dataset_id = load_round(labelling.store, campaign.campaign_id, 0).dataset_id
        behind = {node["id"] for node in trail(labelling.store, dataset_id)["nodes"]}
        assert {label["_id"] for label in labels} <= behind
    for label in labels:
        assert label["energy_eV"] == calm["labels"][label["_id"]]["energy_eV"]
        assert label["forces_eV_A"] == calm["labels"][label["_id"]]["forces_eV_A"]


def test_database_that_is_away_while_labels_are_made_costs_none(
    own_server: EmbeddedServer, tmp_path: Path, calm: dict[str, Any]
) -> None:
    """Plain FireWorks fizzles the firework, as what its task asks of the database fails."""
    file = tmp_path / "my_launchpad.yaml"
    own = {"mongoclient_kwargs": {"serverSelectionTimeoutMS": 200}, "name": "labels"}
    file.write_text(yaml.safe_dump(yaml.safe_load(own_server.launchpad_file.read_text()) | own))
    pad = LaunchPad.from_file(str(file))
    with labelling_bench_on(file, Store.from_launchpad(pad), tmp_path) as labelling:
        labelling.begin(structures())
        rocket = labelling.rlaunch("rapidfire")
        done = {"state": "completed"}
        wait_until(lambda: labelling.store.db["labels"].count_documents(done), "the first label")
        kill_server(own_server)
        # Longer than its own retries of a transaction, and than any of the driver's.
        wait_until(lambda: "the database is away" in labelling.bench.log(), "the rocket to notice")
        own_server.start()
        assert rocket.wait(120) == 0, labelling.bench.log()
        assert changed(calm, labelling) == [], labelling.bench.log()
        assert "ServerSelectionTimeoutError" not in labelling.bench.log()
        launches = [labelling.bench.newest_launch(fw_id) for fw_id in (1, 2)]
        assert [launch["state"] for launch in launches] == ["COMPLETED"] * 2
    pad.connection.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 192 KiB."""
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=192k", "none", folder], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_full_disk_is_named_and_with_room_the_labels_are_those_of_a_calm_run(
    labelling: LabellingBench, calm: dict[str, Any], small_disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Plain FireWorks fizzles with a traceback; a label must not be called failed for want of a disk."""
    labelling.begin(structures())
    for _ in range(2):
        assert labelling.rlaunch("rapidfire", scratch=str(small_disk)).wait(120) == 0
    bench = labelling.bench
    fizzled = list(bench.launchpad.fireworks.find({"state": "FIZZLED"}))
    assert fizzled, bench.log()
    for firework in fizzled:
        details = bench.newest_launch(firework["fw_id"])["action"]["stored_data"]["_exception"]["_details"]
        assert details["kind"] == "DiskFull", details
    states = {label["state"] for label in labelling.store.db["labels"].find()}
    assert "failed" not in states
    subprocess.run(["mount", "-o", "remount,size=16m", small_disk], check=True)
    assert run(["resubmit", "--error-kind", "DiskFull", "--json", "-l", str(bench.launchpad_file)]) == 0
    assert len(json.loads(capsys.readouterr().out)["fireworks"]) == len(fizzled)
    assert labelling.rlaunch("rapidfire", scratch=str(small_disk)).wait(120) == 0
    assert changed(calm, labelling) == [], bench.log()
