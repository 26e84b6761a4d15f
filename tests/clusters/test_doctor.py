"""The doctor asks the queue: what Slurm has no job for is freed, what it has one for is left alone."""

from __future__ import annotations

from typing import Any

import pytest
from bench_tasks import Sleep
from cluster_site import Desk
from fireworks import Firework

pytestmark = [pytest.mark.mongod, pytest.mark.slow]


def kinds(findings: list[dict[str, Any]]) -> list[str]:
    return [finding["kind"] for finding in findings]


def test_cancelled_reservation_is_freed_and_a_waiting_one_is_not(desk: Desk) -> None:
    """Plain FireWorks leaves it RESERVED; its detect_unreserved goes by age and frees waiting jobs too."""
    genoa, hopper = desk.clusters
    ids = [desk.add(Firework(Sleep(), spec={"_category": "dft"}))[0] for _ in range(2)]
    genoa.login.run("scontrol", "update", "PartitionName=batch", "State=DOWN")
    try:
        for _ in ids:
            genoa.qlaunch("-r", "singleshot", adapter="my_qadapter_single")
        first, _ = sorted(genoa.queue(), key=int)
        genoa.login.run("scancel", first)
        assert hopper.doctor("--fix")["mended"] == []
        assert kinds(genoa.doctor()["left"]) == ["cancelled job"]
        assert kinds(genoa.doctor("--fix")["mended"]) == ["cancelled job"]
        assert [desk.firework(fw_id)["state"] for fw_id in ids] == ["READY", "RESERVED"]
    finally:
        genoa.login.run("scontrol", "update", "PartitionName=batch", "State=UP")
    desk.wait_for(ids[1], "COMPLETED")
    genoa.qlaunch("singleshot")
    desk.wait_for(ids[0], "COMPLETED")
    assert genoa.doctor()["left"] == []


def test_job_killed_without_warning_is_run_again_and_a_live_one_is_not(desk: Desk) -> None:
    """Plain FireWorks leaves it RUNNING until its silence has become long enough."""
    genoa = desk.clusters[0]
    go = desk.file(genoa, "go")
    ids = [desk.add(Firework(Sleep(until=str(go)), spec={"_category": "dft"}))[0] for _ in range(2)]
    for fw_id in ids:
        genoa.qlaunch("singleshot")
        desk.wait_for(fw_id, "RUNNING")
    killed = desk.job(ids[0])
    genoa.login.run("scancel", "--signal=KILL", "--full", killed)
    desk.wait(lambda: killed not in genoa.queue(), "the end of the job")
    assert kinds(genoa.doctor("--fix")["mended"]) == ["lost run"]
    assert [desk.firework(fw_id)["state"] for fw_id in ids] == ["READY", "RUNNING"]
    go.touch()
    genoa.qlaunch("singleshot")
    for fw_id in ids:
        desk.wait_for(fw_id, "COMPLETED")
    assert len(desk.launches(ids[1])) == 1


def test_claim_of_a_job_that_ended_is_freed_at_once_and_of_a_live_one_is_not(desk: Desk) -> None:
    """As a kill between claim and launch leaves it, on a node that the login machine cannot look into."""
    genoa, hopper = desk.clusters
    task = Sleep(polls=True, until=str(desk.file(genoa, "never")))
    (live,) = desk.add(Firework(task, spec={"_category": "dft"}))
    (done,) = desk.add(Firework(Sleep(), spec={"_category": "dft"}))
    for fw_id, state in ((live, "RUNNING"), (done, "COMPLETED")):
        genoa.qlaunch("singleshot")
        desk.wait_for(fw_id, state)
    owners = [desk.launches(fw_id)[0]["fworker"]["env"]["rocket"] for fw_id in (live, done)]
    desk.wait(lambda: owners[1]["job"] not in genoa.queue(), "the end of the job")
    claimed = [desk.add(Firework(Sleep(), spec={"_category": "dft"}))[0] for _ in owners]
    for fw_id, owner in zip(claimed, owners, strict=True):
        change = {"$set": {"state": "RESERVED", "claim": owner}}
        desk.launchpad.fireworks.update_one({"fw_id": fw_id}, change)
    assert hopper.doctor("--fix")["mended"] == []
    assert kinds(genoa.doctor("--fix")["mended"]) == ["abandoned claim"]
    assert [desk.firework(fw_id)["state"] for fw_id in claimed] == ["RESERVED", "READY"]
