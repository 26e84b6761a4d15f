"""Campaigns: saved by the hash of their file, found by name, id or file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from beamheat_fw.errors import InputError
from beamheat_fw.store.database import Store, make, parse
from beamheat_fw.store.documents import CampaignRecord
from beamheat_fw.store.documents.records import CampaignState

if TYPE_CHECKING:
    from beamheat_fw.campaign import Campaign

_SHORTEST_PREFIX = 4


def save_campaign(
    store: Store, campaign: Campaign, *, fw_id: int | None = None, max_core_hours: float | None = None
) -> bool:
    """Save a validated campaign under its hash; return False when it was there already.

    Saving it again leaves its state, and its bound on core hours, alone.
    """
    record = make(
        CampaignRecord,
        id=campaign.campaign_id,
        campaign_id=campaign.campaign_id,
        name=campaign.name,
        document=campaign.model_dump(mode="json"),
        tags=campaign.tags,
        fw_id=fw_id,
        max_core_hours=max_core_hours,
    )
    return store.create(record)


def find_campaign(store: Store, wanted: str) -> CampaignRecord:
    """Return a campaign by its id, the beginning of its id (4 characters or more), its name or its file.

    Of several campaigns of one name (an edited file is a campaign of its own) it is the newest.

    Raises
    ------
    InputError
        There is none, or the beginning of the id fits several.
    """
    if wanted.endswith((".yaml", ".yml")):
        from beamheat_fw.campaign import load_campaign

        found = _matching(store, {"_id": load_campaign(Path(wanted)).campaign_id})
    else:
        found = _matching(store, {"name": wanted})[:1] or _by_id(store, wanted)
    if len(found) == 1:
        return found[0]
    raise InputError(
        "Several campaigns have ids that begin so" if found else "There is no such campaign in this database",
        "Give more of the id." if found else "Submit it first, or see `beamheat find campaigns`.",
        {"campaign": wanted} | ({"ids": [record.id for record in found]} if found else {}),
    )


def find_campaigns(store: Store, wanted: str | None = None) -> list[CampaignRecord]:
    """Return the campaign asked for (as `find_campaign`), or all of them, oldest first."""
    return list(store.find(CampaignRecord, {})) if wanted is None else [find_campaign(store, wanted)]


def load_campaign_record(store: Store, campaign_id: str) -> CampaignRecord:
    """Return the campaign of a whole id; raise a `StoreError` when it is not there."""
    return store.load(CampaignRecord, campaign_id)


def set_campaign_state(
    store: Store, campaign_id: str, state: CampaignState, reason: str | None = None
) -> None:
    """Pause, resume, cancel or finish a campaign.

    Parameters
    ----------
    store : Store
    campaign_id : str
    state : {'active', 'paused', 'cancelled', 'finished'}
    reason : str, optional
        Why; an earlier one is forgotten.
    """
    store.update(CampaignRecord, campaign_id, {"state": state, "state_reason": reason})


def begin_round(store: Store, campaign_id: str, round_number: int) -> None:
    """Record that a round has begun; the current round never goes back."""
    store.collection(CampaignRecord).update_one(
        {"_id": campaign_id}, {"$max": {"current_round": round_number}}
    )


def _by_id(store: Store, wanted: str) -> list[CampaignRecord]:
    if len(wanted) < _SHORTEST_PREFIX:
        return []
    return _matching(store, {"_id": {"$regex": f"^{re.escape(wanted)}"}})


def _matching(store: Store, query: Mapping[str, Any]) -> list[CampaignRecord]:
    cursor = store.collection(CampaignRecord).find(dict(query)).sort("created_at", -1)
    return [parse(CampaignRecord, found) for found in cursor]
