"""Real rockets, really killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from bench_tasks import Fail, Sleep, TooMuch
from fireworks import Firework, PyTask
from rocket_bench import Bench, kill, kill_server, wait_until

from beamheat_fw.launch.completion import FILE_NAME, Completion
from beamheat_fw.store.server.embedded import EmbeddedServer

pytestmark = pytest.mark.mongod

TASKS = Path(__file__).parents[1] / "rockets"


def test_rapidfire_works_a_chain_off_and_hands_specs_on(bench: Bench) -> None:
    parent = Firework(Sleep())
    first, second = bench.add(parent, Firework(Sleep(), parents=[parent]))
    assert bench.rlaunch("rapidfire").wait(60) == 0
    assert [bench.state(first), bench.state(second)] == ["COMPLETED", "COMPLETED"]
    child = bench.launchpad.fireworks.find_one({"fw_id": second})
    assert child["spec"]["from_parent"] == "kept"
    assert bench.newest_launch(first)["fworker"]["env"]["rocket"]["pid"] == bench.processes[0].pid
    assert not list(bench.folder.rglob(FILE_NAME))


def test_signal_hands_the_work_over_without_counting_a_failure(bench: Bench) -> None:
    mark, numbers = bench.folder / "mark", (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)
    task = Sleep(seconds=60, polls=True, mark=str(mark))
    ids = [bench.add(Firework(task))[0] for _ in numbers]
    rockets = [bench.rlaunch("rapidfire") for _ in numbers]
    bench.wait_for_mark(mark, len(numbers))
    for rocket, number in zip(rockets, numbers, strict=True):
        rocket.send_signal(number)
    assert [rocket.wait(60) for rocket in rockets] == [0, 0, 0], bench.log()
    assert [bench.state(fw_id) for fw_id in ids] == ["READY"] * 3
    for rocket, number in zip(rockets, numbers, strict=True):
        launch = bench.launchpad.launches.find_one({"fworker.env.rocket.pid": rocket.pid})
        assert launch["state"] == "ARCHIVED"
        assert number.name in launch["state_history"][-1]["reason"]
        assert launch["runtime_secs"] > 0  # it has cost its time, as plain FireWorks forgets


def test_second_sigterm_interrupts_a_task_that_does_not_poll(bench: Bench) -> None:
    mark = bench.folder / "mark"
    (fw_id,) = bench.add(Firework(Sleep(seconds=60, mark=str(mark))))
    rocket = bench.rlaunch("singleshot")
    bench.wait_for_mark(mark)
    rocket.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    assert kill(rocket, signal.SIGTERM) == 0
    assert bench.state(fw_id) == "READY"


def test_idle_worker_ends_at_once_when_asked(bench: Bench) -> None:
    rocket = bench.rlaunch("rapidfire", "--nlaunches", "infinite", "--sleep", "60")
    wait_until(lambda: "Sleeping for 60 secs" in bench.log(), "an idle worker")
    started = time.monotonic()
    assert kill(rocket, signal.SIGTERM) == 0
    assert time.monotonic() - started < 2


def test_deadline_hands_over_before_the_walltime(bench: Bench) -> None:
    mark = bench.folder / "mark"
    (fw_id,) = bench.add(Firework(Sleep(seconds=60, polls=True, mark=str(mark))))
    end = {"SLURM_JOB_END_TIME": str(int(time.time()) + 25)}
    rocket = bench.rlaunch("rapidfire", environ=end, handover_s=20)
    assert rocket.wait(30) == 0
    assert bench.state(fw_id) == "READY"
    assert mark.read_text() == "started\n"


def test_handed_over_work_is_finished_by_the_next_rocket(bench: Bench) -> None:
    mark, go = bench.folder / "mark", bench.folder / "go"
    (fw_id,) = bench.add(Firework(Sleep(until=str(go), polls=True, mark=str(mark))))
    rocket = bench.rlaunch("rapidfire")
    bench.wait_for_mark(mark)
    kill(rocket, signal.SIGTERM)
    go.touch()
    assert bench.rlaunch("rapidfire").wait(60) == 0
    assert bench.state(fw_id) == "COMPLETED"
    assert mark.read_text().count("started") == 2


def test_failure_is_fizzled_with_its_error(bench: Bench) -> None:
    (fw_id,) = bench.add(Firework(Fail(message="no luck")))
    assert bench.rlaunch("singleshot").wait(60) == 0
    assert bench.state(fw_id) == "FIZZLED"
    launch = bench.newest_launch(fw_id)
    assert "no luck" in launch["action"]["stored_data"]["_exception"]["_stacktrace"]


def test_firetask_that_is_not_allowed_is_refused_unimported(bench: Bench) -> None:
    mark = bench.folder / "imported"
    (bench.folder / "evil.py").write_text(f"open({str(mark)!r}, 'w')\n")
    (fw_id,) = bench.add(Firework(PyTask(func="os.getcwd")))
    bench.launchpad.fireworks.update_one(
        {"fw_id": fw_id}, {"$set": {"spec._tasks": [{"_fw_name": "{{evil.Task}}"}]}}
    )
    assert bench.rlaunch("rapidfire", environ={"PYTHONPATH": str(bench.folder)}).wait(60) == 0
    assert not mark.exists()
    firework = bench.launchpad.fireworks.find_one({"fw_id": fw_id})
    assert firework["state"] == "FIZZLED"
    assert firework["spec"]["_exception_details"]["values"]["name"] == "evil.Task"
    assert bench.launchpad.workflows.find_one({"nodes": fw_id})["state"] == "FIZZLED"


def test_class_named_in_a_launch_is_refused_unimported(bench: Bench) -> None:
    """Whoever writes to the database may write it into a launch's action, which FireWorks loads, too."""
    mark, go, imported = (bench.folder / name for name in ("mark", "go", "imported"))
    (bench.folder / "evil.py").write_text(f"open({str(imported)!r}, 'w')\n")
    (fw_id,) = bench.add(Firework(Sleep(until=str(go), mark=str(mark))))
    rocket = bench.rlaunch("singleshot", environ={"PYTHONPATH": f"{bench.folder}:{TASKS}"})
    bench.wait_for_mark(mark)
    poisoned = {"action": {"stored_data": {"x": {"_fw_name": "{{evil.Task}}"}}}}
    bench.launchpad.launches.update_one({"fw_id": fw_id}, {"$set": poisoned})
    go.touch()
    assert rocket.wait(60) == 0
    assert not imported.exists()
    assert bench.state(fw_id) == "RUNNING"
    assert "evil.Task" in bench.log()


