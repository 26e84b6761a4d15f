"""Pausing, resuming and cancelling a campaign: its state in the store, and its fireworks."""

from __future__ import annotations

from beamheat_fw.errors import InputError
from beamheat_fw.firetasks.budget import is_spent
from beamheat_fw.firetasks.progress import advance
from beamheat_fw.launch.fencing import FencedLaunchPad
from beamheat_fw.store.campaigns import set_campaign_state
from beamheat_fw.store.costs import core_hours_of
from beamheat_fw.store.database import Store
from beamheat_fw.store.documents import CampaignRecord

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
    return launchpad.pause_campaign(record.id)


def resume(
    launchpad: FencedLaunchPad, store: Store, record: CampaignRecord, max_core_hours: float | None = None
) -> int:
    """Go on with a paused campaign; return how many fireworks were resumed.

    Parameters
    ----------
    max_core_hours : float, optional
        At which cost it is paused again, its cost so far included.

    Raises
    ------
    InputError
        It cannot be resumed, or its core hours are spent.
    """
    _require(record, "paused", "active")
    if max_core_hours is not None:
        record = record.model_copy(update={"max_core_hours": max_core_hours})
    if is_spent(store, record):
        raise InputError(
            "The campaign's core hours are spent",
            "Give a higher --max-core-hours.",
            {"spent": round(core_hours_of(store, record), 2), "max_core_hours": record.max_core_hours},
        )
    store.update(CampaignRecord, record.id, {"max_core_hours": record.max_core_hours})
    set_campaign_state(store, record.id, "active")
    resumed = launchpad.move_campaign(record.id, _RESUME)
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
    return launchpad.move_campaign(record.id, _CANCEL)


def _require(record: CampaignRecord, *states: str) -> None:
    if record.state not in states:
        raise InputError(
            "The campaign is not in a state for this",
            f"It has to be {' or '.join(states)}.",
            {"campaign": record.name, "state": record.state},
        )
