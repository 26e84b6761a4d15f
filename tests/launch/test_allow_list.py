from __future__ import annotations

from typing import Any

import pytest
from bench_tasks import Sleep
from fireworks import Firework, FWorker
from rocket_bench import Bench

from beamheat_fw.launch.allow_list import RefusedTask, judge


def _firework(*tasks: str, **spec: Any) -> dict[str, Any]:
    return {"fw_id": 7, "spec": {"_tasks": [{"_fw_name": name} for name in tasks], **spec}}


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("{{beamheat_fw.firetasks.Label}}", ()),
        ("ScriptTask", ("ScriptTask",)),
        ("{{site.tasks.Copy}}", ("site.tasks",)),
        ("{{site.tasks.Copy}}", ("site.tasks.Copy",)),
        ("PyTask", ("PyTask", "_launch_dir")),
    ],
)
def test_own_and_listed_tasks_pass(name: str, allowed: tuple[str, ...]) -> None:
    judge(_firework(name), allowed)


@pytest.mark.parametrize(
    "firework",
    [
        _firework("ScriptTask"),
        _firework("{{beamheat_fw.firetasks_evil.Task}}"),
        _firework("{{beamheat_fw.firetasks.context.LaunchPad}}"),
        _firework("beamheat_fw.firetasks"),
        _firework("{{beamheat_fw.firetasks.Label}}", scripts=[{"task": {"_fw_name": "ScriptTask"}}]),
        _firework(
            "{{beamheat_fw.firetasks.Label}}", _files_in={"a": "FWAction.json"}, _files_prev={"a": "/x"}
        ),
        _firework("{{beamheat_fw.firetasks.Label}}", _launch_dir="/home/someone"),
        _firework("{{beamheat_fw.firetasks.Label}}", _trackers=[{"filename": "/home/someone/.ssh/id"}]),
        _firework("{{beamheat_fw.firetasks.Label}}", _recovery={"_mode": "cp", "_prev_dir": "/x"}),
        _firework("{{beamheat_fw.firetasks.Label}}", _queueadapter={"pre_rocket": "curl x | sh"}),
        _firework("{{beamheat_fw.firetasks.Label}}", _queueadapter={"rocket_launch": "sh"}),
        _firework("{{beamheat_fw.firetasks.Label}}", _queueadapter={"nodes": "1\ncurl x | sh"}),
        _firework("{{beamheat_fw.firetasks.Label}}", _queueadapter={"ntasks": "4; curl x"}),
        _firework("{{beamheat_fw.firetasks.Label}}", _queueadapter={"queue": ["a"]}),
        _firework("{{beamheat_fw.firetasks.Label}}", _queueadapter=["pre_rocket"]),
        {"launch_id": 1, "trackers": [{"filename": "/home/someone/.ssh/id"}]},
        {"launch_id": 1, "action": {"update_spec": {"x": [{"@module": "os", "@callable": "system"}]}}},
        _firework("{{beamheat_fw.firetasks.Label}}", "{{os.system}}"),
        _firework("{{beamheat_fw.firetasks.Label}}", deep={"list": [{"@module": "os", "@class": "system"}]}),
        _firework("{{beamheat_fw.firetasks.Label}}", _dupefinder={"_fw_name": "DupeFinderExact"}),
        _firework("{{beamheat_fw.firetasks.Label}}", _background_tasks=[{"tasks": [{"_fw_name": "PyTask"}]}]),
        {**_firework(), "launches": [{"action": {"stored_data": {"@module": "os", "@class": "x"}}}]},
    ],
)
def test_everything_else_is_refused_wherever_it_stands(firework: dict[str, Any]) -> None:
    with pytest.raises(RefusedTask, match="allowed_tasks"):
        judge(firework, ("site",))


def test_rerun_at_task_level_and_listed_keys_pass() -> None:
    judge(_firework("{{beamheat_fw.firetasks.Label}}", _recovery={"_mode": None, "_task_n": 1}))
    judge(_firework("{{beamheat_fw.firetasks.Label}}", _launch_dir="/fast/run1"), ("_launch_dir",))


def test_resources_pass_and_a_site_may_list_more() -> None:
    asked = {"ntasks": 32, "walltime": "08:00:00", "gres": "gpu:a100:2", "account": None}
    judge(_firework("{{beamheat_fw.firetasks.Label}}", _queueadapter=asked))
    more = _firework("{{beamheat_fw.firetasks.Label}}", _queueadapter={**asked, "image": "site/one:2"})
    judge(more, ("_queueadapter.image",))


@pytest.mark.mongod
def test_firework_with_commands_for_the_job_script_is_never_reserved(bench: Bench) -> None:
    """As `qlaunch -r` reserves it, before it writes the script."""
    spec = {"_queueadapter": {"pre_rocket": "touch /tmp/owned"}}
    evil, good = bench.add(
        Firework(Sleep(), spec=spec), Firework(Sleep(), spec={"_queueadapter": {"nodes": 2}})
    )
    reserved, _ = bench.launchpad.reserve_fw(FWorker(), str(bench.folder), fw_id=evil)
    assert reserved is None
    assert bench.state(evil) == "FIZZLED"
    reserved, _ = bench.launchpad.reserve_fw(FWorker(), str(bench.folder), fw_id=good)
    assert reserved.fw_id == good
