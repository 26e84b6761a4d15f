"""Fireworks that are reserved for a job of the queue (``qlaunch -r``) which is not there any more."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from beamheat_fw.doctor.finding import Finding
from beamheat_fw.launch.fencing import FencedLaunchPad
from beamheat_fw.launch.scheduler import Scheduler


def examine_reservations(launchpad: FencedLaunchPad, scheduler: Scheduler | None) -> Iterator[Finding]:
    """Find reservations that were made on this machine and whose job was cancelled, or ended without them."""
    if scheduler is None:
        return
    reserved = list(
        launchpad.fireworks.find({"state": "RESERVED", "claim": None}, {"fw_id": 1, "launches": 1})
    )
    ids = [firework["launches"][-1] for firework in reserved if firework["launches"]]
    here = {"launch_id": {"$in": ids}, "state": "RESERVED", "host": socket.gethostname()}
    launches = list(launchpad.launches.find(here))
    # After the reservations were read: a job that took its firework in between has changed it.
    queue = scheduler.look() if launches else None
    for launch in launches:
        job = _job_id(launch)
        if queue is None or job is None or job in queue.jobs:
            continue
        yield Finding(
            "cancelled job",
            {"fw_id": launch["fw_id"], "job": job},
            f"it is reserved for a job that {queue.name} does not have any more",
            "the firework is made READY",
            partial(_free, launchpad, launch["fw_id"], launch["launch_id"]),
        )


def _job_id(launch: Mapping[str, Any]) -> str | None:
    """Return the job's id; None while it is being submitted."""
    ids = [entry["reservation_id"] for entry in launch["state_history"] if entry.get("reservation_id")]
    return str(ids[-1]) if ids else None


def _free(launchpad: FencedLaunchPad, fw_id: int, launch_id: int) -> bool:
    return launchpad.rerun_if(fw_id, {"state": "RESERVED", "claim": None, "launches": [launch_id]})
