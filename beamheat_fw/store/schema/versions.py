"""The database's schema: which version it has, who may read it, and its collections, validators and indexes.

The collection `beamheat` holds one document, the mark ``{"_id": "schema", "version": N}``. A database without
it was written before there were marks, or is new.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pymongo.errors import CollectionInvalid, OperationFailure

from beamheat_fw.errors import InputError
from beamheat_fw.store.documents import MODELS, SCHEMA_VERSION
from beamheat_fw.store.schema.validators import validator

if TYPE_CHECKING:
    from beamheat_fw.store.database import Store

MARK: Final = "beamheat"
_MARK_ID: Final = "schema"
#: MongoDB's error codes NamespaceExists and ConflictingOperationInProgress.
_RACED: Final = (48, 117)


def stored_version(store: Store) -> int | None:
    """Return the schema version of the database; None when it holds nothing of beamheat_fw's."""
    mark = store.db[MARK].find_one({"_id": _MARK_ID})
    if mark is not None:
        return int(mark["version"])
    versions = [version for name in MODELS if (version := _other_version(store, name)) is not None]
    if versions:
        return min(versions)
    return SCHEMA_VERSION if any(store.db[name].find_one({}, {"_id": 1}) for name in MODELS) else None


def check_schema(store: Store) -> None:
    """Refuse a database of another schema version.

    Raises
    ------
    InputError
        It was written by an older or by a newer release.
    """
    version = stored_version(store)
    if version in (None, SCHEMA_VERSION):
        return
    values = {"database": store.db.name, "schema_version": version, "this_release": SCHEMA_VERSION}
    if version is not None and version > SCHEMA_VERSION:
        raise InputError(
            "A newer release of beamheat_fw wrote this database",
            "Update beamheat_fw; nothing was written.",
            values,
        )
    raise InputError(
        "An older release of beamheat_fw wrote this database",
        "Look with `beamheat db migrate --dry-run`, back it up, and run `beamheat db migrate`.",
        values,
    )


def ensure_schema(store: Store) -> None:
    """Create what is missing of collections, validators and indexes; safe to repeat and to race.

    Raises
    ------
    InputError
        Another release wrote the database; nothing is changed.
    """
    check_schema(store)
    ensure_validators(store)
    store.ensure_indexes()
    mark(store)


def ensure_validators(store: Store) -> None:
    """Give each collection the validator of its model; FireWorks' collections are left alone.

    The action is ``error``: a refused write is mended at once, while a document that slipped in stops whoever
    reads it later.
    """
    found = {each["name"]: each.get("options", {}) for each in store.db.list_collections()}
    for name, model in MODELS.items():
        wanted = {"validator": validator(model), "validationLevel": "strict", "validationAction": "error"}
        if name not in found:
            _create(store, name, wanted)
        elif any(found[name].get(option) != value for option, value in wanted.items()):
            store.db.command({"collMod": name, **wanted})


def mark(store: Store) -> None:
    """Write that the database has this release's version; an equal mark is left alone."""
    since = {"$cond": [{"$eq": ["$version", SCHEMA_VERSION]}, "$since", "$$NOW"]}
    store.db[MARK].update_one(
        {"_id": _MARK_ID}, [{"$set": {"version": SCHEMA_VERSION, "since": since}}], upsert=True
    )


def _create(store: Store, name: str, options: dict[str, Any]) -> None:
    try:
        store.db.create_collection(name, **options)
    except CollectionInvalid:
        pass
    except OperationFailure as error:
        if error.code not in _RACED:
            raise


def _other_version(store: Store, name: str) -> int | None:
    """Return a version other than this release's that a document of the collection has."""
    found = store.db[name].find_one({"schema_version": {"$ne": SCHEMA_VERSION}}, {"schema_version": 1})
    version = found and found.get("schema_version")
    return version if isinstance(version, int) else None
