"""The database: a thin holder of one pymongo database, and how documents enter and leave it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from bson.codec_options import CodecOptions
from pydantic import TypeAdapter, ValidationError
from pymongo import WriteConcern
from pymongo.read_concern import ReadConcern

from beamheat_fw.errors import InputError, StoreError
from beamheat_fw.store.documents.base import SCHEMA_VERSION, Document, refused

if TYPE_CHECKING:
    from fireworks import LaunchPad
    from pymongo.client_session import ClientSession
    from pymongo.collection import Collection
    from pymongo.database import Database

#: A write that no majority of the replica set has confirmed within this time raises.
WRITE_TIMEOUT_MS: Final = 20_000

D = TypeVar("D", bound=Document)


class Store:
    """One MongoDB database with beamheat_fw's collections beside those of FireWorks.

    Parameters
    ----------
    database : pymongo Database
        Dates read through the store carry UTC; writes wait for a majority of the replica set.
    """

    def __init__(self, database: Database) -> None:
        self.db: Database = database.with_options(
            codec_options=CodecOptions(tz_aware=True, tzinfo=UTC),
            write_concern=WriteConcern("majority", wtimeout=WRITE_TIMEOUT_MS),
            read_concern=ReadConcern("majority"),
        )

    @classmethod
    def from_launchpad(cls, launchpad: LaunchPad) -> Self:
        """Return the store in the database of a FireWorks LaunchPad."""
        return cls(launchpad.db)

    def collection(self, kind: type[Document] | str) -> Collection:
        """Return the collection of a document model, or the one of that name."""
        return self.db[kind if isinstance(kind, str) else kind.collection]

    def ensure_indexes(self) -> None:
        """Create the indexes that are not there yet; safe to repeat and to race."""
        from beamheat_fw.store.schema.indexes import INDEXES

        for name, models in INDEXES.items():
            self.db[name].create_indexes(list(models))

    def save(self, document: Document, session: ClientSession | None = None) -> str:
        """Write a whole document, over an earlier one of its id; return the id.

        `created_at` stays that of the first writing.
        """
        fields = document.to_mongo()
        identifier = fields.pop("_id")
        now = datetime.now(UTC)
        self.collection(type(document)).update_one(
            {"_id": identifier},
            {"$set": fields | {"last_updated": now}, "$setOnInsert": {"created_at": now}},
            upsert=True,
            session=session,
        )
        return identifier

    def create(self, document: Document, session: ClientSession | None = None) -> bool:
        """Write a document unless one of its id is there; return whether it was written."""
        fields = document.to_mongo()
        identifier = fields.pop("_id")
        now = datetime.now(UTC)
        result = self.collection(type(document)).update_one(
            {"_id": identifier},
            {"$setOnInsert": fields | {"created_at": now, "last_updated": now}},
            upsert=True,
            session=session,
        )
        return result.upserted_id is not None

    def update(
        self,
        kind: type[Document],
        identifier: str,
        fields: Mapping[str, Any],
        session: ClientSession | None = None,
    ) -> None:
        """Set some fields of a document that exists.

        Raises
        ------
        InputError
            A field is unknown or of a wrong type; nothing is written.
        StoreError
            There is no document of this id.
        """
        checked = check_fields(kind, fields)
        result = self.collection(kind).update_one(
            {"_id": identifier}, {"$set": checked | {"last_updated": datetime.now(UTC)}}, session=session
        )
        if not result.matched_count:
            raise _missing(kind, identifier)

    def load(self, kind: type[D], identifier: str, session: ClientSession | None = None) -> D:
        """Return the document of an id.

        Raises
        ------
        StoreError
            There is no such document, or another release wrote it.
        """
        found = self.collection(kind).find_one({"_id": identifier}, session=session)
        if found is None:
            raise _missing(kind, identifier)
        return parse(kind, found)

    def find(
        self, kind: type[D], query: Mapping[str, Any], *, newest_first: bool = False, limit: int = 0
    ) -> Iterator[D]:
        """Yield the documents that match a MongoDB query.

        Parameters
        ----------
        kind : type of Document
        query : mapping
        newest_first : bool
            Oldest first if not.
        limit : int
            Stop after so many; 0 for all.

        Raises
        ------
        StoreError
            Another release wrote one of them.
        """
        order = -1 if newest_first else 1
        cursor = self.collection(kind).find(dict(query)).sort([("created_at", order), ("_id", order)])
        for found in cursor.limit(limit):
            yield parse(kind, found)


def parse(kind: type[D], found: Mapping[str, Any]) -> D:
    """Return a stored document as its model.

    Raises
    ------
    StoreError
        Another release wrote it, or it was changed by hand and is no longer valid.
    """
    version = found.get("schema_version")
    values = {"collection": kind.collection, "id": found.get("_id")}
    if version != SCHEMA_VERSION:
        raise StoreError(
            "A document was written by another release",
            f"This release reads schema version {SCHEMA_VERSION}: use the release that wrote it, or migrate.",
            values | {"schema_version": version},
        )
    try:
        return kind.model_validate(dict(found))
    except ValidationError as error:
        problem = refused(error, "A stored document")
        raise StoreError(problem.what, f"{problem.fix} Mend it by hand.", values | problem.values) from None


def make(model: type[D], /, **fields: Any) -> D:
    """Return a document, or raise an `InputError` that names the first wrong field."""
    try:
        return model(**fields)
    except ValidationError as error:
        raise refused(error, f"This document for {model.collection}") from None


def check_fields(kind: type[Document], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return single fields of a document as MongoDB stores them.

    Raises
    ------
    InputError
        A field is unknown or of a wrong type.
    """
    from beamheat_fw.identity import plain

    checked = {}
    for name, value in fields.items():
        if name not in kind.model_fields or name in ("id", *kind.key):
            raise InputError(
                f"A document of {kind.collection} has no such field to set",
                "Use a field of its model; ids and keys never change.",
                {"field": name},
            )
        adapter = _field_adapter(kind, name)
        try:
            checked[kind.model_fields[name].alias or name] = adapter.dump_python(
                adapter.validate_python(plain(value)), by_alias=True
            )
        except ValidationError as error:
            problem = refused(error, f"This change to a document of {kind.collection}")
            raise InputError(problem.what, problem.fix, problem.values | {"field": name}) from None
    return checked


@lru_cache(maxsize=256)
def _field_adapter(kind: type[Document], name: str) -> TypeAdapter:
    from pydantic import BaseModel, ConfigDict

    annotation: Any = kind.model_fields[name].annotation
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return TypeAdapter(annotation)
    return TypeAdapter(annotation, config=ConfigDict(allow_inf_nan=False))


def _missing(kind: type[Document], identifier: str) -> StoreError:
    return StoreError(
        f"There is no such document in {kind.collection}",
        f"Look for it with `beamheat find {kind.collection}`.",
        {"id": identifier},
    )
