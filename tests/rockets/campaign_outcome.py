"""What a campaign came to: every document to the last digit, without the circumstances of its making."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pymongo.database import Database

COLLECTIONS = (
    "campaigns",
    "labels",
    "datasets",
    "potentials",
    "committees",
    "rounds",
    "md_runs",
    "spectra",
    "conductances",
    "predictions",
    "provenance",
)

#: When and where something was made, by which launch, how long it took, and how often it had to be begun.
CIRCUMSTANCES = frozenset(
    {
        "attempts",
        "cpu_s",
        "created_at",
        "dir_name",
        "fw_id",
        "host",
        "last_updated",
        "max_rss_MiB",
        "launch_id",
        "wall_s",
    }
)


def outcome(database: Database, collections: Iterable[str] = COLLECTIONS) -> dict[str, Any]:
    """Return what is in the database, by collection and id.

    Everything in it is a function of the campaign file: labels, weights of the potentials (the hash of their
    packages), frames, series, verdicts, conductance and prediction. Nothing is rounded.
    """
    found: dict[str, Any] = {
        name: {document["_id"]: essence(document) for document in database[name].find()}
        for name in collections
    }
    steps = database["workflows"].find({"metadata.step_key": {"$exists": True}})
    found["steps"] = sorted(workflow["metadata"]["step_key"] for workflow in steps)
    found["fireworks"] = sorted(
        (firework["name"], firework["state"]) for firework in database["fireworks"].find()
    )
    return found


def essence(value: Any) -> Any:
    """Return a document without its circumstances."""
    if isinstance(value, Mapping):
        return {key: essence(item) for key, item in value.items() if key not in CIRCUMSTANCES}
    if isinstance(value, (list, tuple)):
        return [essence(item) for item in value]
    return value


def differences(one: Any, other: Any, path: str = "") -> Iterator[str]:
    """Yield where two outcomes differ."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in sorted({*one, *other}, key=str):
            if key not in one or key not in other:
                yield f"{path}/{key} is {'missing in' if key not in other else 'only in'} the second"
            else:
                yield from differences(one[key], other[key], f"{path}/{key}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, (first, second) in enumerate(zip(one, other, strict=True)):
            yield from differences(first, second, f"{path}/{number}")
    elif one != other:
        yield f"{path}: {one!r:.80} and {other!r:.80}"
