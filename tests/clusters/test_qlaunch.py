"""`beamheat qlaunch` on a real Slurm: never too many jobs, and the truth about refusals."""

from __future__ import annotations

import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from bench_tasks import Sleep
from cluster_site import Desk
from fireworks import Firework

pytestmark = [pytest.mark.mongod, pytest.mark.slow]


def test_no_more_jobs_are_submitted_than_there_is_work_for(desk: Desk) -> None:
    """Plain qlaunch rapidfire without -m submitted 1115 jobs in 8 s for one ready firework."""
    genoa = desk.clusters[0]
    ids = [desk.add(Firework(Sleep(), spec={"_category": "dft"}))[0] for _ in range(5)]
    genoa.login.run("scontrol", "update", "PartitionName=batch", "State=DOWN")
    try:
        launcher = genoa.start_beamheat_qlaunch("rapidfire", "--per-job", "2", "--sleep", "0.05")
        desk.wait(lambda: len(genoa.queue()) == 3, "three jobs for five fireworks, two for each")
        time.sleep(2)  # a dozen rounds
        assert len(genoa.queue()) == 3
    finally:
        genoa.login.run("scontrol", "update", "PartitionName=batch", "State=UP")
    for fw_id in ids:
        desk.wait_for(fw_id, "COMPLETED")
    assert launcher.wait(30) == 0
    assert {len(desk.launches(fw_id)) for fw_id in ids} == {1}


def test_campaigns_resources_reach_the_queue_and_the_bound_holds(desk: Desk) -> None:
    genoa = desk.clusters[0]
    asked = {"_category": "dft", "_queueadapter": {"ntasks": 3, "walltime": "01:30:00"}}
    ids = [desk.add(Firework(Sleep(), spec=asked))[0] for _ in range(3)]
    genoa.login.run("scontrol", "update", "PartitionName=batch", "State=DOWN")
    try:
        launcher = genoa.start_beamheat_qlaunch("-r", "rapidfire", "-m", "2", "--sleep", "0.2")
        desk.wait(lambda: len(genoa.queue()) == 2, "two jobs")
        time.sleep(2)
        shown = genoa.login.run("squeue", "-h", "-o", "%C %l").splitlines()
        assert shown == ["3 1:30:00"] * 2
        assert sorted(desk.firework(fw_id)["state"] for fw_id in ids) == ["READY", "RESERVED", "RESERVED"]
        (killed, _) = genoa.queue()
        genoa.login.run("scancel", killed)
        # Its own doctor frees the cancelled one, and a new job takes it.
        desk.wait(lambda: len(genoa.queue()) == 2 and killed not in genoa.queue(), "a job in its place")
    finally:
        genoa.login.run("scontrol", "update", "PartitionName=batch", "State=UP")
    for fw_id in ids:
        desk.wait_for(fw_id, "COMPLETED")
    assert launcher.wait(30) == 0
    for fw_id in ids:
        assert [launch["state"] for launch in desk.launches(fw_id)].count("COMPLETED") == 1


def test_refusing_scheduler_is_an_exit_status_and_holds_no_firework(desk: Desk) -> None:
    """Plain qlaunch exits with status 0."""
    genoa, hopper = desk.clusters
    launchers, ids = [], []
    for cluster, category, options in ((genoa, "dft", []), (hopper, "md", ["-r"])):
        ids += desk.add(Firework(Sleep(), spec={"_category": category}))
        cluster.write_adapters(queue="nowhere")
        launchers.append(cluster.start_beamheat_qlaunch(*options, "rapidfire", "--refusals", "2"))
    assert [launcher.wait(60) for launcher in launchers] == [1, 1]
    for cluster in desk.clusters:
        said = cluster.log.read_text()
        assert "invalid partition" in said
        assert "Traceback" not in said
    assert [desk.firework(fw_id)["state"] for fw_id in ids] == ["READY", "READY"]
    genoa.write_adapters()
    assert genoa.start_beamheat_qlaunch("rapidfire").wait(60) == 0
    assert desk.firework(ids[0])["state"] == "COMPLETED"


def test_adapter_that_does_not_fit_is_bad_input(desk: Desk) -> None:
    genoa = desk.clusters[0]

    def refuse(adapter: str) -> subprocess.CompletedProcess[str]:
        return genoa.login.call("beamheat", "qlaunch", "-q", f"{genoa.folder}/{adapter}", "rapidfire")

    with ThreadPoolExecutor() as pool:
        for done in pool.map(refuse, ("hosts", "my_fworker.yaml", "absent.yaml")):
            assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
