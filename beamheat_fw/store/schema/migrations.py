"""Databases of earlier releases brought to this one's schema, one version at a time, document by document.

A migration may be killed anywhere and run again: each document is replaced as a whole, only while it has the
old version, and the database counts as migrated when the last one is done. `look` does all but write.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError
from pymongo import ReplaceOne

from beamheat_fw.errors import InputError, StoreError
from beamheat_fw.store.artifacts import put_artifact
from beamheat_fw.store.documents import MODELS, SCHEMA_VERSION
from beamheat_fw.store.documents.base import refused
from beamheat_fw.store.schema import versions as schema
from beamheat_fw.store.schema.migrate_1_to_2 import label_made_by, spectrum_positions
from beamheat_fw.store.schema.migration_step import Changed, Step

if TYPE_CHECKING:
    from beamheat_fw.store.database import Store

_BATCH: Final = 200

#: The step from each version to the next.
STEPS: Final[dict[int, Step]] = {
    1: Step(
        "labels say which launch, host and codes made them; the series of spectrum maps go to GridFS",
        {"labels": label_made_by, "spectra": spectrum_positions},
    )
}


@dataclass(frozen=True)
class Migration:
    """What a migration has to do, or has done.

    Attributes
    ----------
    from_version, to_version : int
    steps : tuple of str
    documents : dict of str to int
        Documents of an older version, by collection.
    """

    from_version: int
    to_version: int
    steps: tuple[str, ...]
    documents: dict[str, int]


def look(store: Store) -> Migration:
    """Return what a migration would do: every document is changed and checked, none is written.

    Raises
    ------
    InputError
        A newer release wrote the database.
    StoreError
        A document cannot be migrated; it is named.
    """
    version = schema.stored_version(store)
    if version is None or version >= SCHEMA_VERSION:
        schema.check_schema(store)
        return Migration(SCHEMA_VERSION, SCHEMA_VERSION, (), {})
    counts = {name: sum(1 for _ in _changed(store, name)) for name in MODELS}
    steps = tuple(STEPS[number].what for number in range(version, SCHEMA_VERSION))
    return Migration(version, SCHEMA_VERSION, steps, {name: count for name, count in counts.items() if count})


def migrate(store: Store) -> Migration:
    """Bring the database to this release's schema; one that has it already is left alone.

    The validators come first: from then on workers of the older release are refused by the server.

    Raises
    ------
    InputError
        A newer release wrote the database, or rockets are running.
    StoreError
        A document cannot be migrated; it is named, and nothing is written.
    """
    planned = look(store)
    if planned.from_version == planned.to_version:
        return planned
    _check_idle(store)
    schema.ensure_validators(store)
    for name in planned.documents:
        _replace(store, name)
    store.ensure_indexes()
    schema.mark(store)
    return planned


def _check_idle(store: Store) -> None:
    running = store.db["launches"].find({"state": "RUNNING"}, {"fw_id": 1}).limit(5)
    if fireworks := [launch["fw_id"] for launch in running]:
        raise InputError(
            "Fireworks are running, and would go on writing documents of the old schema",
            "Pause the campaigns and wait for them, or mend lost runs with the older release's "
            "`beamheat doctor --fix`.",
            {"fireworks": fireworks},
        )


def _changed(store: Store, name: str) -> Iterator[Changed]:
    """Yield the new form of each older document of a collection."""
    older = {"schema_version": {"$lt": SCHEMA_VERSION}}
    for document in store.db[name].find(older, batch_size=_BATCH):
        changed = Changed(document)
        for version in range(document["schema_version"], SCHEMA_VERSION):
            if change := STEPS[version].changes.get(name):
                after = change(store, changed.document)
                changed = Changed(after.document, (*changed.artifacts, *after.artifacts))
        changed.document["schema_version"] = SCHEMA_VERSION
        _check(name, changed.document)
        yield changed


def _check(name: str, document: Mapping[str, Any]) -> None:
    try:
        MODELS[name].model_validate(dict(document))
    except ValidationError as error:
        problem = refused(error, "A stored document")
        values = {"collection": name, "id": document.get("_id")} | problem.values
        raise StoreError(
            "A document cannot be migrated", f"{problem.fix} Mend it by hand, or delete it.", values
        ) from None


def _replace(store: Store, name: str) -> None:
    """Replace the older documents of a collection, in batches."""
    changed = _changed(store, name)
    while batch := list(islice(changed, _BATCH)):
        for each in batch:
            for content in each.artifacts:
                put_artifact(store, content, kind="migrated")
        older = {"schema_version": {"$lt": SCHEMA_VERSION}}
        store.db[name].bulk_write(
            [ReplaceOne({"_id": each.document["_id"], **older}, each.document) for each in batch],
            ordered=False,
        )
