"""The whole chain on an EMT reference: killed in the middle, gone on with, and looked at from all sides."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from fireworks import LaunchPad

sys.path.insert(0, str(Path(__file__).parents[1] / "rockets"))

from campaign_outcome import differences
from campaign_outcome import outcome as everything_of

from beamheat_fw.launch.job_folder import holders
from tests.docs.test_pages_run import blocks

ROOT = Path(__file__).parents[2]
CAMPAIGN = ROOT / "workflows" / "emt_au_cu.yaml"
TUTORIAL = ROOT / "docs" / "tutorials" / "ten_minutes.md"

pytestmark = [pytest.mark.slow, pytest.mark.mongod, pytest.mark.nequip, pytest.mark.mpi]


@pytest.fixture(scope="module")
def home(mongod, mongo_client, tmp_path_factory):
    """A folder of a new user, with a database of its own on the session's server."""
    folder = tmp_path_factory.mktemp("home")
    name = f"campaign_{os.getpid()}"
    (folder / "my_launchpad.yaml").write_text(f"uri_mode: true\nhost: {mongod.uri}\nname: {name}\n")
    yield folder
    mongo_client.drop_database(name)


@pytest.fixture(scope="module")
def database(home, mongo_client):
    return mongo_client[f"campaign_{os.getpid()}"]


def beamheat(home, *arguments):
    return [sys.executable, "-m", "beamheat_fw", *arguments]


