"""Whether a campaign may start more work: it is active, and its core hours are not spent."""

from __future__ import annotations

from beamheat_fw.errors import Paused
from beamheat_fw.launch.fencing import FencedLaunchPad
from beamheat_fw.store.campaigns import set_campaign_state
from beamheat_fw.store.costs import core_hours_of
from beamheat_fw.store.database import Store
from beamheat_fw.store.documents import CampaignRecord


def hold_back(launchpad: FencedLaunchPad, store: Store, record: CampaignRecord) -> None:
    """Raise `Paused` unless a campaign may start work; pause it when its core hours are spent."""
    if record.state == "active" and is_spent(store, record):
        record = pause_spent(launchpad, store, record)
    if record.state in ("paused", "cancelled"):
        raise Paused(
            f"The campaign is {record.state}",
            "Nothing to mend: `beamheat resume` goes on with a paused campaign.",
            {"campaign": record.name, "reason": record.state_reason or "somebody asked for it"},
        )


def is_spent(store: Store, record: CampaignRecord) -> bool:
    """Tell whether a campaign's launches have come to the core hours that it may cost."""
    return record.max_core_hours is not None and core_hours_of(store, record) >= record.max_core_hours


def pause_spent(launchpad: FencedLaunchPad, store: Store, record: CampaignRecord) -> CampaignRecord:
    """Pause a campaign whose core hours are spent; what runs goes on to its end."""
    reason = (
        f"{core_hours_of(store, record):.3g} of {record.max_core_hours:g} core hours are spent; "
        f"go on with `beamheat resume {record.name} --max-core-hours N`"
    )
    set_campaign_state(store, record.id, "paused", reason)
    launchpad.pause_campaign(record.id)
    return record.model_copy(update={"state": "paused", "state_reason": reason})
