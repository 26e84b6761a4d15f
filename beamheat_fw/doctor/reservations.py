"""Fireworks reserved for a job of the queue (``qlaunch -r``), or staged for a node without database."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from beamheat_fw.doctor.finding import Finding
from beamheat_fw.doctor.staged import examine_replaced, examine_staged
from beamheat_fw.launch.launchpad import SurvivingLaunchPad
from beamheat_fw.launch.owner import Fate, fate
from beamheat_fw.launch.scheduler import Queue, Scheduler
from beamheat_fw.launch.staged_launch import StagedLaunch


def examine_reservations(launchpad: SurvivingLaunchPad, scheduler: Scheduler | None) -> Iterator[Finding]:
    """Find reservations that were made on this machine and whose job was cancelled, or has ended."""
    reserved = list(
        launchpad.fireworks.find({"state": "RESERVED", "claim": None}, {"fw_id": 1, "launches": 1})
    )
    ids = [firework["launches"][-1] for firework in reserved if firework["launches"]]
    here = {"launch_id": {"$in": ids}, "state": "RESERVED", "host": socket.gethostname()}
    launches = list(launchpad.launches.find(here))
    # After the reservations were read: a job that took its firework in between has changed it.
    queue = scheduler.look() if scheduler and launches else None
    for launch in launches:
        reason = _why_gone(launch, queue)
        staged = StagedLaunch.read(Path(launch["launch_dir"]))
        if staged is not None and staged.launch_id == launch["launch_id"]:
            finding = examine_staged(launchpad, launch, staged, reason)
        else:
            finding = _cancelled(launchpad, launch, reason) if reason else None
        if finding:
            yield finding
    yield from examine_replaced(launchpad)


def _why_gone(launch: Mapping[str, Any], queue: Queue | None) -> str | None:
    """Return why no job can take a reservation up any more, or None when one may."""
    if queue is None:
        return None
    job = _job_id(launch)
    if job is None:  # it is being submitted, or its queue launcher died on the way
        owner = (launch["fworker"].get("env") or {}).get("rocket")
        return "what reserved it died before its job was submitted" if fate(owner) is Fate.DEAD else None
    return None if job in queue.jobs else f"{queue.name} has its job {job} no more"


def _cancelled(launchpad: SurvivingLaunchPad, launch: Mapping[str, Any], reason: str) -> Finding:
    return Finding(
        "cancelled job",
        {"fw_id": launch["fw_id"], "launch_id": launch["launch_id"]},
        f"it is reserved, but {reason}",
        "the firework is made READY",
        partial(launchpad.free_reservation, launch["fw_id"], launch["launch_id"]),
    )


def _job_id(launch: Mapping[str, Any]) -> str | None:
    """Return the job's id; None while it is being submitted."""
    ids = [entry["reservation_id"] for entry in launch["state_history"] if entry.get("reservation_id")]
    return str(ids[-1]) if ids else None