def call(home, *arguments):
    done = subprocess.run(
        beamheat(home, *arguments), cwd=home, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def outcome(home, database):
    """Run the campaign, kill its supervisor without warning while members train, and run it again."""
    started = time.monotonic()
    run = ("run", str(CAMPAIGN), "-l", str(home / "my_launchpad.yaml"), "--json")
    first = subprocess.Popen(
        beamheat(home, *run), cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 300
    while database["fireworks"].count_documents({"name": {"$regex": "TrainMember"}, "state": "RUNNING"}) == 0:
        assert first.poll() is None, "the campaign ended before it could be killed"
        assert time.monotonic() < deadline, "no member began to train"
        time.sleep(0.2)
    first.send_signal(signal.SIGKILL)
    first.wait()
    document = json.loads(call(home, *run))
    return document | {"both_runs_s": time.monotonic() - started}


def test_a_killed_campaign_goes_on_to_a_temperature(outcome):
    assert outcome["state"] == "finished"
    assert outcome["delta_T_K"] > 0
    assert not outcome["failures"]


def test_no_label_is_computed_twice_and_no_document_doubled(outcome, database):
    labels = list(database["labels"].find())
    asked_for = [label for r in database["rounds"].find() for label in r["label_ids"]]
    assert sorted(label["_id"] for label in labels) == sorted(asked_for)
    assert {label["state"] for label in labels} == {"completed"}
    assert {label["attempts"] for label in labels} == {1}
    steps = [w["metadata"]["step_key"] for w in database["workflows"].find()]
    assert len(steps) == len(set(steps))
    counts = {name: database[name].count_documents({}) for name in ("rounds", "committees", "potentials")}
    assert counts == {"rounds": 3, "committees": 3, "potentials": 6}
    for name in ("spectra", "conductances", "predictions", "campaigns"):
        assert database[name].count_documents({}) == 1, name


def test_every_round_that_explored_has_a_verdict_and_counts(outcome, database):
    for document in database["rounds"].find({"round": {"$gt": 0}}):
        assert document["verdict"] in ("converged", "not converged", "stalled")
        assert sum(document["counts"].values()) > 0
        assert document["calibration"]["frames"] > 1
    assert database["rounds"].count_documents({"verdict": None}) == 1


def test_held_out_labels_are_never_trained_on(outcome, database):
    for dataset in database["datasets"].find():
        assert dataset["split"]["holdout"]
        assert not set(dataset["split"]["holdout"]) & set(dataset["split"]["train"])
    held_out = {x["_id"] for x in database["labels"].find({"origin.role": "holdout"})}
    newest = database["datasets"].find_one(sort=[("nlabels", -1)])
    assert set(newest["split"]["holdout"]) == held_out


def test_the_provenance_of_the_prediction_reaches_every_label_and_the_spectrum(outcome, home, database):
    prediction = database["predictions"].find_one()
    trail = json.loads(
        call(home, "provenance", prediction["_id"], "--json", "-l", str(home / "my_launchpad.yaml"))
    )
    text = json.dumps(trail)
    for label in database["labels"].find({}, {"_id": 1}):
        assert label["_id"] in text
    assert database["spectra"].find_one()["_id"] in text


def test_the_same_file_submitted_again_adds_nothing(outcome, home, database):
    before = database["fireworks"].count_documents({})
    document = json.loads(
        call(home, "submit", str(CAMPAIGN), "--json", "-l", str(home / "my_launchpad.yaml"))
    )
    assert document["is_new"] is False
    assert database["fireworks"].count_documents({}) == before


def test_the_conductance_rests_on_runs_of_both_ranks_and_all_members(outcome, database):
    conductance = database["conductances"].find_one()
    assert conductance["fit"]["n_members"] == 2
    assert conductance["fit"]["n_runs"] > 2
    assert conductance["conductance_low_MW_m2K"] <= conductance["conductance_MW_m2K"]


def test_the_report_is_one_page_that_says_how_far_the_committee_is(outcome, home, database):
    page = Path(home / outcome["report"]).read_text()
    verdict = database["rounds"].find_one({"round": 2})["verdict"]
    assert verdict in page.lower()
    assert "<svg" in page


def test_doctor_finds_nothing_to_mend(outcome, home):
    call(home, "doctor", "-l", str(home / "my_launchpad.yaml"))


def test_the_tutorial_runs_as_it_stands_within_its_ten_minutes(outcome, home, database):
    """Its campaign is the one above, killed once: `beamheat run` finds it finished and writes the report."""
    started = time.monotonic()
    (home / "workflows").symlink_to(ROOT / "workflows")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "BEAMHEAT_LAUNCHPAD": str(home / "my_launchpad.yaml")}
    shell = ["bash", "-e", "-o", "pipefail", "-c", "\n".join(blocks(TUTORIAL, "sh"))]
    for command in (shell, [sys.executable, "-c", "\n".join(blocks(TUTORIAL, "python"))]):
        done = subprocess.run(
            command, cwd=home, env=environment, capture_output=True, text=True, timeout=600, check=False
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout
    labels = database["labels"].count_documents({})
    assert f"{labels} labels" in done.stdout
    assert (home / "emt.html").stat().st_size > 100_000
    assert outcome["both_runs_s"] + time.monotonic() - started < 600


HEAT = ("md_runs", "conductances", "predictions", "provenance")


@pytest.fixture(scope="module")
def undisturbed(outcome, database):
    """What the heating of the campaign came to."""
    return everything_of(database, HEAT)


@pytest.fixture
def heating(undisturbed, home, database):
    """The first heating firework, to be run again."""
    firework = database["fireworks"].find_one({"name": {"$regex": "HeatParticle-0"}})
    LaunchPad.from_file(str(home / "my_launchpad.yaml")).rerun_fw(firework["fw_id"])
    return firework


class Machine:
    """A worker with a scratch of its own, whose rocket is killed."""

    def __init__(self, home, name, heating, **env):
        self.home, self.scratch = home, home / name
        self.job = self.scratch / "jobs" / heating["spec"]["job_key"]
        worker = home / f"{name}.yaml"
        worker.write_text(yaml.safe_dump({"name": name, "env": {"scratch": str(self.scratch), **env}}))
        self.options = ("-l", str(home / "my_launchpad.yaml"), "-w", str(worker))

    def kill_once(self, begun):
        """Start a rocket; once `begun` says so, kill it with mpirun and ranks, as when a node dies."""
        rocket = subprocess.Popen(
            beamheat(self.home, "rlaunch", *self.options, "singleshot"),
            cwd=self.home,
            stderr=subprocess.DEVNULL,
        )
        begun(self.job / "work", rocket)
        for pid in holders(self.job / ".lock"):
            os.kill(pid, signal.SIGKILL)
        assert rocket.wait(30) == -signal.SIGKILL
        call(self.home, "doctor", "--fix", *self.options)

    def work_off(self):
        """Run rockets until nothing is left; return what they logged."""
        command = beamheat(self.home, "rlaunch", *self.options, "rapidfire")
        done = subprocess.run(
            command, cwd=self.home, capture_output=True, text=True, timeout=600, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stderr


def compare(database, heating, undisturbed):
    """Hold heating, conductance and prediction against the undisturbed ones."""
    again = database["fireworks"].find_one({"fw_id": heating["fw_id"]})
    assert (again["state"], len(again["launches"])) == ("COMPLETED", 1)
    found = everything_of(database, HEAT)
    for name in (*HEAT, "fireworks"):
        assert list(differences(undisturbed[name], found[name])) == []


def test_heating_killed_many_times_comes_to_the_same_run_conductance_and_prediction(
    heating, undisturbed, home, database
):
    """Plain FireWorks begins at the first task, and the MD at its first step, each time."""
    elsewhere = Machine(home, "elsewhere", heating)  # where nothing is left of the first run
    chance = random.Random(7)

    def after_a_checkpoint(work, rocket):
        wait_for_checkpoints(work, rocket)
        time.sleep(chance.uniform(0.0, 1.0))

    for _ in range(3):
        elsewhere.kill_once(after_a_checkpoint)
    elsewhere.work_off()
    compare(database, heating, undisturbed)


def test_heating_whose_machine_is_lost_goes_on_elsewhere_from_its_stored_state(
    heating, undisturbed, home, database
):
    """Killed, its folder gone, and the newest of the two states in the database damaged."""
    database["md_runs"].delete_one({"run_key": "heat-r2-m0"})
    lost = Machine(home, "lost", heating, store_checkpoint_s=0.2)

    def states():
        run = database["md_runs"].find_one({"run_key": "heat-r2-m0"}) or {"checkpoints": []}
        return run["checkpoints"]

    def after_three_stored_states(work, rocket):
        seen = set()
        deadline = time.monotonic() + 120
        while len(seen) < 3:
            assert rocket.poll() is None, "the rocket ended before three states were stored"
            assert time.monotonic() < deadline, "no state"
            seen |= {state["step"] for state in states()}
            time.sleep(0.02)

    lost.kill_once(after_three_stored_states)
    shutil.rmtree(lost.scratch)
    before, newest = states()
    assert 0 < before["step"] < newest["step"]
    file = database["artifacts.files"].find_one({"filename": newest["sha256"]})
    chunk = database["artifacts.chunks"].find_one({"files_id": file["_id"]})
    damaged = bytearray(chunk["data"])
    damaged[len(damaged) // 2] ^= 1
    database["artifacts.chunks"].update_one({"_id": chunk["_id"]}, {"$set": {"data": bytes(damaged)}})
    log = Machine(home, "third", heating).work_off()
    assert "a stored state is passed over" in log
    assert f"goes on from the state stored at step {before['step']}" in log
    compare(database, heating, undisturbed)
    assert states() == []
    assert database["artifacts.files"].count_documents({"metadata.kind": "checkpoint"}) == 0


def wait_for_checkpoints(work, rocket):
    """Wait until both ranks of this rocket's MD have written one."""
    started, deadline = time.time(), time.monotonic() + 120
    ranks = {0, 1}
    while ranks:
        assert rocket.poll() is None, "the rocket ended before its ranks had a checkpoint"
        assert time.monotonic() < deadline, "no checkpoint"
        new = [path for path in work.glob("state-*.ckpt") if path.stat().st_mtime > started]
        ranks -= {int(path.name.split("-")[1]) for path in new}
        time.sleep(0.05)
