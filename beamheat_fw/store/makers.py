"""Who made the documents of a trail: launches, hosts and code versions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from beamheat_fw.store.database import Store

_BATCH: Final = 5_000


@dataclass(frozen=True)
class Made:
    """One document and who made it.

    Attributes
    ----------
    collection, id : str
    launch : tuple
        Launch and firework, as far as they are known.
    host : str
    versions : dict of str to str
        Code name and version.
    """

    collection: str
    id: str
    launch: tuple[int | None, int | None]
    host: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)


def makers(store: Store, start: Mapping[str, str], trail: Mapping[str, Any]) -> dict[str, Any]:
    """Return the launches, hosts and code versions behind a document.

    Parameters
    ----------
    start : mapping
        ``collection`` and ``id`` of the document itself, which counts too.
    trail : mapping
        What it was made from, as `provenance.trail` returns it.

    Returns
    -------
    dict
        ``launches``: dicts of ``launch_id``, ``fw_id``, ``host``, ``versions`` and ``made`` (how many
        documents of each collection), in order; ``hosts``; ``versions``: those of each code;
        ``not_recorded``: how many labels are without a launch, such as imported ones.
    """
    nodes = [start, *trail["nodes"]]
    labels = [node["id"] for node in nodes if node["collection"] == "labels"]
    wanted = {node["id"] for node in nodes}
    made = [*_by_edges(trail["edges"], wanted), *_labels(store, labels)]
    launches: dict[tuple[int | None, int | None], dict[str, Any]] = {}
    for each in made:
        launch_id, fw_id = each.launch
        found = launches.setdefault(
            each.launch,
            {"launch_id": launch_id, "fw_id": fw_id, "host": each.host, "versions": {}, "made": {}},
        )
        found["versions"] |= each.versions
        found["made"][each.collection] = found["made"].get(each.collection, 0) + 1
    return {
        "launches": [launches[key] for key in sorted(launches, key=lambda key: (key[0] or 0, key[1] or 0))],
        "hosts": sorted({each.host for each in made if each.host}),
        "versions": _versions(made),
        "not_recorded": len(labels) - sum(each.collection == "labels" for each in made),
    }


def _by_edges(edges: Sequence[Mapping[str, Any]], wanted: set[str]) -> Iterator[Made]:
    """Yield each document once that an edge of a launch leads to."""
    seen = set()
    for edge in edges:
        identifier = edge["to"]["id"]
        if "launch_id" in edge and identifier in wanted and identifier not in seen:
            seen.add(identifier)
            launch = (edge["launch_id"], edge.get("fw_id"))
            yield Made(
                edge["to"]["collection"], identifier, launch, edge.get("host", ""), edge.get("versions", {})
            )


def _labels(store: Store, ids: Sequence[str]) -> Iterator[Made]:
    for start in range(0, len(ids), _BATCH):
        query = {"_id": {"$in": list(ids[start : start + _BATCH])}, "made_by": {"$ne": None}}
        for label in store.db["labels"].find(query, {"made_by": 1, "fw_id": 1}):
            by = label["made_by"]
            launch = (by.get("launch_id"), label.get("fw_id"))
            yield Made("labels", label["_id"], launch, by.get("host", ""), by.get("versions", {}))


def _versions(made: Sequence[Made]) -> dict[str, list[str]]:
    found: dict[str, set[str]] = {}
    for each in made:
        for code, version in each.versions.items():
            found.setdefault(code, set()).add(version)
    return {code: sorted(found[code]) for code in sorted(found)}
