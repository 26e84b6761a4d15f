"""Rockets that are gone: lost runs, completions and claims they left behind."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from fireworks.fw_config import RUN_EXPIRATION_SECS

from beamheat_fw.doctor.finding import Finding
from beamheat_fw.errors import IntegrityError
from beamheat_fw.launch.completion import read_completion
from beamheat_fw.launch.fencing import LOST_LAUNCHES, FencedLaunchPad
from beamheat_fw.launch.launchpad import SurvivingLaunchPad
from beamheat_fw.launch.owner import Fate, fate
from beamheat_fw.launch.scheduler import Queue, Scheduler

#: How often a firework may lose its rocket before it is fizzled: something in it kills rockets.
MOST_LOST = 20
#: A plain rocket needs a moment between claiming a firework and launching it; after this it is dead, s.
LONGEST_CLAIM_S = 600.0


def examine_runs(launchpad: SurvivingLaunchPad, scheduler: Scheduler | None = None) -> Iterator[Finding]:
    """Find RUNNING fireworks that nobody runs any more."""
    running = list(launchpad.fireworks.find({"state": "RUNNING"}, {"fw_id": 1, "launches": 1}))
    ids = [firework["launches"][-1] for firework in running if firework["launches"]]
    newest = launchpad.launches.find({"launch_id": {"$in": ids}})
    launches = {launch["launch_id"]: launch for launch in newest}
    # After the launches were read: a job that began in between is in the queue then.
    queue = scheduler.look() if scheduler and launches else None
    for firework in running:
        launch = launches.get(firework["launches"][-1]) if firework["launches"] else None
        finding = _examine_run(launchpad, firework["fw_id"], launch, queue)
        if finding:
            yield finding


def examine_claims(launchpad: FencedLaunchPad, scheduler: Scheduler | None = None) -> Iterator[Finding]:
    """Find RESERVED fireworks whose rocket died before it launched them."""
    reserved = list(launchpad.fireworks.find({"state": "RESERVED"}))
    # After the claims were read: a job that began in between is in the queue then.
    queue = scheduler.look() if scheduler and any(firework.get("claim") for firework in reserved) else None
    for firework in reserved:
        claim = firework.get("claim")
        if _in_queue(launchpad, firework) and not claim:
            continue
        reason = _why_dead(claim, _age_s(firework["updated_on"]), LONGEST_CLAIM_S, queue)
        if reason:
            yield Finding(
                "abandoned claim",
                {"fw_id": firework["fw_id"]},
                f"its rocket claimed it and never launched it: {reason}",
                "the firework is made READY",
                partial(launchpad.free_claim, firework["fw_id"], claim),
            )


def _examine_run(
    launchpad: SurvivingLaunchPad, fw_id: int, launch: Mapping[str, Any] | None, queue: Queue | None
) -> Finding | None:
    if launch is None:
        return Finding(
            "run without launch",
            {"fw_id": fw_id},
            "it is RUNNING but has no launch",
            "the firework is run again",
            partial(launchpad.rerun_if, fw_id, {"state": "RUNNING", "launches": []}),
        )
    about = {"fw_id": fw_id, "launch_id": launch["launch_id"]}
    owner = (launch["fworker"].get("env") or {}).get("rocket")
    reason = _why_dead(owner, _silence_s(launch), RUN_EXPIRATION_SECS, queue)
    if reason and _completion_waits(launchpad, launch):
        return Finding(
            "waiting completion",
            about,
            f"it ended, but its rocket could not tell the database: {reason}",
            "the completion in its launch folder is applied",
            partial(launchpad.complete_waiting, launch["launch_dir"]),
        )
    if launch["state"] in ("COMPLETED", "FIZZLED") and (
        reason or _age_s(launch["time_end"]) > LONGEST_CLAIM_S
    ):
        return Finding(
            "unfinished update",
            about,
            f"its launch is {launch['state']} but the firework was not told",
            "the workflow is brought in line",
            partial(_refresh, launchpad, fw_id),
        )
    return lost_run(launchpad, about, reason) if reason and launch["state"] == "RUNNING" else None


def lost_run(
    launchpad: FencedLaunchPad, about: dict[str, int], reason: str, state: str = "RUNNING"
) -> Finding:
    """Return the finding of a run that has ended without a word; `state` is that of its launch."""
    before = launchpad.launches.count_documents({**LOST_LAUNCHES, "fw_id": about["fw_id"]})
    hopeless = before + 1 >= MOST_LOST
    gone = f"rocket lost: {reason}"
    return Finding(
        "lost run",
        dict(about),
        f"its rocket is gone: {reason}",
        f"it is fizzled, as it has lost {before + 1} rockets" if hopeless else "the firework is run again",
        partial(launchpad.give_up, about["fw_id"], about["launch_id"], gone, hopeless, state),
    )


def _why_dead(
    owner: Mapping[str, Any] | None, silent_s: float, limit_s: float, queue: Queue | None = None
) -> str | None:
    """Return why a rocket counts as dead, or None when it may live.

    The process itself counts first, then its job in the queue, and only where neither is known, time.
    """
    lives = fate(owner)
    if lives is Fate.DEAD and owner is not None:
        return f"process {owner['pid']} on {owner['host']} has ended"
    if lives is Fate.UNKNOWN and owner is not None and queue is not None:
        lives = queue.fate(owner)
        if lives is Fate.DEAD:
            return f"job {owner['job']} of {queue.name} has ended or was started again"
    if lives is Fate.UNKNOWN and silent_s > limit_s:
        return f"no sign of life for {silent_s:.0f} s (limit {limit_s:.0f} s)"
    return None


def _completion_waits(launchpad: SurvivingLaunchPad, launch: Mapping[str, Any]) -> bool:
    try:
        completion = read_completion(Path(launch["launch_dir"]))
    except (IntegrityError, OSError):
        return False
    if completion is None or completion.database != launchpad.name:
        return False
    return completion.launch_id == launch["launch_id"]


def _refresh(launchpad: FencedLaunchPad, fw_id: int) -> bool:
    launchpad.refresh_workflow(fw_id)
    return True


def _in_queue(launchpad: FencedLaunchPad, firework: Mapping[str, Any]) -> bool:
    """Tell whether a firework is reserved for a job of the queue (``qlaunch -r``)."""
    reserved = {"launch_id": {"$in": firework["launches"]}, "state": "RESERVED"}
    return launchpad.launches.find_one(reserved, {"_id": 1}) is not None


def _silence_s(launch: Mapping[str, Any]) -> float:
    last = launch["state_history"][-1]
    return _age_s(last.get("updated_on") or last["created_on"])


def _age_s(moment: str | datetime.datetime) -> float:
    """Return how long ago a moment was, s; FireWorks stores some as text and some as dates."""
    when = datetime.datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    if when.tzinfo is None:
        when = when.replace(tzinfo=datetime.UTC)
    return (datetime.datetime.now(datetime.UTC) - when).total_seconds()
