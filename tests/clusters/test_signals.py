"""What Slurm does to a job, real signals from a real queue: the work is handed over and finished once.

Plain FireWorks dies at each of them and leaves the firework RUNNING for ever.
"""

from __future__ import annotations

import time

import pytest
from bench_tasks import Sleep
from cluster_site import Desk
from fireworks import Firework

pytestmark = [pytest.mark.mongod, pytest.mark.slow]


@pytest.mark.parametrize("signal_name", ["TERM", "USR1"])
def test_scancel_of_a_running_job_hands_its_firework_over(desk: Desk, signal_name: str) -> None:
    genoa = desk.clusters[0]
    mark = genoa.folder / "home" / f"mark-{desk.launchpad.name}"
    task = Sleep(seconds=4, polls=True, mark=str(mark))
    (fw_id,) = desk.add(Firework(task, spec={"_category": "dft"}))
    genoa.qlaunch("singleshot")
    desk.wait_for(fw_id, "RUNNING")
    (job,) = genoa.queue()
    genoa.login.run("scancel", f"--signal={signal_name}", "--batch", job)
    desk.wait_for(fw_id, "READY")
    desk.wait(lambda: desk.launches(fw_id)[0]["state"] == "ARCHIVED", "the launch to be archived")
    (launch,) = desk.launches(fw_id)
    assert f"SIG{signal_name}" in launch["state_history"][-1]["reason"]
    genoa.qlaunch("singleshot")
    desk.wait_for(fw_id, "COMPLETED")
    assert mark.read_text() == "started\n" * 2


def test_cluster_that_is_cut_off_finishes_its_work_once(desk: Desk) -> None:
    """Plain FireWorks' heartbeat dies with the first lost ping; the live job is called lost and run twice."""
    hopper = desk.clusters[1]
    mark = hopper.folder / "home" / f"mark-{desk.launchpad.name}"
    parent = Firework(Sleep(seconds=6, mark=str(mark)), spec={"_category": "md"})
    child = Firework(Sleep(), spec={"_category": "train"}, parents=[parent])
    first, second = desk.add(parent, child)
    hopper.qlaunch("singleshot")
    desk.wait_for(first, "RUNNING")
    desk.site.switch.cut_off(hopper.number)
    try:
        time.sleep(9)  # heartbeats are lost, and the task ends while nobody can be told
        assert desk.firework(first)["state"] == "RUNNING"
    finally:
        desk.site.switch.heal(hopper.number)
    desk.wait_for(first, "COMPLETED")
    desk.wait_for(second, "COMPLETED")
    assert mark.read_text() == "started\n"
    assert [len(desk.launches(fw_id)) for fw_id in (first, second)] == [1, 1]
    assert desk.firework(second)["spec"]["from_parent"] == "kept"
