"""The doctor against states that dead rockets leave: made by a real kill, or written as one leaves them."""

from __future__ import annotations

import datetime
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bench_tasks import ChildProgram, Sleep
from fireworks import Firework, FWAction
from rocket_bench import Bench, kill, wait_until

from beamheat_fw.doctor import Finding, examine, examine_and_fix
from beamheat_fw.doctor.rockets import MOST_LOST
from beamheat_fw.launch.completion import Completion
from beamheat_fw.launch.job_folder import JobFolder
from beamheat_fw.launch.lock import OwnedLock
from beamheat_fw.launch.owner import this_process
from beamheat_fw.store.database import Store

pytestmark = pytest.mark.mongod

A_DEAD_PROCESS = {**this_process(), "pid": 2**22 + 1, "started": 1}
LONG_AGO = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC).isoformat()


def found(bench: Bench, store: Store) -> list[Finding]:
    return list(examine(bench.launchpad, store, bench.folder / "scratch"))


def mend(bench: Bench, store: Store) -> list[str]:
    return [finding.kind for finding in examine_and_fix(bench.launchpad, store, bench.folder / "scratch")]


def start_sleeping(bench: Bench) -> tuple[int, Any]:
    """Add a firework that sleeps until there is a file `go`, start a rocket for it; return id and process."""
    mark = bench.folder / "mark"
    (fw_id,) = bench.add(Firework(Sleep(until=str(bench.folder / "go"), mark=str(mark))))
    rocket = bench.rlaunch("singleshot")
    bench.wait_for_mark(mark)
    return fw_id, rocket


def test_healthy_database_has_no_findings(bench: Bench, store: Store) -> None:
    parent = Firework(Sleep())
    bench.add(parent, Firework(Sleep(), parents=[parent]))
    assert found(bench, store) == []
    bench.rlaunch("rapidfire").wait(60)
    assert found(bench, store) == []


def test_live_rocket_is_left_alone(bench: Bench, store: Store) -> None:
    fw_id, rocket = start_sleeping(bench)
    assert mend(bench, store) == []
    (bench.folder / "go").touch()
    assert rocket.wait(60) == 0
    assert bench.state(fw_id) == "COMPLETED"


def test_killed_rocket_is_proven_dead_at_once_and_run_again(bench: Bench, store: Store) -> None:
    fw_id, rocket = start_sleeping(bench)
    kill(rocket)
    (bench.folder / "go").touch()
    assert [finding.kind for finding in found(bench, store)] == ["lost run"]
    assert mend(bench, store) == ["lost run"]
    assert mend(bench, store) == []
    assert bench.newest_launch(fw_id)["state"] == "FIZZLED"
    assert bench.rlaunch("rapidfire").wait(60) == 0
    assert bench.state(fw_id) == "COMPLETED"


def test_firework_that_kills_its_rockets_is_given_up(bench: Bench, store: Store) -> None:
    fw_id, rocket = start_sleeping(bench)
    kill(rocket)
    launch_id = bench.newest_launch(fw_id)["launch_id"]
    lost = {"action": {"stored_data": {"_exception": {"_details": {"kind": "Lost"}}}}}
    bench.launchpad.launches.insert_many(
        [{"launch_id": 1000 + n, "fw_id": fw_id, "state": "FIZZLED", **lost} for n in range(MOST_LOST - 1)]
    )
    assert mend(bench, store) == ["lost run"]
    assert bench.state(fw_id) == "FIZZLED"
    launch = bench.launchpad.launches.find_one({"launch_id": launch_id})
    assert "has ended" in launch["action"]["stored_data"]["_message"]


def test_rocket_of_another_machine_is_lost_by_its_silence_only(bench: Bench, store: Store) -> None:
    fw_id, rocket = start_sleeping(bench)
    kill(rocket)
    launch_id = bench.newest_launch(fw_id)["launch_id"]
    away = {"fworker.env.rocket.host": "elsewhere"}
    bench.launchpad.launches.update_one({"launch_id": launch_id}, {"$set": away})
    assert found(bench, store) == []
    bench.launchpad.launches.update_one(
        {"launch_id": launch_id}, {"$set": {"state_history.0.updated_on": LONG_AGO}}
    )
    assert mend(bench, store) == ["lost run"]
    assert bench.state(fw_id) == "READY"


def _claimed(bench: Bench, fw_id: int) -> None:
    bench.launchpad.fireworks.update_one(
        {"fw_id": fw_id}, {"$set": {"state": "RESERVED", "claim": {**A_DEAD_PROCESS, "token": "t"}}}
    )


def test_claim_without_launch_is_freed(bench: Bench, store: Store) -> None:
    (fw_id,) = bench.add(Firework(Sleep()))
    _claimed(bench, fw_id)
    assert mend(bench, store) == ["abandoned claim"]
    assert bench.state(fw_id) == "READY"


def test_claim_with_an_unlisted_launch_is_freed_and_the_launch_removed(bench: Bench, store: Store) -> None:
    (fw_id,) = bench.add(Firework(Sleep()))
    _claimed(bench, fw_id)
    bench.launchpad.launches.insert_one(
        {"launch_id": 77, "fw_id": fw_id, "state": "RUNNING", "fworker": {"env": {"rocket": {"token": "t"}}}}
    )
    assert mend(bench, store) == ["abandoned claim"]
    assert bench.launchpad.launches.count_documents({}) == 0


def test_claim_of_a_live_rocket_is_left_alone(bench: Bench, store: Store) -> None:
    (fw_id,) = bench.add(Firework(Sleep()))
    bench.launchpad.fireworks.update_one(
        {"fw_id": fw_id}, {"$set": {"state": "RESERVED", "claim": {**this_process(), "token": "t"}}}
    )
    assert found(bench, store) == []


