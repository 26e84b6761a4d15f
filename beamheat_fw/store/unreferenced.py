"""Artifacts that no document names any more, and chunks of uploads that were cut off."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from beamheat_fw.store.artifacts import BUCKET
from beamheat_fw.store.documents import MODELS

if TYPE_CHECKING:
    from bson import ObjectId

    from beamheat_fw.store.database import Store

#: Fields that are large and name no artifact.
_LEFT_OUT: Final = {"labels": ("structure", "forces_eV_A", "stress_eV_A3")}
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Leftover:
    """Content in the database that nothing refers to.

    Attributes
    ----------
    store : Store
    file_id : ObjectId
    name : str
        What it was: the hash of an artifact.
    size : int
        Bytes.
    is_whole : bool
        Whether it is an artifact, or the chunks of an upload that was cut off.
    """

    store: Store
    file_id: ObjectId
    name: str
    size: int
    is_whole: bool

    def remove(self, before: datetime) -> bool:
        """Remove it, unless somebody has saved or needed it again since `before`; return whether it went."""
        old = {"_id": self.file_id, "uploadDate": {"$lt": before}}
        if self.is_whole and not self.store.db[f"{BUCKET}.files"].delete_one(old).deleted_count:
            return False
        self.store.db[f"{BUCKET}.chunks"].delete_many({"files_id": self.file_id})
        return True


def leftovers(store: Store, before: datetime) -> Iterator[Leftover]:
    """Yield what is older than `before` and that no document and no firework names."""
    files = store.db[f"{BUCKET}.files"]
    # Looked for first: a document that is written from now on names what is younger.
    old = list(files.find({"uploadDate": {"$lt": before}}, {"filename": 1, "length": 1}))
    named = set(_named(store)) if old else set()
    for found in old:
        if found["filename"] not in named:
            yield Leftover(store, found["_id"], found["filename"], found["length"], True)
    known = {found["_id"] for found in files.find({}, {"_id": 1})}
    group = {"_id": "$files_id", "chunks": {"$sum": 1}, "size": {"$sum": {"$binarySize": "$data"}}}
    for found in store.db[f"{BUCKET}.chunks"].aggregate([{"$group": group}], allowDiskUse=True):
        if found["_id"] not in known and found["_id"].generation_time < before:
            yield Leftover(store, found["_id"], f"upload {found['_id']}", found["size"], False)


def _named(store: Store) -> Iterator[str]:
    for name in (*MODELS, "fireworks"):
        left_out = dict.fromkeys(_LEFT_OUT.get(name, ()), 0)
        for document in store.db[name].find({}, left_out or None):
            yield from _hashes(document)


def _hashes(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from _SHA256.findall(value)
    elif isinstance(value, Mapping):
        yield from _of_all(value.values())
    elif isinstance(value, (list, tuple)):
        yield from _of_all(value)


def _of_all(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        yield from _hashes(value)
