"""What the batch scheduler knows of its jobs: Slurm through squeue, PBS through qstat.

A rocket on another machine cannot be proven dead from here. Its job can: what the scheduler does not list any
more has ended, and what it has started again has another rocket.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from beamheat_fw.errors import BeamheatError
from beamheat_fw.launch.owner import Fate

#: How long a scheduler may take to answer, s.
_ANSWER_S = 30.0
#: What Slurm's programs say where they are installed but there is no Slurm.
_NO_SLURM = "Could not establish a configuration source"
_SLURM_FIELDS = "JobID:32,State:24,RestartCnt:12,Name:400"


class SchedulerAway(BeamheatError):
    """The scheduler does not answer, so nothing can be said of its jobs."""


@dataclass(frozen=True)
class Job:
    """A job that waits or runs.

    Attributes
    ----------
    id : str
    name : str
    waits : bool
        Whether it has not begun.
    restarts : int
        How often it has been started again.
    """

    id: str
    name: str
    waits: bool
    restarts: int


@dataclass(frozen=True)
class Queue:
    """The jobs of this user at one moment.

    Attributes
    ----------
    name : str
        Of the scheduler: job ids mean nothing elsewhere.
    jobs : dict of str to Job
        By id.
    """

    name: str
    jobs: dict[str, Job]

    def fate(self, owner: Mapping[str, Any] | None) -> Fate:
        """Tell what became of the process of an owner document (see `owner.this_process`), by its job."""
        if not owner or owner.get("queue") != self.name or owner.get("uid") != os.getuid():
            return Fate.UNKNOWN
        job = self.jobs.get(owner["job"])
        if job is None or job.waits or (owner["restarts"] is not None and job.restarts > owner["restarts"]):
            return Fate.DEAD
        if owner["restarts"] is None and job.restarts:
            return Fate.UNKNOWN
        return Fate.ALIVE


class Scheduler(ABC):
    """The batch scheduler that is reached from here.

    Attributes
    ----------
    name : str
        As its jobs record it.
    """

    name: str

    @abstractmethod
    def look(self) -> Queue:
        """Return this user's jobs that wait or run now.

        Raises
        ------
        SchedulerAway
        """


@dataclass(frozen=True)
class Slurm(Scheduler):
    """Slurm."""

    name: str

    def look(self) -> Queue:
        listed = _ask("squeue", "--noheader", "--me", "-O", _SLURM_FIELDS)
        jobs = [_slurm_job(line) for line in listed.splitlines() if line.strip()]
        return Queue(self.name, {job.id: job for job in jobs})


@dataclass(frozen=True)
class Pbs(Scheduler):
    """OpenPBS or PBS Professional."""

    name: str

    def look(self) -> Queue:
        return pbs_queue(_ask("qstat", "-f", "-F", "json"))


def find_scheduler() -> Scheduler | None:
    """Return the scheduler whose programs are installed and set up here, or None.

    Raises
    ------
    SchedulerAway
        There should be one, but it does not answer.
    """
    if shutil.which("squeue"):
        try:
            settings = _ask("scontrol", "show", "config")
        except SchedulerAway as error:
            if _NO_SLURM not in str(error.values.get("reason")):
                raise
        else:
            names = [
                line.partition("=")[2] for line in settings.splitlines() if line.startswith("ClusterName")
            ]
            return Slurm(names[0].strip())
    if shutil.which("qstat"):
        return Pbs(pbs_queue(_ask("qstat", "-f", "-F", "json")).name)
    return None


def pbs_queue(answer: str) -> Queue:
    """Read what ``qstat -f -F json`` prints.

    Raises
    ------
    SchedulerAway
        It is not JSON: an older PBS, or another program of that name.
    """
    try:
        document = json.loads(answer)
        name = str(document["pbs_server"]).partition(".")[0]
        jobs = [_pbs_job(job_id, job) for job_id, job in document.get("Jobs", {}).items()]
    except (ValueError, KeyError, TypeError) as error:
        raise SchedulerAway(
            "qstat's answer cannot be read",
            "It has to know `qstat -f -F json` (OpenPBS, PBS Professional).",
            {"reason": f"{type(error).__name__}: {error}"},
        ) from None
    return Queue(name, {job.id: job for job in jobs})


def _ask(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_ANSWER_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = str(error)
    else:
        if done.returncode == 0:
            return done.stdout
        reason = done.stderr.strip()[-300:]
    raise SchedulerAway(
        "The scheduler does not answer", "Try again later.", {"command": command[0], "reason": reason}
    )


def _slurm_job(line: str) -> Job:
    job_id, state, restarts, name = line.split(None, 3)
    return Job(job_id, name.strip(), state in ("PENDING", "CONFIGURING"), int(restarts))


def _pbs_job(job_id: str, job: Mapping[str, Any]) -> Job:
    restarts = max(int(job.get("run_count", 1)) - 1, 0)
    waits = job["job_state"] in ("Q", "H", "W", "T")
    return Job(job_id.partition(".")[0], job["Job_Name"], waits, restarts)