def test_plain_claim_is_freed_by_its_age(bench: Bench, store: Store) -> None:
    (fw_id,) = bench.add(Firework(Sleep()))
    bench.launchpad.fireworks.update_one(
        {"fw_id": fw_id}, {"$set": {"state": "RESERVED", "updated_on": LONG_AGO}}
    )
    assert mend(bench, store) == ["abandoned claim"]


def test_lock_of_a_dead_process_is_broken_and_of_a_live_one_is_not(bench: Bench, store: Store) -> None:
    (fw_id,) = bench.add(Firework(Sleep()))
    with OwnedLock(bench.launchpad, fw_id):
        assert found(bench, store) == []
    bench.launchpad.workflows.update_one({"nodes": fw_id}, {"$set": {"locked": A_DEAD_PROCESS}})
    assert mend(bench, store) == ["dead lock"]
    assert "locked" not in bench.launchpad.workflows.find_one({"nodes": fw_id})


def test_plain_lock_is_watched_before_it_is_broken(bench: Bench, store: Store) -> None:
    (fw_id,) = bench.add(Firework(Sleep()))
    workflows = bench.launchpad.workflows
    workflows.update_one({"nodes": fw_id}, {"$set": {"locked": True}})
    assert mend(bench, store) == []
    assert "watched_since" in workflows.find_one({"nodes": fw_id})["locked"]
    assert mend(bench, store) == []
    workflows.update_one({"nodes": fw_id}, {"$set": {"locked.watched_since": LONG_AGO}})
    assert mend(bench, store) == ["abandoned lock"]
    assert "locked" not in workflows.find_one({"nodes": fw_id})


def test_child_left_waiting_by_a_cut_update_becomes_ready_with_its_parents_values(
    bench: Bench, store: Store
) -> None:
    parent = Firework(Sleep())
    first, second = bench.add(parent, Firework(Sleep(), parents=[parent]))
    before = bench.launchpad.workflows.find_one({"nodes": first})
    waiting = bench.launchpad.fireworks.find_one({"fw_id": second})
    bench.rlaunch("singleshot").wait(60)
    assert bench.state(second) == "READY"
    bench.launchpad.workflows.replace_one({"_id": before["_id"]}, before)
    bench.launchpad.fireworks.replace_one({"_id": waiting["_id"]}, waiting)
    assert mend(bench, store) == ["workflow out of step"]
    child = bench.launchpad.fireworks.find_one({"fw_id": second})
    assert child["state"] == "READY"
    assert child["spec"]["from_parent"] == "kept"
    assert bench.rlaunch("rapidfire").wait(60) == 0
    assert bench.launchpad.workflows.find_one({"nodes": first})["state"] == "COMPLETED"


def test_launch_that_ended_before_its_firework_heard_is_carried_on(bench: Bench, store: Store) -> None:
    (fw_id,) = bench.add(Firework(Sleep()))
    bench.rlaunch("singleshot").wait(60)
    bench.launchpad.fireworks.update_one({"fw_id": fw_id}, {"$set": {"state": "RUNNING"}})
    assert mend(bench, store)[0] == "unfinished update"
    assert bench.state(fw_id) == "COMPLETED"
    assert found(bench, store) == []


def test_orphan_of_a_killed_rocket_is_ended_by_the_next_one(bench: Bench, store: Store) -> None:
    scratch = bench.folder / "scratch"
    (fw_id,) = bench.add(Firework(ChildProgram(scratch=str(scratch), job_key="job", seconds="600")))
    rocket = bench.rlaunch("singleshot")
    folder = JobFolder(scratch, "job")
    orphan = wait_until(lambda: folder.read("child.json"), "the child program")
    kill(rocket)
    assert folder.is_locked()
    assert mend(bench, store) == ["lost run"]
    shorter = {"$set": {"spec._tasks.0.seconds": "0"}}
    bench.launchpad.fireworks.update_one({"fw_id": fw_id}, shorter)
    assert bench.rlaunch("singleshot").wait(60) == 0
    wait_until(lambda: not Path(f"/proc/{orphan}").exists(), "the orphan to be forgotten by its new parent")
    assert bench.state(fw_id) == "COMPLETED"


def test_two_doctors_rerun_a_lost_run_once(bench: Bench, store: Store) -> None:
    fw_id, rocket = start_sleeping(bench)
    kill(rocket)
    late = [finding.mend for finding in found(bench, store)]
    assert mend(bench, store) == ["lost run"]
    second = bench.rlaunch("singleshot")
    bench.wait_for_mark(bench.folder / "mark", 2)
    assert [_call(mend_late) for mend_late in late] == [False]
    (bench.folder / "go").touch()
    assert second.wait(60) == 0
    assert bench.state(fw_id) == "COMPLETED"


def _call(function: Callable[[], bool] | None) -> bool:
    assert function is not None
    return function()


def test_waiting_completion_is_applied_and_not_run_again(bench: Bench, store: Store) -> None:
    fw_id, rocket = start_sleeping(bench)
    kill(rocket, signal.SIGKILL)
    launch = bench.newest_launch(fw_id)
    action = FWAction(stored_data={"slept": True}).to_dict()
    Completion(launch["launch_id"], fw_id, "COMPLETED", action, bench.launchpad.name).write(
        Path(launch["launch_dir"])
    )
    assert mend(bench, store) == ["waiting completion"]
    assert bench.state(fw_id) == "COMPLETED"
    assert found(bench, store) == []
