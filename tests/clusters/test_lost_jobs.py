"""Jobs that Slurm takes away and starts again: the work is done once, by whoever holds it last."""

from __future__ import annotations

import pytest
from bench_tasks import Sleep
from cluster_site import Desk
from fireworks import Firework

pytestmark = [pytest.mark.mongod, pytest.mark.slow]


def test_requeued_job_leaves_its_firework_to_the_next_one(desk: Desk) -> None:
    """Plain FireWorks dies of the SIGTERM and leaves it RUNNING."""
    genoa = desk.clusters[0]
    (fw_id,) = desk.add(Firework(Sleep(seconds=5, polls=True), spec={"_category": "dft"}))
    genoa.qlaunch("singleshot")
    desk.wait_for(fw_id, "RUNNING")
    (job,) = genoa.queue()
    genoa.login.run("scontrol", "requeue", job)
    desk.wait(lambda: genoa.queue().get(job) == "PENDING", "the job in the queue again")
    genoa.doctor("--fix")
    assert desk.firework(fw_id)["state"] == "READY"
    genoa.qlaunch("singleshot")  # Slurm lets a requeued job wait for two minutes
    desk.wait_for(fw_id, "COMPLETED")
    states = [launch["state"] for launch in desk.launches(fw_id)]
    assert len(states) == 2
    assert states[1] == "COMPLETED"


def test_process_of_a_failed_node_goes_on_and_writes_nothing(desk: Desk) -> None:
    """Plain FireWorks lets the process of the dead node write over its successor's result."""
    genoa = desk.clusters[0]
    mark = genoa.folder / "home" / f"mark-{desk.launchpad.name}"
    task = Sleep(seconds=12, polls=True, mark=str(mark))
    (fw_id,) = desk.add(Firework(task, spec={"_category": "dft"}))
    genoa.qlaunch("singleshot", adapter="my_qadapter_single")
    desk.wait_for(fw_id, "RUNNING")
    (job,) = genoa.queue()
    name = genoa.login.run("squeue", "-h", "-j", job, "-o", "%N").strip()
    node = next(node for node in genoa.nodes if node.name == name)
    genoa.slurm.kill_node(node)
    try:
        genoa.login.run("scontrol", "update", f"NodeName={name}", "State=DOWN", "Reason=failed")
        desk.wait(lambda: genoa.queue().get(job) in (None, "PENDING"), "Slurm to give the job up")
        assert "rlaunch" in node.run("ps", "-eo", "args"), "the old process should go on"
        mended = genoa.doctor("--fix")["mended"]
        assert [finding["kind"] for finding in mended] == ["lost run"]
        # Unless the requeued job has taken it already.
        genoa.qlaunch("singleshot", adapter="my_qadapter_single")
        desk.wait(lambda: len(desk.launches(fw_id)) == 2, "a second launch")
        desk.wait(lambda: "rlaunch" not in node.run("ps", "-eo", "args"), "the old process to give up")
        desk.wait_for(fw_id, "COMPLETED")
    finally:
        genoa.slurm.start_node(node)
        genoa.login.call("scontrol", "update", f"NodeName={name}", "State=RESUME")
        genoa.slurm.wait_for_nodes()
    old, new = desk.launches(fw_id)
    assert (old["state"], new["state"]) == ("FIZZLED", "COMPLETED")
    assert old["action"]["stored_data"]["_exception"]["_details"]["kind"] == "Lost"
    assert new["host"] != name
    assert mark.read_text() == "started\n" * 2


def test_walltime_without_a_warning_costs_the_run_and_not_the_work(desk: Desk) -> None:
    """Plain FireWorks leaves it RUNNING until somebody looks for lost runs."""
    genoa = desk.clusters[0]
    genoa.write_adapters(signal=None)
    (fw_id,) = desk.add(Firework(Sleep(seconds=1000, polls=False), spec={"_category": "dft"}))
    genoa.qlaunch("singleshot")
    desk.wait_for(fw_id, "RUNNING")
    (job,) = genoa.queue()
    genoa.login.run("scontrol", "update", f"JobId={job}", "EndTime=now")
    desk.wait(lambda: job not in genoa.queue(), "Slurm to end the job", 90.0)
    assert desk.firework(fw_id)["state"] == "RUNNING"
    genoa.doctor("--fix")
    assert desk.firework(fw_id)["state"] == "READY"
    desk.launchpad.fireworks.update_one({"fw_id": fw_id}, {"$set": {"spec._tasks.0.seconds": 0}})
    genoa.qlaunch("singleshot")
    desk.wait_for(fw_id, "COMPLETED")
    assert [launch["state"] for launch in desk.launches(fw_id)] == ["FIZZLED", "COMPLETED"]
