"""Several workers in one allocation: they share the cores, and all of them hear of its end."""

from __future__ import annotations

import signal

import pytest
from bench_tasks import Sleep
from fireworks import Firework
from rocket_bench import Bench

pytestmark = pytest.mark.mongod


@pytest.fixture
def running(bench: Bench) -> list[int]:
    """Two fireworks, run side by side by the last process of the bench."""
    ids = [bench.add(Firework(Sleep(seconds=60, polls=True)))[0] for _ in range(2)]
    bench.rlaunch("multi", "2", cores=5)
    for fw_id in ids:
        bench.wait_for(fw_id, "RUNNING")
    return ids


def test_signal_reaches_every_worker(bench: Bench, running: list[int]) -> None:
    (parent,) = bench.processes
    parent.send_signal(signal.SIGTERM)
    assert parent.wait(30) == 0, bench.log()
    for fw_id in running:
        launch = bench.newest_launch(fw_id)
        assert (bench.state(fw_id), launch["state"]) == ("READY", "ARCHIVED")
        assert "SIGTERM" in launch["state_history"][-1]["reason"]
        assert launch["fworker"]["env"]["cores"] == 2


def test_workers_hand_over_when_what_started_them_is_killed(bench: Bench, running: list[int]) -> None:
    """FireWorks' `rlaunch multi` leaves its fireworks RUNNING."""
    (parent,) = bench.processes
    parent.kill()
    for fw_id in running:
        bench.wait_for(fw_id, "READY")


def test_more_workers_than_cores_are_refused(bench: Bench) -> None:
    assert bench.rlaunch("multi", "6", cores=5).wait(30) == 2
    assert "more workers than cores" in bench.log()
