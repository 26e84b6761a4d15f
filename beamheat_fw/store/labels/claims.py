"""A label is claimed by one worker at a time, under a lease that must be renewed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from pymongo import ReturnDocument

from beamheat_fw.store.database import Store, parse
from beamheat_fw.store.documents import Label

#: How long a claimed label is safe from other workers unless the claim is renewed.
LEASE_S: Final = 900.0
_LEASE_IS_OVER: Final = {"$expr": {"$lt": ["$lease.expires_at", "$$NOW"]}}


def claim(store: Store, label_ids: Iterable[str], owner: str, lease_s: float = LEASE_S) -> Iterator[Label]:
    """Yield the labels that are free, each claimed for `owner` at the moment it is yielded.

    Free is a planned label, one whose lease ran out, and one the same owner holds. Time is the server's, so
    the clocks of workers do not matter.

    Parameters
    ----------
    label_ids : iterable of str
    owner : str
        Names this worker and launch; a retry under the same name takes its labels up again.
    lease_s : float
        Seconds the claim holds unless renewed.
    """
    free = [
        {"state": "planned"},
        {"state": "running", **_LEASE_IS_OVER},
        {"state": "running", "lease.owner": owner},
    ]
    take = {
        "state": "running",
        "lease": {"owner": {"$literal": owner}, "expires_at": _from_now(lease_s)},
        "attempts": {"$add": ["$attempts", 1]},
        "last_updated": "$$NOW",
    }
    for identifier in label_ids:
        found = store.collection(Label).find_one_and_update(
            {"_id": identifier, "$or": free}, [{"$set": take}], return_document=ReturnDocument.AFTER
        )
        if found is not None:
            yield parse(Label, found)


def renew(store: Store, label_ids: Sequence[str], owner: str, lease_s: float = LEASE_S) -> list[str]:
    """Extend the owner's claims; return the ids still held (others may have been taken over)."""
    held = {"_id": {"$in": list(label_ids)}, "state": "running", "lease.owner": owner}
    store.collection(Label).update_many(held, [{"$set": {"lease.expires_at": _from_now(lease_s)}}])
    return [found["_id"] for found in store.collection(Label).find(held, {"_id": 1})]


def release(store: Store, label_ids: Sequence[str], owner: str) -> int:
    """Give the owner's claimed labels back as planned; return how many."""
    held = {"_id": {"$in": list(label_ids)}, "state": "running", "lease.owner": owner}
    change = {"state": "planned", "lease": None, "last_updated": datetime.now(UTC)}
    return store.collection(Label).update_many(held, {"$set": change}).modified_count


def _from_now(seconds: float) -> dict[str, Any]:
    return {"$add": ["$$NOW", int(seconds * 1000)]}
