"""Nodes without a route to the database: staged, run by a folder alone, brought in; nothing lost or twice."""

from __future__ import annotations

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
    # Everything that lies about the work holds no password.
    files = [path for folder in (vega.launches, vega.scratch) for path in folder.rglob("*") if path.is_file()]
    assert {"FW.json", "beamheat_ended.json"} <= {path.name for path in files}
    secret = desk.site.mongod.password.encode()
    assert [path for path in files if secret in path.read_bytes()] == []
    assert vega.doctor()["left"] == []


def test_walltime_and_kill_cost_neither_the_firework_nor_its_labels(outpost: Outpost, tmp_path: Path) -> None:
    """FireWorks' offline jobs leave their firework RESERVED for ever, and the next run begins again."""
    desk, vega = outpost.desk, outpost.cluster
    (chunk,) = outpost.submit_labels(tmp_path, structures__frames=300, labelling__chunk_size=1000)
    launcher = outpost.qlaunch("-m", "1", "--nlaunches", "infinite")
    desk.wait(lambda: len(outpost.results(chunk)) > 5, "the first labels")
    (warned,) = vega.queue()
    vega.login.run("scontrol", "suspend", warned)
    first = outpost.results(chunk)
    # It shows no sign of life, and no worker anywhere may take it for lost.
    assert vega.doctor("--fix")["mended"] == desk.clusters[0].doctor("--fix")["mended"] == []
    assert desk.firework(chunk)["state"] == "RESERVED"
    vega.login.run("scancel", "--signal=USR1", "--batch", warned)
    vega.login.run("scontrol", "resume", warned)
    desk.wait(lambda: len(outpost.results(chunk)) > len(first) + 5, "more labels")
    desk.wait(lambda: vega.queue() and warned not in vega.queue(), "the next job")
    desk.wait(lambda: "RUNNING" in vega.queue().values(), "its start")
    (killed,) = vega.queue()
    vega.login.run("scontrol", "suspend", killed)
    second = outpost.results(chunk)
    vega.login.run("scancel", "--signal=KILL", "--full", killed)
    desk.wait_for(chunk, "COMPLETED")
    launcher.terminate()
    launcher.wait(30)
    assert labels(outpost) == {"completed": 300}
    assert first.items() <= second.items() <= outpost.results(chunk).items()
    assert len(second) < 300, "it was killed when all was done"
    handed_over, lost, done = desk.launches(chunk)
    assert [launch["state"] for launch in (handed_over, lost, done)] == ["ARCHIVED", "FIZZLED", "COMPLETED"]
    assert "SIGUSR1" in handed_over["state_history"][-1]["reason"]
    assert handed_over["runtime_secs"] > 0
    assert lost["action"]["stored_data"]["_exception"]["_details"]["kind"] == "Lost"


def test_replaced_run_is_told_to_stop_and_nothing_is_brought_in_twice(
    outpost: Outpost, tmp_path: Path
) -> None:
    desk, node = outpost.desk, outpost.cluster.nodes[0]
    (chunk,) = outpost.submit_labels(tmp_path, structures__frames=300, labelling__chunk_size=1000)
    command = (
        "beamheat",
        "rlaunch",
        "-w",
        f"{outpost.cluster.folder}/my_fworker.yaml",
        "singleshot",
        "--offline",
    )
    old = Path(outpost.rlaunch("stage").strip())
    run = node.start_program(*command, cwd=old, log=old / "log")
    desk.wait(lambda: len(outpost.results(chunk)) > 5, "the first labels")
    (program,) = (
        line.split()[0] for line in node.run("ps", "-eo", "pid,args").splitlines() if "labelling" in line
    )
    node.kill(program, "STOP")
    (launch,) = desk.launches(chunk)
    assert desk.launchpad.free_reservation(chunk, launch["launch_id"])
    assert "replaced staged run" in outpost.rlaunch("ingest")
    time.sleep(3)  # a heartbeat's time and a half: then the run has looked
    node.kill(program, "CONT")
    assert run.wait(30) == 0
    kept = outpost.results(chunk)
    assert 5 < len(kept) < 300
    assert outpost.rlaunch("ingest") == ""
    assert (desk.firework(chunk)["state"], labels(outpost)) == ("READY", {"running": 300})

    new = Path(outpost.rlaunch("stage").strip())
    node.run(*command, cwd=new)
    assert "staged run ended" in outpost.rlaunch("ingest")
    assert (desk.firework(chunk)["state"], labels(outpost)) == ("COMPLETED", {"completed": 300})
    before = [desk.firework(chunk), desk.launches(chunk), list(desk.store.db["labels"].find())]
    for again in (old, new):
        node.run(*command, cwd=again)
    assert outpost.rlaunch("ingest") == ""
    assert [desk.firework(chunk), desk.launches(chunk), list(desk.store.db["labels"].find())] == before
    assert kept.items() <= outpost.results(chunk).items()
