"""Labels: planned once, claimed by one worker at a time, completed or failed for good.

    planned -> running (a lease: owner and expiry) -> completed | failed
       ^          |
       +----------+  released, or the lease ran out

A label's id is the hash of its structure and its settings, so nobody pays twice for one calculation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from pymongo import ReturnDocument, UpdateOne

from beamheat_fw.errors import InputError, StoreError
from beamheat_fw.identity import content_hash
from beamheat_fw.store.database import Store, make, parse
from beamheat_fw.store.documents import Label, LabelRequest, LabelResult
from beamheat_fw.store.structures import (
    atoms_from_document,
    atoms_hash,
    composition_fields,
    structure_document,
)

if TYPE_CHECKING:
    from ase import Atoms
    from pymongo.client_session import ClientSession

#: How long a claimed label is safe from other workers unless the claim is renewed.
LEASE_S: Final = 900.0
_BATCH: Final = 500
_LEASE_IS_OVER: Final = {"$expr": {"$lt": ["$lease.expires_at", "$$NOW"]}}


@dataclass(frozen=True)
class Level:
    """One level of theory.

    Attributes
    ----------
    name : str
        In short, such as ``gpaw-PBE-d3bj`` or ``emt``.
    settings : mapping
        What the energy means; its hash is part of a label's identity.
    """

    name: str
    settings: Mapping[str, Any]

    @cached_property
    def settings_hash(self) -> str:
        """The content hash of the settings."""
        return content_hash(dict(self.settings))


@dataclass(frozen=True)
class Planned:
    """What `plan_labels` found.

    Attributes
    ----------
    label_ids : tuple of str
        One for each structure given, in that order; equal structures share one.
    new, reused : tuple of str
        Which of them were written now, and which other request had asked for first.
    """

    label_ids: tuple[str, ...]
    new: tuple[str, ...]
    reused: tuple[str, ...]


def plan_labels(
    store: Store,
    structures: Sequence[Atoms],
    requests: Sequence[LabelRequest],
    level: Level,
    *,
    tags: Sequence[str] = (),
    fw_id: int | None = None,
) -> Planned:
    """Ask for labels; those that exist are reused and the request is recorded on them.

    Parameters
    ----------
    structures : sequence of Atoms
    requests : sequence of LabelRequest
        Who asks for each structure, and why.
    level : Level

    Raises
    ------
    InputError
        A structure cannot be identified (no cell, a NaN); nothing is written.
    """
    labels = [
        new_label(atoms, request, level, tags=tuple(tags), fw_id=fw_id)
        for atoms, request in zip(structures, requests, strict=True)
    ]
    new = insert_labels(store, labels)
    ids = tuple(label.id for label in labels)
    return Planned(ids, tuple(dict.fromkeys(i for i in ids if i in new)), _reused(store, labels))


def new_label(atoms: Atoms, request: LabelRequest, level: Level, **fields: Any) -> Label:
    """Return the planned label of a structure, not yet written."""
    return make(
        Label,
        structure_hash=atoms_hash(atoms),
        structure=structure_document(atoms),
        settings_hash=level.settings_hash,
        settings=level.settings,
        level=level.name,
        origin=request,
        campaign_id=request.campaign_id,
        **composition_fields(atoms),
        **fields,
    )


def insert_labels(store: Store, labels: Sequence[Label]) -> set[str]:
    """Write labels that are not there yet and record every request; return the ids written now."""
    new: set[str] = set()
    for start in range(0, len(labels), _BATCH):
        batch = labels[start : start + _BATCH]
        written = store.collection(Label).bulk_write([_insertion(label) for label in batch], ordered=False)
        new.update(str(identifier) for identifier in (written.upserted_ids or {}).values())
        store.collection(Label).bulk_write([_request(label) for label in batch], ordered=False)
    return new


def labels_of_round(
    store: Store,
    campaign_id: str,
    round_number: int | None = None,
    *,
    role: str | None = None,
    state: str | None = None,
) -> list[Label]:
    """Return the labels a campaign asked for, oldest first; of one round, role or state if given."""
    request: dict[str, Any] = {"campaign_id": campaign_id}
    if round_number is not None:
        request["round"] = round_number
    if role is not None:
        request["role"] = role
    # The dotted field lets the index serve the query, which it does not for $elemMatch alone.
    query: dict[str, Any] = {"requests.campaign_id": campaign_id, "requests": {"$elemMatch": request}}
    if state is not None:
        query["state"] = state
    return list(store.find(Label, query))


def load_labels(store: Store, label_ids: Sequence[str]) -> list[Label]:
    """Return labels in the order of the ids given.

    Raises
    ------
    StoreError
        A label is missing.
    """
    found = {d["_id"]: d for d in store.collection(Label).find({"_id": {"$in": list(label_ids)}})}
    missing = [identifier for identifier in label_ids if identifier not in found]
    if missing:
        raise StoreError(
            "Labels are missing", "Plan them first.", {"first": missing[0], "missing": len(missing)}
        )
    return [parse(Label, found[identifier]) for identifier in label_ids]


def label_atoms(label: Label) -> Atoms:
    """Return the structure of a label; a completed one carries energy (eV), forces (eV/Å) and stress.

    The results sit in a SinglePointCalculator; `info` has ``label_id`` and ``role`` (of the first request).
    """
    atoms = atoms_from_document(label.structure)
    atoms.info.update(label_id=label.id, role=label.origin.role, level=label.level)
    if label.energy_eV is not None and label.forces_eV_A is not None:
        from ase.calculators.singlepoint import SinglePointCalculator

        results: dict[str, Any] = {"energy": label.energy_eV, "forces": label.forces_eV_A}
        if label.stress_eV_A3 is not None:
            results["stress"] = label.stress_eV_A3
        atoms.calc = SinglePointCalculator(atoms, **results)
    return atoms


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


def count_states(store: Store, label_ids: Sequence[str]) -> dict[str, int]:
    """Return how many of these labels are in each state."""
    counts = store.collection(Label).aggregate(
        [{"$match": {"_id": {"$in": list(label_ids)}}}, {"$group": {"_id": "$state", "n": {"$sum": 1}}}]
    )
    return {found["_id"]: found["n"] for found in counts}


def _end(
    store: Store,
    query: Mapping[str, Any],
    change: dict[str, Any],
    fw_id: int | None,
    session: ClientSession | None,
) -> bool:
    from beamheat_fw.store.database import check_fields

    fields = check_fields(Label, change if fw_id is None else change | {"fw_id": fw_id})
    result = store.collection(Label).update_one(
        query, {"$set": fields | {"last_updated": datetime.now(UTC)}}, session=session
    )
    return bool(result.matched_count)


def _insertion(label: Label) -> UpdateOne:
    fields = label.to_mongo()
    identifier = fields.pop("_id")
    now = datetime.now(UTC)
    return UpdateOne(
        {"_id": identifier}, {"$setOnInsert": fields | {"created_at": now, "last_updated": now}}, upsert=True
    )


def _request(label: Label) -> UpdateOne:
    return UpdateOne({"_id": label.id}, {"$addToSet": {"requests": label.origin.model_dump()}})


def _reused(store: Store, labels: Sequence[Label]) -> tuple[str, ...]:
    asked = {label.id: label.origin for label in labels}
    found = store.collection(Label).find({"_id": {"$in": list(asked)}}, {"origin": 1})
    others = {d["_id"] for d in found if d["origin"] != asked[d["_id"]].model_dump()}
    return tuple(identifier for identifier in asked if identifier in others)


def _from_now(seconds: float) -> dict[str, Any]:
    return {"$add": ["$$NOW", int(seconds * 1000)]}
