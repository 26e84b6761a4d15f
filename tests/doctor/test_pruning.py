"""Pruning takes what has ended well and what nothing names, and leaves all else."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from bench_tasks import Fail, Sleep
from bson import ObjectId
from fireworks import Firework
from rocket_bench import Bench

from beamheat_fw.cli import main
from beamheat_fw.doctor.pruning import prunable
from beamheat_fw.launch.job_folder import JobFolder
from beamheat_fw.store.artifacts import has_artifact, put_artifact
from beamheat_fw.store.database import Store, make
from beamheat_fw.store.documents import CampaignRecord, MDRun
from beamheat_fw.store.documents.heat import Checkpoint

pytestmark = pytest.mark.mongod

LONG_AGO = time.time() - 30 * 86400


def age(folder: Path) -> None:
    """Let a folder look as if nobody had touched it for a month."""
    for path in [folder, *folder.rglob("*")]:
        os.utime(path, (LONG_AGO, LONG_AGO))


def age_artifact(store: Store, sha256: str) -> None:
    then = datetime.fromtimestamp(LONG_AGO, UTC)
    store.db["artifacts.files"].update_one({"filename": sha256}, {"$set": {"uploadDate": then}})


def prune(bench: Bench, capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, set[str]]:
    """Return what ``beamheat db prune`` removes, by kind."""
    files = ["-l", str(bench.launchpad_file), "-w", str(bench.worker_file())]
    assert main.run(["db", "prune", *files, "--json", *options]) == 0
    found: dict[str, set[str]] = {}
    for item in json.loads(capsys.readouterr().out)["items"]:
        assert item["bytes"] >= 0
        found.setdefault(item["kind"], set()).add(Path(item["name"]).name)
    return found


def test_folders_of_completed_work_go_and_all_others_stay(
    bench: Bench, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = ("done", "failed", "waiting", "running")
    specs = {key: {"job_key": key, "_priority": -number} for number, key in enumerate(keys)}
    done, failed, _, running = bench.add(
        Firework(Sleep(), spec=specs["done"]),
        parent := Firework(Fail(), spec=specs["failed"]),
        Firework(Sleep(), spec=specs["waiting"], parents=[parent]),
        Firework(Sleep(seconds=60, mark=str(bench.folder / "mark")), spec=specs["running"]),
    )
    bench.rlaunch("rapidfire")
    bench.wait_for_mark(bench.folder / "mark")
    scratch = bench.folder / "scratch"
    for key in (*keys, "of-another-database"):
        JobFolder(scratch, key).write("checkpoint", key)
    launches = {fw_id: Path(bench.newest_launch(fw_id)["launch_dir"]) for fw_id in (done, failed, running)}
    assert prune(bench, capsys) == {}  # all of it is young
    for folder in (scratch / "jobs", *launches.values()):
        age(folder)
    expected = {"launch folder": {launches[done].name}, "job folder": {"done"}}
    assert prune(bench, capsys, "--dry-run") == expected
    assert launches[done].is_dir()
    assert prune(bench, capsys) == expected
    assert prune(bench, capsys) == {}
    assert [launches[fw_id].is_dir() for fw_id in (done, failed, running)] == [False, True, True]
    left = {folder.name for folder in (scratch / "jobs").iterdir()}
    assert left == {"failed", "waiting", "running", "of-another-database"}
    assert bench.folder.is_dir()


def test_job_of_the_queue_goes_with_its_last_launch(
    bench: Bench, store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = bench.folder / "launcher_of_a_job"
    job.mkdir()
    (job / "FW_submit.script").write_text("exec beamheat rlaunch rapidfire")
    (done,) = bench.add(Firework(Sleep()))
    home, bench.folder = bench.folder, job
    assert bench.rlaunch("rapidfire").wait(60) == 0
    (mine := job / "notes").mkdir()
    for name in ("scratch", "rockets.log", "my_fworker.yaml", "FW_config.yaml"):
        if (job / name).exists():
            (job / name).rename(home / name)
    bench.folder = home
    launch = Path(bench.newest_launch(done)["launch_dir"]).name
    age(job)
    assert prune(bench, capsys, "--dry-run") == {"launch folder": {launch}}  # somebody else's folder is in it
    mine.rmdir()
    age(job)
    assert prune(bench, capsys) == {"launch folder": {launch, job.name}}
    assert not job.exists()


def test_artifacts_go_when_no_document_names_them(
    bench: Bench, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    named, loose, young = (put_artifact(store, text.encode()) for text in ("named", "loose", "young"))
    made = make(CampaignRecord, id="c" * 64, name="gold", document={"eels": {"sha256": named}})
    store.create(made)
    # What an upload that was killed leaves; one that goes on now looks the same, but is young.
    for file_id in (ObjectId.from_datetime(datetime.fromtimestamp(LONG_AGO, UTC)), ObjectId()):
        store.db["artifacts.chunks"].insert_one({"files_id": file_id, "n": 0, "data": b"half an upload"})
    for sha256 in (named, loose):
        age_artifact(store, sha256)
    found = prune(bench, capsys, "--dry-run")
    assert found["artifact"] == {loose}
    assert len(found["cut-off upload"]) == 1
    assert prune(bench, capsys) == found
    assert prune(bench, capsys) == {}
    assert [has_artifact(store, sha256) for sha256 in (named, loose, young)] == [True, False, True]
    assert store.db["artifacts.chunks"].count_documents({}) == 3


def test_artifact_that_is_needed_again_meanwhile_stays(bench: Bench, store: Store) -> None:
    sha256 = put_artifact(store, b"a model")
    age_artifact(store, sha256)
    (found,) = prunable(bench.launchpad, store, bench.folder, timedelta(days=7))
    assert put_artifact(store, b"a model") == sha256  # its document follows
    assert not found.remove()
    assert has_artifact(store, sha256)


def test_states_of_md_runs_go_once_nobody_goes_on_with_them(
    bench: Bench, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    (going_on,) = bench.add(Firework(Sleep()))
    states = {}
    for name, fw_id in (("going on", going_on), ("deleted", 4711)):
        sha256 = states[name] = put_artifact(store, name.encode())
        checkpoint = Checkpoint(step=1000, sha256=sha256)
        run = make(
            MDRun, campaign_id="c", run_key=name, kind="heating", fw_id=fw_id, checkpoints=(checkpoint,)
        )
        store.create(run)
        age_artifact(store, sha256)
    assert prune(bench, capsys) == {}  # all of it is young
    store.db["md_runs"].update_many({}, {"$set": {"last_updated": datetime.fromtimestamp(LONG_AGO, UTC)}})
    assert set(prune(bench, capsys)) == {"checkpoints"}
    assert [has_artifact(store, states[name]) for name in ("going on", "deleted")] == [True, False]
    left = {run.run_key: len(run.checkpoints) for run in store.find(MDRun, {})}
    assert left == {"going on": 1, "deleted": 0}
    bench.launchpad.archive_wf(going_on)
    store.db["md_runs"].update_many({}, {"$set": {"last_updated": datetime.fromtimestamp(LONG_AGO, UTC)}})
    assert set(prune(bench, capsys)) == {"checkpoints"}
    assert not has_artifact(store, states["going on"])
