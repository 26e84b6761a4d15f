"""Pausing, resuming and cancelling a campaign: its state in the store, and its fireworks."""

from __future__ import annotations

from beamheat_fw.errors import InputError
from beamheat_fw.firetasks.progress import advance
from beamheat_fw.launch.fencing import FencedLaunchPad
from beamheat_fw.store.campaigns import set_campaign_state
from beamheat_fw.store.database import Store
from beamheat_fw.store.documents import CampaignRecord

_PAUSE = {"WAITING": "PAUSED", "READY": "PAUSED"}
_RESUME = {"PAUSED": "WAITING"}
_CANCEL = dict.fromkeys(("WAITING", "READY", "RESERVED", "PAUSED", "RUNNING"), "DEFUSED")


def pause(launchpad: FencedLaunchPad, store: Store, record: CampaignRecord) -> int:
    """Start none of a campaign's fireworks any more; those that run go on to their end.

    Returns
    -------
    int
        How many fireworks were paused.
    """
    _require(record, "active", "paused")
    set_campaign_state(store, record.id, "paused")
    return _move(launchpad, record.id, _PAUSE)


def resume(launchpad: FencedLaunchPad, store: Store, record: CampaignRecord) -> int:
    """Go on with a paused campaign; return how many fireworks were resumed."""
    _require(record, "paused", "active")
    set_campaign_state(store, record.id, "active")
    resumed = _move(launchpad, record.id, _RESUME)
    advance(store, launchpad, record.id)  # a round that ended meanwhile inserted nothing
    return resumed


def cancel(launchpad: FencedLaunchPad, store: Store, record: CampaignRecord) -> int:
    """End a campaign: nothing of it starts; what runs is stopped at its next heartbeat and writes nothing.

    What it has computed stays in the database.

    Returns
    -------
    int
        How many fireworks were defused.
    """
    _require(record, "active", "paused", "cancelled")
    set_campaign_state(store, record.id, "cancelled")
    return _move(launchpad, record.id, _CANCEL)


def _require(record: CampaignRecord, *states: str) -> None:
    if record.state not in states:
        raise InputError(
            "The campaign is not in a state for this",
            f"It has to be {' or '.join(states)}.",
            {"campaign": record.name, "state": record.state},
        )


def _move(launchpad: FencedLaunchPad, campaign_id: str, states: dict[str, str]) -> int:
    mine = launchpad.workflows.find({"metadata.campaign_id": campaign_id}, {"nodes": 1})
    return sum(launchpad.move(workflow["nodes"][0], states) for workflow in list(mine))
