"""Who holds a launch, a claim or a lock: enough to prove later that this process is dead."""

from __future__ import annotations

import functools
import os
import socket
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any


class Fate(Enum):
    """What can be proven about a process from here."""

    ALIVE = "alive"
    DEAD = "dead"
    UNKNOWN = "unknown"


def this_process() -> dict[str, Any]:
    """Return this process as a document: host, boot, process id with its start time, scheduler job.

    Returns
    -------
    dict
        ``host``, ``machine_id``, ``boot_id``, ``pid_namespace``, ``pid``, ``started`` (clock ticks since
        boot, so that a process id used again is told apart) and, inside a job, what `job_of` returns.
    """
    # The process id is read each time: a forked child is another owner.
    owner = {**_this_machine(), "pid": os.getpid(), "started": _start_ticks(os.getpid())}
    return {**owner, **job_of(os.environ)}


def fate(owner: Mapping[str, Any] | None) -> Fate:
    """Tell whether the process of an owner document lives, as far as it can be proven from this process.

    Parameters
    ----------
    owner : mapping or None
        As `this_process` wrote it, possibly with more keys.

    Returns
    -------
    Fate
        UNKNOWN for other machines and other process namespaces, and for anything that is no owner document.
    """
    here = _this_machine()
    if not isinstance(owner, Mapping) or not {*here, "pid", "started"} <= owner.keys():
        return Fate.UNKNOWN
    if owner["host"] != here["host"] or owner["machine_id"] != here["machine_id"]:
        return Fate.UNKNOWN
    if owner["boot_id"] != here["boot_id"]:
        return Fate.DEAD
    if owner["pid_namespace"] != here["pid_namespace"]:
        return Fate.UNKNOWN
    return Fate.ALIVE if _start_ticks(owner["pid"]) == owner["started"] else Fate.DEAD


def job_of(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the job that this process is part of, for its owner document; empty outside of jobs.

    Returns
    -------
    dict
        ``job``, ``queue`` (the scheduler's name), ``restarts`` (None where the scheduler does not tell) and
        ``uid``.
    """
    if job := environ.get("SLURM_JOB_ID"):
        name, restarts = environ.get("SLURM_CLUSTER_NAME", ""), int(environ.get("SLURM_RESTART_COUNT") or 0)
        return {"job": job, "queue": name, "restarts": restarts, "uid": os.getuid()}
    if job := environ.get("PBS_JOBID"):
        number, _, server = job.partition(".")
        return {"job": number, "queue": server.partition(".")[0], "restarts": None, "uid": os.getuid()}
    return {}


@functools.cache
def _this_machine() -> dict[str, str]:
    return {
        "host": socket.gethostname(),
        "machine_id": _first_line("/etc/machine-id"),
        "boot_id": _first_line("/proc/sys/kernel/random/boot_id"),
        "pid_namespace": os.readlink("/proc/self/ns/pid"),
    }


def _first_line(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""


def _start_ticks(pid: int) -> int | None:
    """Return when a process started, or None when it is gone or only a zombie is left of it."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])
