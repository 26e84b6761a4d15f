"""How a label ends: completed once and for ever, or failed with its reason until it is tried anew."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pymongo import UpdateOne

from beamheat_fw.errors import InputError
from beamheat_fw.store.database import Store, check_fields
from beamheat_fw.store.documents import Label, LabelResult

if TYPE_CHECKING:
    from pymongo.client_session import ClientSession


def complete(
    store: Store,
    label_id: str,
    result: LabelResult,
    *,
    fw_id: int | None = None,
    session: ClientSession | None = None,
) -> bool:
    """Save a result; return False when the label had one already, which is kept.

    Raises
    ------
    InputError
        The result has not one force for each atom; nothing is written.
    StoreError
        There is no such label.
    """
    label = store.load(Label, label_id, session=session)
    if len(result.forces_eV_A) != label.nsites:
        raise InputError(
            "A result does not fit its label",
            "Give one force for each atom, in the order of the label's structure.",
            {"label_id": label_id, "forces": len(result.forces_eV_A), "atoms": label.nsites},
        )
    change = result.model_dump() | {"state": "completed", "lease": None, "reason": None}
    return _end(store, {"_id": label_id, "state": {"$ne": "completed"}}, change, fw_id, session)


def fail(
    store: Store,
    label_id: str,
    reason: Mapping[str, Any],
    *,
    owner: str | None = None,
    analysis: Mapping[str, Any] | None = None,
    run_stats: Mapping[str, Any] | None = None,
    fw_id: int | None = None,
    session: ClientSession | None = None,
) -> bool:
    """Record that a structure cannot be labelled; a completed label stays completed.

    Parameters
    ----------
    reason : mapping
        The error's `to_dict()`: kind, what, fix, values.
    owner : str, optional
        When given, only the holder of the claim can fail the label.
    analysis, run_stats : mapping, optional
        Attempts and corrections; what they took.

    Returns
    -------
    bool
        Whether the label was marked failed now.
    """
    query: dict[str, Any] = {"_id": label_id, "state": {"$in": ["planned", "running"]}}
    if owner is not None:
        query |= {"state": "running", "lease.owner": owner}
    change: dict[str, Any] = {"state": "failed", "reason": dict(reason), "lease": None}
    if analysis is not None:
        change["analysis"] = dict(analysis)
    if run_stats is not None:
        change["run_stats"] = dict(run_stats)
    return _end(store, query, change, fw_id, session)


def retry(store: Store, label_ids: Sequence[str]) -> int:
    """Plan failed labels anew, without what they failed by, which is kept in `failures`; return how many."""
    query = {"_id": {"$in": list(label_ids)}, "state": "failed"}
    changes = [
        UpdateOne(
            {"_id": found["_id"], "state": "failed"},
            {
                "$set": {
                    "state": "planned",
                    "lease": None,
                    "analysis.errors": [],
                    "analysis.details": {},
                    "last_updated": datetime.now(UTC),
                },
                "$inc": {"retries": 1},
                "$push": {"failures": failure_kind(found.get("reason"))},
            },
        )
        for found in store.collection(Label).find(query, {"reason": 1})
    ]
    return store.collection(Label).bulk_write(changes).modified_count if changes else 0


def failure_kind(reason: Mapping[str, Any] | None) -> str:
    """Return what makes two failures of a label equal: their kind and words, whatever the numbers in them."""
    reason = reason or {}
    words = (reason.get("kind", ""), reason.get("what", ""), (reason.get("values") or {}).get("reason", ""))
    return re.sub(r"\d+(\.\d+)?", "#", ": ".join(str(word) for word in words if word))[:200]


def record_attempts(store: Store, label_id: str, attempts: Sequence[Mapping[str, Any]], owner: str) -> None:
    """Write down the attempts at a label that its owner has not finished, for whoever goes on with it."""
    held = {"_id": label_id, "state": "running", "lease.owner": owner}
    store.collection(Label).update_one(
        held, {"$set": {"analysis.details.attempts": [dict(attempt) for attempt in attempts]}}
    )


def _end(
    store: Store,
    query: Mapping[str, Any],
    change: dict[str, Any],
    fw_id: int | None,
    session: ClientSession | None,
) -> bool:
    fields = check_fields(Label, change if fw_id is None else change | {"fw_id": fw_id})
    result = store.collection(Label).update_one(
        query, {"$set": fields | {"last_updated": datetime.now(UTC)}}, session=session
    )
    return bool(result.matched_count)
