"""Rounds of active learning, written piece by piece under their key (campaign, round)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from beamheat_fw.identity import key_id
from beamheat_fw.store.database import Store, check_fields, make
from beamheat_fw.store.documents import Round

if TYPE_CHECKING:
    from pymongo.client_session import ClientSession


def upsert_round(
    store: Store, campaign_id: str, round_number: int, *, session: ClientSession | None = None, **fields: Any
) -> str:
    """Set some fields of a round, which is created if it is not there; return its id.

    Parameters
    ----------
    store : Store
    campaign_id : str
    round_number : int
    session : ClientSession, optional
        A transaction to write in.
    **fields
        Fields of `Round`; those left out stay as they are.

    Raises
    ------
    InputError
        A field is unknown or of a wrong type; nothing is written.
    """
    changed = check_fields(Round, fields)
    empty = make(Round, campaign_id=campaign_id, round=round_number).to_mongo()
    identifier = empty.pop("_id")
    now = datetime.now(UTC)
    rest = {name: value for name, value in empty.items() if name not in changed}
    store.collection(Round).update_one(
        {"_id": identifier},
        {"$set": changed | {"last_updated": now}, "$setOnInsert": rest | {"created_at": now}},
        upsert=True,
        session=session,
    )
    return identifier


def rounds_of_campaign(store: Store, campaign_id: str) -> list[Round]:
    """Return the rounds of a campaign in their order."""
    return sorted(store.find(Round, {"campaign_id": campaign_id}), key=lambda found: found.round)


def load_round(store: Store, campaign_id: str, round_number: int) -> Round:
    """Return one round; raise a `StoreError` when it is not there."""
    return store.load(Round, key_id(Round.collection, campaign_id, round_number))
