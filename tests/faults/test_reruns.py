"""Running again what was cut off or failed: nothing doubled, nothing forgotten."""

from __future__ import annotations

import pytest
from bench_tasks import InsertStep, Sleep
from fireworks import Firework
from rocket_bench import Bench, kill

from beamheat_fw.doctor import examine_and_fix
from beamheat_fw.store.database import Store

pytestmark = pytest.mark.mongod


def test_rerun_of_a_firework_that_inserts_work_never_doubles_it(bench: Bench) -> None:
    """Plain FireWorks keeps the old additions and adds new ones at each rerun."""
    (fw_id,) = bench.add(Firework(InsertStep(step_key="campaign/1/learn")))
    for _ in range(3):
        assert bench.rlaunch("rapidfire").wait(60) == 0
        assert bench.state(fw_id) == "COMPLETED"
        bench.launchpad.rerun_fw(fw_id)
    assert bench.launchpad.workflows.count_documents({"metadata.step_key": "campaign/1/learn"}) == 1
    assert bench.launchpad.fireworks.count_documents({}) == 2


def test_firework_killed_in_its_second_task_sees_the_first_ones_values_again(
    bench: Bench, store: Store
) -> None:
    """Plain FireWorks' rerun --task-level forgets what the first task had put into the spec."""
    mark, go = bench.folder / "mark", bench.folder / "go"
    tasks = [Sleep(), Sleep(until=str(go), mark=str(mark), needs="from_parent")]
    (fw_id,) = bench.add(Firework(tasks))
    rocket = bench.rlaunch("singleshot")
    bench.wait_for_mark(mark)
    kill(rocket)
    examine_and_fix(bench.launchpad, store, bench.folder / "scratch")
    go.touch()
    assert bench.rlaunch("singleshot").wait(60) == 0
    assert bench.state(fw_id) == "COMPLETED"


def test_rerun_at_task_level_sees_the_earlier_tasks_values(bench: Bench) -> None:
    """Plain FireWorks starts the second task without what the first one had put into the spec."""
    mark = bench.folder / "mark"
    tasks = [Sleep(), Sleep(seconds=60, polls=True, mark=str(mark), needs="from_parent")]
    (fw_id,) = bench.add(Firework(tasks))
    rocket = bench.rlaunch("singleshot")
    bench.wait_for_mark(mark)
    kill(rocket)
    bench.launchpad.rerun_fw(fw_id, recover_launch="last")
    assert bench.launchpad.fireworks.find_one({"fw_id": fw_id})["spec"]["_recovery"]["_task_n"] == 1
    bench.launchpad.fireworks.update_one({"fw_id": fw_id}, {"$set": {"spec._tasks.1.seconds": 0}})
    assert bench.rlaunch("singleshot").wait(60) == 0
    assert bench.state(fw_id) == "COMPLETED", bench.log()
    assert bench.launchpad.fireworks.find_one({"fw_id": fw_id})["spec"].get("from_parent") is None


def test_full_disk_at_completion_does_not_cost_the_result(bench: Bench) -> None:
    """No file can be written any more when the task ends; the database still takes the result."""
    (fw_id,) = bench.add(Firework(Sleep(disk_full=True)))
    bench.rlaunch("singleshot").wait(60)
    assert bench.state(fw_id) == "COMPLETED"