def test_waiting_completion_that_names_other_code_is_not_loaded(bench: Bench) -> None:
    mark = bench.folder / "imported"
    (bench.folder / "evil.py").write_text(f"open({str(mark)!r}, 'w')\n")
    (fw_id,) = bench.add(Firework(Sleep(seconds=60, mark=str(bench.folder / "mark"))))
    rocket = bench.rlaunch("singleshot")
    bench.wait_for_mark(bench.folder / "mark")
    kill(rocket)
    launch = bench.newest_launch(fw_id)
    action = {"stored_data": {"x": {"_fw_name": "{{evil.Task}}"}}}
    Completion(launch["launch_id"], fw_id, "COMPLETED", action, bench.launchpad.name).write(
        Path(launch["launch_dir"])
    )
    assert bench.rlaunch("rapidfire", environ={"PYTHONPATH": f"{bench.folder}:{TASKS}"}).wait(60) == 0
    assert not mark.exists()
    assert bench.state(fw_id) == "RUNNING"
    assert "evil.Task" in bench.log()


def test_folder_with_an_action_of_unknown_origin_is_refused(bench: Bench) -> None:
    (bench.folder / "FWAction.json").write_text('{"stored_data": {"x": {"_fw_name": "{{evil.Task}}"}}}')
    (fw_id,) = bench.add(Firework(Sleep()))
    assert bench.rlaunch("singleshot").wait(60) == 2
    assert bench.state(fw_id) == "READY"
    assert "FWAction.json" in bench.log()


def test_completion_beyond_mongodb_is_a_named_failure(bench: Bench) -> None:
    parent = Firework(TooMuch())
    fw_id, child = bench.add(parent, Firework(Sleep(), parents=[parent]))
    assert bench.rlaunch("rapidfire").wait(60) == 0
    assert (bench.state(fw_id), bench.state(child)) == ("FIZZLED", "WAITING")
    details = bench.newest_launch(fw_id)["action"]["stored_data"]["_exception"]["_details"]
    assert details["values"]["action_MB"] == 17.0


