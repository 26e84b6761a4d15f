"""Provenance: what every document was made from, by which launch, codes and host.

An edge is written before the document it explains, under an id that follows from both its ends and the role:
doing it again changes nothing. The labels of a dataset stand in the dataset, not in edges of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from beamheat_fw.store.database import Store, make
from beamheat_fw.store.documents import MODELS, Document, Edge
from beamheat_fw.store.documents.records import Reference

if TYPE_CHECKING:
    from pymongo.client_session import ClientSession

Direction = Literal["back", "ahead"]
#: A trail stops growing at this many documents and says so.
MAX_NODES: Final = 200_000
_BATCH: Final = 5_000
#: What a trail leaves out of its edges.
_BOOKKEEPING: Final = dict.fromkeys(
    ("schema_version", "tags", "campaign_id", "created_at", "last_updated"), 0
)


@dataclass(frozen=True)
class Source:
    """One thing a document was made from.

    Attributes
    ----------
    collection, id : str
    role : str
        As what it was used, such as ``training-set``.
    """

    collection: str
    id: str
    role: str


@dataclass(frozen=True)
class Maker:
    """Who made a document.

    Attributes
    ----------
    fw_id, launch_id : int or None
        The firework and its launch.
    versions : dict of str to str
        Code name and version.
    host : str
    """

    fw_id: int | None = None
    launch_id: int | None = None
    versions: dict[str, str] = field(default_factory=dict)
    host: str = ""


def save_with_sources(
    store: Store,
    document: Document,
    sources: Iterable[Source],
    maker: Maker,
    session: ClientSession | None = None,
) -> str:
    """Write the edges to a document's sources, then the document; return its id.

    Parameters
    ----------
    store : Store
    document : Document
    sources : iterable of Source
        What it was made from, each in its role.
    maker : Maker
        Who made it.
    session : ClientSession, optional
        A transaction to write in.
    """
    record_sources(store, Reference(collection=document.collection, id=document.id), sources, maker, session)
    return store.save(document, session=session)


def record_sources(
    store: Store, to: Reference, sources: Iterable[Source], maker: Maker, session: ClientSession | None = None
) -> list[str]:
    """Write one edge from every source to a document that is about to be written; return the edges' ids."""
    return [store.save(_edge(source, to, maker), session=session) for source in sources]


def trail(
    store: Store,
    identifiers: str | Sequence[str],
    direction: Direction = "back",
    max_nodes: int = MAX_NODES,
    without_role: str | None = None,
) -> dict[str, Any]:
    """Return everything that documents were made from (back), or everything made from them (ahead).

    Parameters
    ----------
    identifiers : str or sequence of str
        Whole ids of documents.
    direction : {'back', 'ahead'}
    max_nodes : int
        Where to stop.
    without_role : str, optional
        Edges of this role are not followed.

    Returns
    -------
    dict
        ``nodes``: dicts of ``collection``, ``id`` and ``depth``, nearest first, without those it starts from;
        ``edges``: stored edges and those that stand in datasets; ``truncated``: whether `max_nodes` was hit.
    """
    nodes: dict[str, dict[str, Any]] = {}
    edges: dict[str, dict[str, Any]] = {}
    frontier = [identifiers] if isinstance(identifiers, str) else list(identifiers)
    seen, depth = set(frontier), 0
    while frontier and len(nodes) < max_nodes:
        depth += 1
        following: list[str] = []
        for edge in _neighbours(store, frontier, direction):
            if edge["role"] == without_role:
                continue
            edges.setdefault(edge["id"], edge)
            end = edge["from"] if direction == "back" else edge["to"]
            if end["id"] not in seen:
                seen.add(end["id"])
                nodes[end["id"]] = {**end, "depth": depth}
                following.append(end["id"])
        frontier = following
    return {
        "nodes": list(nodes.values()),
        "edges": list(edges.values()),
        "truncated": len(nodes) >= max_nodes,
    }


def locate(store: Store, identifier: str) -> list[Reference]:
    """Return the documents whose id is `identifier`, or begins with it, whatever their collection."""
    import re

    found = []
    for name in MODELS:
        query = {"_id": {"$regex": f"^{re.escape(identifier)}"}}
        found += [
            Reference(collection=name, id=hit["_id"])
            for hit in store.db[name].find(query, {"_id": 1}).limit(5)
        ]
    whole = [reference for reference in found if reference.id == identifier]
    return whole or found


def _edge(source: Source, to: Reference, maker: Maker) -> Edge:
    return make(
        Edge,
        source=Reference(collection=source.collection, id=source.id),
        to=to,
        role=source.role,
        fw_id=maker.fw_id,
        launch_id=maker.launch_id,
        versions=maker.versions,
        host=maker.host,
    )


def _neighbours(store: Store, ids: Sequence[str], direction: Direction) -> Iterable[dict[str, Any]]:
    here = "to.id" if direction == "back" else "from.id"
    for start in range(0, len(ids), _BATCH):
        batch = list(ids[start : start + _BATCH])
        for edge in store.collection(Edge).find({here: {"$in": batch}}, _BOOKKEEPING):
            yield {name: value for name, value in edge.items() if name != "_id"} | {"id": edge["_id"]}
        yield from _memberships(store, batch, direction)


def _memberships(store: Store, ids: Sequence[str], direction: Direction) -> Iterable[dict[str, Any]]:
    wanted = set(ids)
    query = {("_id" if direction == "back" else "label_ids"): {"$in": list(ids)}}
    for dataset in store.db["datasets"].find(query, {"split": 1}):
        for part, members in dataset["split"].items():
            for label in members:
                if direction == "back" or label in wanted:
                    yield {
                        "id": f"{label}:{dataset['_id']}",
                        "from": {"collection": "labels", "id": label},
                        "to": {"collection": "datasets", "id": dataset["_id"]},
                        "role": part,
                    }
