"""Nodes without a route to the database: staged, run by a folder alone, brought in; nothing lost or twice."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster_site import Cluster, Desk, Site
from outpost import Outpost

pytestmark = [pytest.mark.mongod, pytest.mark.slow]


@pytest.fixture(scope="module")
def cluster(site: Site) -> Iterator[Cluster]:
    """A cluster of which the login machine alone reaches the database."""
    vega = Cluster("vega", 3, site.folder / "vega", ["dft", "train", "md"])
    vega.folder.mkdir()
    try:
        vega.start(site.switch, [site.mongod.folder], nodes_routed=False)
        yield vega
    finally:
        vega.stop()


@pytest.fixture
def outpost(desk: Desk, cluster: Cluster) -> Iterator[Outpost]:
    """The cluster, set up for a fresh database."""
    outpost = Outpost(desk, cluster)
    outpost.set_up()
    yield outpost
    outpost.clear()


def labels(outpost: Outpost) -> dict[str, int]:
    """Return how many labels are in each state."""
    counts = outpost.desk.store.db["labels"].aggregate([{"$group": {"_id": "$state", "n": {"$sum": 1}}}])
    return {found["_id"]: found["n"] for found in counts}


def test_labels_are_calculated_where_no_database_is(outpost: Outpost, tmp_path: Path) -> None:
    desk, vega = outpost.desk, outpost.cluster
    refused = vega.nodes[0].call("beamheat", "status", "-l", f"{vega.folder}/my_launchpad.yaml")
    assert (refused.returncode, "does not answer" in refused.stderr) == (2, True)
    disk, secret = tmp_path / "disk", f"hush-{secrets.token_hex(8)}"
    disk.mkdir()
    lines = f"export NODE_DISK={disk} SECRET={secret}"
    outpost.set_up(local_scratch="$NODE_DISK", pre_rocket=lines)
    chunks = outpost.submit_labels(tmp_path)
    launcher = outpost.qlaunch("-m", "2", "--nlaunches", "infinite")
    for fw_id in chunks:
        desk.wait_for(fw_id, "COMPLETED")
    launcher.terminate()
    launcher.wait(30)
    assert labels(outpost) == {"completed": 24}
    launches = [launch for fw_id in chunks for launch in desk.launches(fw_id)]
    assert [launch["state"] for launch in launches] == ["COMPLETED"] * len(chunks)
    nodes = {node.name for node in vega.nodes}
    assert {launch["host"] for launch in launches} <= nodes
    assert all(0 < launch["runtime_secs"] < 60 for launch in launches)
    assert {label["made_by"]["host"] for label in desk.store.db["labels"].find()} <= nodes
    assert sum(len(outpost.results(fw_id)) for fw_id in chunks) == 24
    assert list(disk.iterdir()) == []
    # Nothing that lies about the work holds the password, nor does the database hold the site's lines.
    files = [path for folder in (vega.launches, vega.scratch) for path in folder.rglob("*") if path.is_file()]
    assert {"FW.json", "beamheat_ended.json"} <= {path.name for path in files}
    password = desk.site.mongod.password.encode()
    assert [path for path in files if password in path.read_bytes()] == []
    assert any(secret.encode() in path.read_bytes() for path in files if path.suffix == ".script")
    assert not [launch for launch in launches if secret in str(launch)]
    assert vega.doctor()["left"] == []


LABELS = 20
#: One chunk of labels that takes a second or more.
LARGE = {
    "structures__frames": LABELS,
    "structures__max_atoms": 400,
    "structures__supports": [{"kind": "fcc111", "element": "Cu", "repeat": [10, 10], "layers": 3}],
    "labelling__chunk_size": LABELS,
}


def test_walltime_and_kill_cost_neither_the_firework_nor_its_labels(outpost: Outpost, tmp_path: Path) -> None:
    """FireWorks' offline jobs leave their firework RESERVED for ever, and the next run begins again."""
    desk, vega = outpost.desk, outpost.cluster
    (chunk,) = outpost.submit_labels(tmp_path, **LARGE)
    launcher = outpost.qlaunch("-m", "1", "--nlaunches", "infinite")
    first = outpost.freeze(chunk, 2)
    # It shows no sign of life, and no doctor anywhere may take it for lost.
    assert vega.doctor("--fix")["mended"] == desk.clusters[0].doctor("--fix")["mended"] == []
    assert desk.firework(chunk)["state"] == "RESERVED"
    (warned,) = vega.queue()
    vega.login.run("scancel", "--signal=USR1", "--batch", warned)
    outpost.thaw()
    desk.wait(lambda: vega.queue() and warned not in vega.queue(), "the next job")
    second = outpost.freeze(chunk, len(outpost.results(chunk)))
    (killed,) = vega.queue()
    vega.login.run("scancel", "--signal=KILL", "--full", killed)
    desk.wait_for(chunk, "COMPLETED")
    launcher.terminate()
    launcher.wait(30)
    assert labels(outpost) == {"completed": LABELS}
    assert first.items() <= second.items() <= outpost.results(chunk).items()
    assert len(second) < LABELS, "it was killed when all was done"
    handed_over, lost, done = desk.launches(chunk)
    assert [launch["state"] for launch in (handed_over, lost, done)] == ["ARCHIVED", "FIZZLED", "COMPLETED"]
    assert "SIGUSR1" in handed_over["state_history"][-1]["reason"]
    assert handed_over["runtime_secs"] > 0
    assert lost["action"]["stored_data"]["_exception"]["_details"]["kind"] == "Lost"


def test_replaced_run_is_told_to_stop_and_nothing_is_brought_in_twice(
    outpost: Outpost, tmp_path: Path
) -> None:
    desk, node = outpost.desk, outpost.cluster.nodes[0]
    (chunk,) = outpost.submit_labels(tmp_path, **LARGE)
    worker = f"{outpost.cluster.folder}/my_fworker.yaml"
    command = ("beamheat", "rlaunch", "-w", worker, "singleshot", "--offline")
    old = Path(outpost.rlaunch("stage").strip())
    run = node.start_program(*command, cwd=old, log=old / "log")
    kept = outpost.freeze(chunk, 2)
    (launch,) = desk.launches(chunk)
    assert desk.launchpad.free_reservation(chunk, launch["launch_id"])
    assert "replaced staged run" in outpost.rlaunch("ingest")
    time.sleep(1.5)  # a heartbeat's time and a half: then the run has looked
    outpost.thaw()
    assert run.wait(30) == 0
    assert len(outpost.results(chunk)) < LABELS, "it was told when all was done"
    assert outpost.rlaunch("ingest") == ""
    assert (desk.firework(chunk)["state"], labels(outpost)) == ("READY", {"running": LABELS})

    new = Path(outpost.rlaunch("stage").strip())
    node.run(*command, cwd=new)
    assert "staged run ended" in outpost.rlaunch("ingest")
    assert (desk.firework(chunk)["state"], labels(outpost)) == ("COMPLETED", {"completed": LABELS})
    before = [desk.firework(chunk), desk.launches(chunk), list(desk.store.db["labels"].find())]
    node.run(*command, cwd=new)
    assert outpost.rlaunch("ingest") == ""
    assert [desk.firework(chunk), desk.launches(chunk), list(desk.store.db["labels"].find())] == before
    assert kept.items() <= outpost.results(chunk).items()