def test_mongod_killed_during_a_task_and_at_its_completion_costs_nothing(
    fragile_bench: Bench, own_server: EmbeddedServer
) -> None:
    mark, go, goes_on = (fragile_bench.folder / name for name in ("mark", "go", "goes_on"))
    chains = []
    for until in (go, goes_on):
        parent = Firework(Sleep(until=str(until), mark=str(mark)))
        chains.append(fragile_bench.add(parent, Firework(Sleep(), parents=[parent])))
    rockets = [fragile_bench.rlaunch("rapidfire") for _ in chains]
    fragile_bench.wait_for_mark(mark, 2)
    silent = f"launch {fragile_bench.newest_launch(chains[1][0])['launch_id']}: no heartbeat"
    kill_server(own_server)
    go.touch()
    wait_until(lambda: list(fragile_bench.folder.rglob(FILE_NAME)), "the completion file")
    wait_until(lambda: silent in fragile_bench.log(), "a lost heartbeat of the other one")
    own_server.start()
    goes_on.touch()
    assert [rocket.wait(60) for rocket in rockets] == [0, 0], fragile_bench.log()
    assert [fragile_bench.state(fw_id) for chain in chains for fw_id in chain] == ["COMPLETED"] * 4
    assert mark.read_text() == "started\n" * 2


def test_completion_waits_for_the_next_rocket_beyond_the_outage_limit(
    fragile_bench: Bench, own_server: EmbeddedServer
) -> None:
    mark, go = fragile_bench.folder / "mark", fragile_bench.folder / "go"
    (fw_id,) = fragile_bench.add(Firework(Sleep(until=str(go), mark=str(mark))))
    rocket = fragile_bench.rlaunch("singleshot", outage_limit_s=1)
    fragile_bench.wait_for_mark(mark)
    kill_server(own_server)
    go.touch()
    rocket.wait(60)
    own_server.start()
    assert fragile_bench.state(fw_id) == "RUNNING"
    assert fragile_bench.rlaunch("rapidfire").wait(60) == 0
    assert fragile_bench.state(fw_id) == "COMPLETED"
    assert fragile_bench.newest_launch(fw_id)["action"]["stored_data"] == {"slept": True}
    assert mark.read_text() == "started\n"


def test_replaced_rocket_stops_and_writes_nothing(bench: Bench) -> None:
    mark, go = bench.folder / "mark", bench.folder / "go"
    (fw_id,) = bench.add(Firework(Sleep(until=str(go), mark=str(mark))))
    replaced = bench.rlaunch("singleshot")
    bench.wait_for_mark(mark)
    old = bench.newest_launch(fw_id)["launch_id"]
    assert bench.launchpad.rerun_if(fw_id, {"launches": old})
    new = bench.rlaunch("singleshot")
    bench.wait_for_mark(mark, 2)
    go.touch()
    assert (replaced.wait(60), new.wait(60)) == (0, 0)
    firework = bench.launchpad.fireworks.find_one({"fw_id": fw_id})
    assert firework["state"] == "COMPLETED"
    assert old not in firework["launches"]
    assert bench.launchpad.launches.find_one({"launch_id": old})["action"] is None


def test_plain_commands_work_on_the_same_launchpad(bench: Bench) -> None:
    first, second = [bench.add(Firework(Sleep()))[0] for _ in range(2)]
    programs = Path(sys.executable).parent
    plain = [str(programs / "rlaunch"), "-l", str(bench.launchpad_file), "singleshot"]
    rockets = [bench.start([*plain, "-f", str(second)]), bench.rlaunch("singleshot", "-f", str(first))]
    assert [rocket.wait(60) for rocket in rockets] == [0, 0], bench.log()
    assert (bench.state(first), bench.state(second)) == ("COMPLETED", "COMPLETED")
    listed = subprocess.run(
        [str(programs / "lpad"), "-l", str(bench.launchpad_file), "get_fws", "-d", "count"],
        capture_output=True,
        text=True,
        cwd=bench.folder,
        check=True,
    )
    assert listed.stdout.strip().endswith("2")
