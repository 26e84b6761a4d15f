"""The project's own data: job folders, claims on labels, and campaigns that do not go on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from beamheat_fw.campaign import parse_campaign
from beamheat_fw.doctor.finding import Finding
from beamheat_fw.doctor.resubmission import Selection, choose, resubmit
from beamheat_fw.firetasks.budget import is_spent, pause_spent
from beamheat_fw.firetasks.progress import advance, read_state
from beamheat_fw.flows import next_step
from beamheat_fw.launch.fencing import FencedLaunchPad
from beamheat_fw.launch.job_folder import unfinished
from beamheat_fw.launch.submission import STEP_KEY
from beamheat_fw.store.database import Store
from beamheat_fw.store.documents import CampaignRecord, Label
from beamheat_fw.store.labels import release

#: Firework states in which nobody will take its labels up again.
_GONE = ("COMPLETED", "FIZZLED", "DEFUSED", "ARCHIVED")
_OWNER = re.compile(r"fw-(\d+)")


def examine_folders(launchpad: FencedLaunchPad, scratch: Path) -> Iterator[Finding]:
    """Find job folders of this machine whose results were computed but not saved, their firework failed."""
    for folder in unfinished(scratch):
        firework = launchpad.fireworks.find_one(
            {"spec.job_key": folder.key, "state": "FIZZLED"}, {"fw_id": 1}
        )
        if firework is None or folder.is_locked():
            continue
        selection = Selection(fw_ids=(firework["fw_id"],))
        for chosen in choose(launchpad, selection):
            yield Finding(
                "unsaved results",
                {"fw_id": firework["fw_id"], "folder": str(folder.path)},
                "the work was done, but saving its results failed",
                chosen.refusal or "the firework is run again and saves them",
                None if chosen.refusal else partial(_resubmit_one, launchpad, selection),
            )


def examine_labels(launchpad: FencedLaunchPad, store: Store) -> Iterator[Finding]:
    """Find labels that are claimed by fireworks which will not calculate them."""
    claimed: dict[str, list[str]] = {}
    for label in store.collection(Label).find({"state": "running"}, {"lease.owner": 1}):
        claimed.setdefault((label.get("lease") or {}).get("owner", ""), []).append(label["_id"])
    for owner, label_ids in claimed.items():
        named = _OWNER.fullmatch(owner)
        if named is None:
            continue
        firework = launchpad.fireworks.find_one({"fw_id": int(named[1])}, {"state": 1})
        state = firework["state"] if firework else "missing"
        if firework is None or state in _GONE:
            yield Finding(
                "abandoned labels",
                {"fw_id": int(named[1]), "labels": len(label_ids)},
                f"their firework is {state} and still claims them",
                "they are free to be calculated",
                partial(_release, store, label_ids, owner),
            )


def examine_campaigns(launchpad: FencedLaunchPad, store: Store) -> Iterator[Finding]:
    """Find active campaigns whose core hours are spent, or whose next step is not in the LaunchPad."""
    for record in store.find(CampaignRecord, {"state": "active"}):
        if is_spent(store, record):
            yield Finding(
                "core hours spent",
                {"campaign": record.name},
                f"its launches have come to the {record.max_core_hours:g} core hours it may cost",
                "it is paused",
                partial(_pause_spent, launchpad, store, record),
            )
            continue
        workflow = next_step(
            parse_campaign(record.document, source=record.name), read_state(store, record.id)
        )
        if workflow is None:
            continue
        key = workflow.metadata["step_key"]
        if not launchpad.workflows.find_one({STEP_KEY: key}, {"_id": 1}):
            yield Finding(
                "missing step",
                {"campaign": record.name, "step": key},
                "the firework that should have inserted it was interrupted",
                "it is inserted, once",
                partial(_advance, store, launchpad, record.id),
            )


def _pause_spent(launchpad: FencedLaunchPad, store: Store, record: CampaignRecord) -> bool:
    pause_spent(launchpad, store, record)
    return True


def _resubmit_one(launchpad: FencedLaunchPad, selection: Selection) -> bool:
    return any(chosen.rerun for chosen in resubmit(launchpad, selection))


def _release(store: Store, label_ids: list[str], owner: str) -> bool:
    return release(store, label_ids, owner) > 0


def _advance(store: Store, launchpad: FencedLaunchPad, campaign_id: str) -> bool:
    return advance(store, launchpad, campaign_id) is not None
