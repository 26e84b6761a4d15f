"""A rocket is killed at every single write it makes; the doctor and the next rocket come to the same end.

Among these points are the claim without a launch, the launch without a firework, the lock without an owner
and the fireworks without their workflow, at which plain FireWorks stays RESERVED, LOCKED or WAITING for ever.
"""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest
import yaml
from bench_tasks import Sleep
from fireworks import Firework, FWorker
from pymongo import monitoring
from rocket_bench import Bench

from beamheat_fw.doctor import examine, examine_and_fix
from beamheat_fw.launch import rockets
from beamheat_fw.launch.launchpad import SurvivingLaunchPad
from beamheat_fw.store.database import Store

pytestmark = pytest.mark.mongod

WRITES = ("insert", "update", "delete", "findAndModify", "commitTransaction")
WORKER = {"allowed_tasks": ["bench_tasks"]}


class KilledAtWrite(monitoring.CommandListener):
    """Kills this process with SIGKILL when it is about to make its n-th write."""

    def __init__(self, number: int) -> None:
        self.left = number

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if event.command_name in WRITES:
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        """Nothing to do."""

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """Nothing to do."""


def run_rocket(bench: Bench, killed_at_write: int | None = None) -> int:
    """Run one rocket in a forked process; return 0, or the signal that ended it."""
    pid = os.fork()
    if pid:
        _, status = os.waitpid(pid, 0)
        return os.waitstatus_to_exitcode(status)
    try:
        settings: dict[str, Any] = yaml.safe_load(bench.launchpad_file.read_text()) | {"strm_lvl": "CRITICAL"}
        if killed_at_write is not None:
            settings["mongoclient_kwargs"] = {"event_listeners": [KilledAtWrite(killed_at_write)]}
        os.chdir(bench.folder)
        rockets.singleshot(SurvivingLaunchPad.from_dict(settings), FWorker(env=WORKER), loglvl="CRITICAL")
        os._exit(0)
    finally:
        os._exit(1)


@pytest.fixture
def quick_bench(fragile_bench: Bench) -> Bench:
    """A bench whose server soon gives up the transaction of a killed client."""
    admin = fragile_bench.launchpad.connection.admin
    admin.command({"setParameter": 1, "transactionLifetimeLimitSeconds": 1})
    return fragile_bench


def outcome(bench: Bench, ids: list[int]) -> dict[str, Any]:
    """Return what a workflow came to, without times and ids."""
    fireworks = [bench.launchpad.fireworks.find_one({"fw_id": fw_id}) for fw_id in ids]
    workflow = bench.launchpad.workflows.find_one({"nodes": ids[0]})
    return {
        "states": [firework["state"] for firework in fireworks],
        "noted": [workflow["fw_states"][str(fw_id)] for fw_id in ids],
        "workflow": workflow["state"],
        "locked": "locked" in workflow,
        "claims": ["claim" in firework for firework in fireworks],
        "from_parent": fireworks[1]["spec"].get("from_parent"),
        "launches": [len(firework["launches"]) for firework in fireworks],
    }


def chain(bench: Bench) -> list[int]:
    parent = Firework(Sleep())
    return bench.add(parent, Firework(Sleep(), parents=[parent]))


def test_rocket_killed_at_any_write_changes_nothing_in_the_end(quick_bench: Bench) -> None:
    store = Store.from_launchpad(quick_bench.launchpad)
    scratch = quick_bench.folder / "scratch"
    calm_ids = chain(quick_bench)
    assert (run_rocket(quick_bench), run_rocket(quick_bench)) == (0, 0)
    calm = outcome(quick_bench, calm_ids)
    assert calm["states"] == ["COMPLETED", "COMPLETED"]
    kills = 0
    for number in range(1, 100):
        ids = chain(quick_bench)
        status = run_rocket(quick_bench, killed_at_write=number)
        if status == -signal.SIGKILL:
            kills += 1
        examine_and_fix(quick_bench.launchpad, store, scratch)
        while quick_bench.launchpad.run_exists():
            assert run_rocket(quick_bench) == 0
        assert outcome(quick_bench, ids) == calm, f"killed at write {number}"
        assert list(examine(quick_bench.launchpad, store, scratch)) == [], f"killed at write {number}"
        if status == 0:
            break
    print(f"{kills} kills")
    assert kills > 10
