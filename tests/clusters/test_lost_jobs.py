"""Jobs that Slurm signals, ends or starts again, or that are cut off: the work is done once.

Plain FireWorks dies of each signal and leaves the firework RUNNING for ever.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from bench_tasks import Sleep
from cluster_site import FW_CONFIG, Desk, Site
from fireworks import Firework

from beamheat_fw.launch.completion import FILE_NAME

pytestmark = [pytest.mark.mongod, pytest.mark.slow]


@pytest.fixture(scope="module")
def desk(site: Site) -> Iterator[Desk]:
    """One desk for all of them: their jobs are at work at the same time."""
    with site.desk("lost") as desk:
        # The silence of the job that is overdue on one cluster must mean nothing to the other one's doctor.
        desk.clusters[0].write("FW_config.yaml", FW_CONFIG | {"RUN_EXPIRATION_SECS": 600})
        yield desk


@pytest.fixture(scope="module", autouse=True)
def overdue(desk: Desk) -> int:
    """A firework on the other cluster whose job's time is up, as Slurm notices within half a minute."""
    hopper = desk.clusters[1]
    hopper.write_adapters(signal=None)
    task = Sleep(polls=False, until=str(desk.file(hopper, "overdue")))
    (fw_id,) = desk.add(Firework(task, spec={"_category": "md"}))
    hopper.qlaunch("singleshot")
    desk.wait_for(fw_id, "RUNNING")
    hopper.login.run("scontrol", "update", f"JobId={desk.job(fw_id)}", "EndTime=now")
    return fw_id


def test_scancel_of_a_running_job_hands_its_firework_over(desk: Desk) -> None:
    genoa = desk.clusters[0]
    mark, go = desk.file(genoa, "signals"), desk.file(genoa, "signalled")
    ids = {}
    for signal_name in ("TERM", "USR1"):
        task = Sleep(polls=True, mark=str(mark), until=str(go))
        (fw_id,) = desk.add(Firework(task, spec={"_category": "dft"}))
        ids[signal_name] = fw_id
        genoa.qlaunch("singleshot")
    for fw_id in ids.values():
        desk.wait_for(fw_id, "RUNNING")
    for signal_name, fw_id in ids.items():
        genoa.login.run("scancel", f"--signal={signal_name}", "--batch", desk.job(fw_id))
    for signal_name, fw_id in ids.items():
        desk.wait(lambda fw_id=fw_id: desk.launches(fw_id)[0]["state"] == "ARCHIVED", "an archived launch")
        (launch,) = desk.launches(fw_id)
        assert f"SIG{signal_name}" in launch["state_history"][-1]["reason"]
        assert desk.firework(fw_id)["state"] == "READY"
    desk.wait(lambda: not genoa.queue(), "the end of both jobs")
    go.touch()
    genoa.qlaunch("singleshot")
    for fw_id in ids.values():
        desk.wait_for(fw_id, "COMPLETED")
    assert mark.read_text() == "started\n" * 4


def test_cluster_that_is_cut_off_finishes_its_work_once(desk: Desk) -> None:
    """Plain FireWorks' heartbeat dies with the first lost ping; the live job is called lost and run twice."""
    hopper = desk.clusters[1]
    mark, go = desk.file(hopper, "mark"), desk.file(hopper, "cut-off")
    parent = Firework(Sleep(mark=str(mark), until=str(go)), spec={"_category": "md"})
    child = Firework(Sleep(), spec={"_category": "train"}, parents=[parent])
    first, second = desk.add(parent, child)
    hopper.qlaunch("singleshot")
    desk.wait(mark.exists, "the task's begin")
    desk.site.switch.cut_off(hopper.number)
    try:
        lost = f"launch {desk.launches(first)[0]['launch_id']}: no heartbeat"
        desk.wait(lambda: lost in desk.logs(), "a lost heartbeat")
        go.touch()
        desk.wait(lambda: list(hopper.launches.rglob(FILE_NAME)), "the end of a task that nobody hears of")
        assert desk.firework(first)["state"] == "RUNNING"
    finally:
        desk.site.switch.heal(hopper.number)
    desk.wait_for(first, "COMPLETED")
    desk.wait_for(second, "COMPLETED")
    assert mark.read_text() == "started\n"
    assert [len(desk.launches(fw_id)) for fw_id in (first, second)] == [1, 1]
    assert desk.firework(second)["spec"]["from_parent"] == "kept"


def test_requeued_job_leaves_its_firework_to_the_next_one(desk: Desk) -> None:
    """Plain FireWorks dies of the SIGTERM and leaves it RUNNING."""
    genoa = desk.clusters[0]
    go = desk.file(genoa, "requeued")
    (fw_id,) = desk.add(Firework(Sleep(polls=True, until=str(go)), spec={"_category": "dft"}))
    genoa.qlaunch("singleshot")
    desk.wait_for(fw_id, "RUNNING")
    job = desk.job(fw_id)
    genoa.login.run("scontrol", "requeue", job)
    desk.wait(lambda: genoa.queue().get(job) == "PENDING", "the job in the queue again")
    genoa.doctor("--fix")
    assert desk.firework(fw_id)["state"] == "READY"
    go.touch()
    genoa.qlaunch("singleshot")  # Slurm lets a requeued job wait for two minutes
    desk.wait_for(fw_id, "COMPLETED")
    states = [launch["state"] for launch in desk.launches(fw_id)]
    assert len(states) == 2
    assert states[1] == "COMPLETED"
    genoa.cancel_all()  # none of them may take the work of the next test


def test_process_of_a_failed_node_goes_on_and_writes_nothing(desk: Desk) -> None:
    """Plain FireWorks lets the process of the dead node write over its successor's result.

    Neither does it take the firework again, which the doctor would take away from it again.
    """
    genoa = desk.clusters[0]
    mark, go = desk.file(genoa, "mark"), desk.file(genoa, "failed")
    task = Sleep(polls=True, mark=str(mark), until=str(go))
    (fw_id,) = desk.add(Firework(task, spec={"_category": "dft"}))
    genoa.qlaunch("singleshot")
    desk.wait_for(fw_id, "RUNNING")
    job, name = desk.job(fw_id), desk.launches(fw_id)[0]["host"]
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
        go.touch()
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


def test_walltime_without_a_warning_costs_the_run_and_not_the_work(desk: Desk, overdue: int) -> None:
    """Plain FireWorks leaves it RUNNING until somebody looks for lost runs."""
    hopper, job = desk.clusters[1], desk.job(overdue)
    desk.wait(lambda: job not in hopper.queue(), "Slurm to end the job", 90.0)
    assert desk.firework(overdue)["state"] == "RUNNING"
    hopper.doctor("--fix")
    assert desk.firework(overdue)["state"] == "READY"
    desk.file(hopper, "overdue").touch()
    hopper.qlaunch("singleshot")
    desk.wait_for(overdue, "COMPLETED")
    assert [launch["state"] for launch in desk.launches(overdue)] == ["FIZZLED", "COMPLETED"]
