"""Workflows that an interrupted update left locked or at odds with their fireworks."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from beamheat_fw.doctor.finding import Finding
from beamheat_fw.launch.fencing import FencedLaunchPad
from beamheat_fw.launch.lock import OwnedLock
from beamheat_fw.launch.owner import Fate, fate
from beamheat_fw.launch.scheduler import Queue, Scheduler

#: FireWorks' own locks name no owner. Such a lock is broken when it was seen unchanged for this long, s:
#: FireWorks holds one for seconds, and writing to the workflow changes it.
LONGEST_LOCK_S = 600.0

_OVER = ("COMPLETED", "ARCHIVED")


def examine_locks(launchpad: FencedLaunchPad, scheduler: Scheduler | None = None) -> Iterator[Finding]:
    """Find locked workflows without a living owner."""
    locked = list(launchpad.workflows.find({"locked": {"$exists": True}}, {"locked": 1, "nodes": 1}))
    queue = scheduler.look() if scheduler and locked else None
    for workflow in locked:
        lock = workflow["locked"]
        about = {"workflow_of": workflow["nodes"][0]}
        if _is_dead(lock, queue):
            yield Finding(
                "dead lock",
                about,
                f"process {lock['pid']} on {lock['host']} died while it held the workflow's lock",
                "the lock is removed",
                partial(_unlock, launchpad, workflow["_id"], lock),
            )
        elif not isinstance(lock, Mapping):
            yield Finding(
                "lock without owner",
                about,
                "a plain FireWorks process holds or left the workflow's lock",
                f"it is watched, and removed when it has not changed for {LONGEST_LOCK_S:.0f} s",
                partial(_watch, launchpad, workflow["_id"], lock),
            )
        elif "watched_since" in lock and _age_s(lock["watched_since"]) > LONGEST_LOCK_S:
            yield Finding(
                "abandoned lock",
                about,
                f"a lock without owner has not changed for {LONGEST_LOCK_S:.0f} s",
                "the lock is removed",
                partial(_unlock, launchpad, workflow["_id"], lock),
            )


def _is_dead(lock: Any, queue: Queue | None) -> bool:
    lives = fate(lock)
    if lives is Fate.UNKNOWN and queue is not None and isinstance(lock, Mapping):
        # Should the process go on although its job is gone, its update fails: it is bound to the lock.
        lives = queue.fate(lock)
    return lives is Fate.DEAD


def examine_states(launchpad: FencedLaunchPad) -> Iterator[Finding]:
    """Find workflows whose states do not follow from their fireworks."""
    for workflow in launchpad.workflows.find({"state": {"$nin": _OVER}}, {"nodes": 1}):
        nodes = workflow["nodes"]
        # A live rocket may have changed it between the two reads of one look; then the second look is clean.
        stuck = _look(launchpad, nodes) and _look(launchpad, nodes)
        if stuck:
            yield Finding(
                "workflow out of step",
                {"fw_ids": stuck},
                "an update of the workflow was cut off between its documents",
                "its states are derived again from its launches",
                partial(_bring_in_step, launchpad, nodes),
            )


def _look(launchpad: FencedLaunchPad, nodes: list[int]) -> list[int]:
    workflow = launchpad.workflows.find_one({"nodes": nodes[0], "locked": {"$exists": False}})
    if workflow is None:
        return []
    fireworks = launchpad.fireworks.find({"fw_id": {"$in": nodes}}, {"fw_id": 1, "state": 1})
    return _stuck(workflow, {firework["fw_id"]: firework["state"] for firework in fireworks})


def _stuck(workflow: Mapping[str, Any], states: Mapping[int, str]) -> list[int]:
    """Return the fireworks that wait for nothing, or have ended without the workflow's knowledge."""
    noted = {int(fw_id): state for fw_id, state in workflow["fw_states"].items()}
    parents = {int(fw_id): parents for fw_id, parents in workflow["parent_links"].items()}
    stuck = []
    for fw_id, state in states.items():
        done = [states.get(parent) == "COMPLETED" for parent in parents.get(fw_id, [])]
        waits_for_nothing = state == "WAITING" and all(done)
        ended_unnoticed = state in ("COMPLETED", "FIZZLED") and noted.get(fw_id) != state
        if waits_for_nothing or ended_unnoticed:
            stuck.append(fw_id)
    return sorted(stuck)


def _bring_in_step(launchpad: FencedLaunchPad, nodes: list[int]) -> bool:
    stuck = _look(launchpad, nodes)
    with OwnedLock(launchpad, nodes[0]) as lock:
        workflow = launchpad.get_wf_by_fw_id_lzyfw(nodes[0])
        changed: set[int] = set()
        for fw_id in stuck:
            workflow.fw_states[fw_id] = workflow.id_fw[fw_id].state
        for fw_id in stuck:
            for parent in workflow.links.parent_links.get(fw_id, []):
                _repeat_update(workflow, parent, fw_id)
            if workflow.id_fw[fw_id].state == "WAITING":
                changed |= {fw_id}
            changed |= set(workflow.refresh(fw_id))
            for child in workflow.links[fw_id]:
                changed |= set(workflow.refresh(child))
        launchpad._update_wf(workflow, changed, lock)
    return bool(stuck)


def _repeat_update(workflow: Any, parent: int, child: int) -> None:
    """Give a child what its parent's action had for it: writing the child may have been cut off."""
    if workflow.id_fw[child].state != "WAITING" or workflow.id_fw[parent].state != "COMPLETED":
        return
    action = workflow._get_representative_launch(workflow.id_fw[parent]).action
    if action and action.update_spec:
        workflow.id_fw[child].spec.update(action.update_spec)


def _unlock(launchpad: FencedLaunchPad, workflow_id: Any, lock: Any) -> bool:
    broken = launchpad.workflows.update_one({"_id": workflow_id, "locked": lock}, {"$unset": {"locked": ""}})
    return bool(broken.modified_count)


def _watch(launchpad: FencedLaunchPad, workflow_id: Any, lock: Any) -> bool:
    # Whoever holds the lock removes it whatever it holds, and writes True again when it updates the workflow.
    now = datetime.datetime.now(datetime.UTC).isoformat()
    launchpad.workflows.update_one(
        {"_id": workflow_id, "locked": lock}, {"$set": {"locked": {"watched_since": now}}}
    )
    return False


def _age_s(moment: str) -> float:
    then = datetime.datetime.fromisoformat(moment)
    return (datetime.datetime.now(datetime.UTC) - then).total_seconds()
