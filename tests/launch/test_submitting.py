"""When the loop that submits jobs ends; whole clusters are in tests/clusters."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from bench_tasks import Sleep
from fireworks import Firework, FWorker
from fireworks.user_objects.queue_adapters.common_adapter import CommonAdapter
from rocket_bench import Bench

from beamheat_fw.launch.scheduler import Queue, Scheduler
from beamheat_fw.launch.submitting import Submission, Submitter

pytestmark = pytest.mark.mongod


@dataclass(frozen=True)
class EndedJobs(Scheduler):
    """A queue that lists none of the jobs it took."""

    name: str = "genoa"

    def look(self) -> Queue:
        """Return no jobs."""
        return Queue(self.name, {})


def _submitter(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Submitter:
    programs = bench.folder / "programs"
    programs.mkdir()
    sbatch = programs / "sbatch"
    sbatch.write_text("#!/bin/sh\necho Submitted batch job 7\n")
    sbatch.chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    adapter = CommonAdapter("SLURM", "genoa", rocket_launch="beamheat rlaunch singleshot")
    return Submitter(bench.launchpad, FWorker("genoa"), adapter, EndedJobs(), bench.folder)


def _reserve(bench: Bench, folder: Path) -> tuple[int, int]:
    (fw_id,) = bench.add(Firework(Sleep()))
    _, launch_id = bench.launchpad.reserve_fw(FWorker("genoa"), str(folder))
    assert (bench.state(fw_id), launch_id) == ("RESERVED", 1)
    return fw_id, launch_id


def test_job_lost_during_the_last_round_is_replaced_before_the_loop_ends(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job cancelled after the repairs had made room for others, but its firework stayed RESERVED."""
    fw_id, launch_id = _reserve(bench, bench.folder)
    rounds: list[int] = []

    def mend() -> None:
        rounds.append(len(rounds))
        if len(rounds) == 2:
            bench.launchpad.free_reservation(fw_id, launch_id)

    plan = Submission(reserve=True, sleep_s=0.01)
    assert _submitter(bench, monkeypatch).rapidfire(plan, mend) == 1
    assert bench.state(fw_id) == "RESERVED"
    history = bench.newest_launch(fw_id)["state_history"]
    assert [entry["reservation_id"] for entry in history if "reservation_id" in entry] == ["7"]


def test_loop_ends_where_repairs_find_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    fw_id, _ = _reserve(bench, bench.folder)
    assert _submitter(bench, monkeypatch).rapidfire(Submission(reserve=True)) == 0
    assert bench.state(fw_id) == "RESERVED"
