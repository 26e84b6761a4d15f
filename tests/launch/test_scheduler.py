"""What a queue proves about rockets elsewhere; Slurm itself is asked in tests/clusters."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from typing import Any

import pytest

from beamheat_fw.launch.owner import Fate, job_of
from beamheat_fw.launch.scheduler import Job, Queue, SchedulerAway, pbs_queue

SLURM = {"SLURM_JOB_ID": "17", "SLURM_CLUSTER_NAME": "genoa"}


def queue(**job: Any) -> Queue:
    known = asdict(Job("17", "beamheat", waits=False, restarts=0)) | job
    return Queue("genoa", {"17": Job(**known)})


def test_running_job_proves_its_rocket_alive_and_an_ended_one_dead() -> None:
    owner = job_of(SLURM)
    assert queue().fate(owner) is Fate.ALIVE
    assert Queue("genoa", {}).fate(owner) is Fate.DEAD


def test_job_that_was_started_again_or_waits_again_has_another_rocket() -> None:
    owner = job_of(SLURM)
    assert queue(restarts=1).fate(owner) is Fate.DEAD
    assert queue(waits=True).fate(owner) is Fate.DEAD
    assert queue(restarts=1).fate(job_of({**SLURM, "SLURM_RESTART_COUNT": "1"})) is Fate.ALIVE


@pytest.mark.parametrize("other", [{"queue": "hopper"}, {"uid": os.getuid() + 1}, {"queue": None}])
def test_queue_says_nothing_about_other_clusters_and_users(other: dict[str, Any]) -> None:
    assert Queue("genoa", {}).fate({**job_of(SLURM), **other}) is Fate.UNKNOWN


def test_process_outside_of_jobs_has_none() -> None:
    assert job_of({}) == {}
    assert Queue("genoa", {}).fate({"host": "x"}) is Fate.UNKNOWN


def test_pbs_jobs_are_read_as_its_manual_prints_them() -> None:
    jobs = {
        "7.pbs01": {"Job_Name": "beamheat", "job_state": "R", "run_count": 1},
        "8.pbs01": {"Job_Name": "beamheat", "job_state": "Q"},
    }
    found = pbs_queue(json.dumps({"pbs_server": "pbs01.example.org", "Jobs": jobs}))
    assert (found.name, found.jobs["7"].waits, found.jobs["8"].waits) == ("pbs01", False, True)
    assert found.fate(job_of({"PBS_JOBID": "7.pbs01"})) is Fate.ALIVE
    assert found.fate(job_of({"PBS_JOBID": "6.pbs01"})) is Fate.DEAD


def test_answer_of_another_qstat_is_refused() -> None:
    with pytest.raises(SchedulerAway, match="qstat -f -F json"):
        pbs_queue("job-ID prior name user")
