"""Labels are planned once: one that exists is reused, and who asked for it is recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from pymongo import UpdateOne

from beamheat_fw.identity import content_hash
from beamheat_fw.store.database import Store, make
from beamheat_fw.store.documents import Label, LabelRequest
from beamheat_fw.store.structures import atoms_hash, composition_fields, structure_document

if TYPE_CHECKING:
    from ase import Atoms

_BATCH: Final = 500


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
