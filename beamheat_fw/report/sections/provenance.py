"""Where everything comes from: the trail behind the newest result, the codes and the machines."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from beamheat_fw.report.blocks import Block, Figure, Section, Table
from beamheat_fw.report.documents import CampaignDocuments
from beamheat_fw.report.figures.graph import Node, layered

_TITLE = "Provenance"
#: Of a longer campaign only the last rounds are drawn.
_DRAWN_ROUNDS: Final = 3
#: Fewer words than the collections' names where these would mislead.
_NAMES = {"md_runs": "MD runs", "rounds": "selections"}
_SINGULAR = {"committees": "committee", "datasets": "dataset", "rounds": "selection", "campaigns": "campaign",
             "conductances": "conductance", "predictions": "prediction", "spectra": "spectrum"}  # fmt: skip


def provenance(documents: CampaignDocuments, start: tuple[str, str] | None, trail: dict[str, Any]) -> Section:
    """Return the trail behind a document, drawn and listed.

    Parameters
    ----------
    documents : CampaignDocuments
    start : tuple of str or None
        Collection and id of the newest result.
    trail : dict
        As `store.provenance.trail` returns it.
    """
    if start is None or not trail["nodes"]:
        return Section(_TITLE, "No result with a trail yet.")
    nodes = [{"collection": start[0], "id": start[1], "depth": 0}, *trail["nodes"]]
    counts = Counter(node["collection"] for node in trail["nodes"])
    reached = ", ".join(f"{count} {_named(name, count)}" for name, count in counts.items())
    blocks: tuple[Block, ...] = (_graph(documents, nodes, trail["edges"]), _ids(nodes))
    return Section(_TITLE, f"Behind this {_named(start[0], 1)} stand {reached}.", blocks)


def versions(trail: dict[str, Any]) -> Section:
    """Return the versions of all codes that took part, and the hosts they ran on."""
    found: dict[str, set[str]] = {}
    for edge in trail["edges"]:
        for name, version in edge.get("versions", {}).items():
            found.setdefault(name, set()).add(version)
    hosts = sorted({edge["host"] for edge in trail["edges"] if edge.get("host")})
    if not found:
        return Section("Versions", "No version has been recorded yet.")
    rows = tuple((name, ", ".join(sorted(found[name]))) for name in sorted(found))
    table = Table("Codes", ("code", "version"), rows, text_columns=(0, 1))
    return Section("Versions", f"Computed on {', '.join(hosts) or 'an unnamed host'}.", (table,))


def _graph(documents: CampaignDocuments, nodes: list[dict[str, Any]], edges: list[dict[str, Any]]) -> Figure:
    """Draw the trail with the documents of one collection and round in one box."""
    rounds = _rounds_of(documents)
    last = max((number for number in rounds.values()), default=0)
    group_of: dict[str, str] = {}
    members: dict[str, list[str]] = {}
    for node in nodes:
        number = rounds.get(node["id"])
        if number is not None and number <= last - _DRAWN_ROUNDS:
            continue
        key = f"{node['collection']}/{'' if number is None else number}"
        group_of[node["id"]] = key
        members.setdefault(key, []).append(node["id"])
    arrows = [(edge["from"]["id"], edge["to"]["id"]) for edge in edges]
    drawn = {(group_of[a], group_of[b]) for a, b in arrows if a in group_of and b in group_of}
    twins = _twins(list(members), drawn)
    drawn = {(twins[a], twins[b]) for a, b in drawn}
    boxes = {
        key: _node([each for each in twins if twins[each] == key], members) for key in set(twins.values())
    }
    boxes = {key: boxes[key] for key in members if key in boxes}
    caption = "What was made from what, downwards; documents of one kind and round share a box."
    if last >= _DRAWN_ROUNDS:
        caption += f" Rounds before {last - _DRAWN_ROUNDS + 1} are not drawn."
    return Figure(layered(boxes, drawn, "What was made from what"), caption)


def _twins(keys: list[str], arrows: set[tuple[str, str]]) -> dict[str, str]:
    """Map every group to the first one of its collection with the same sources and the same products."""
    first: dict[Any, str] = {}
    found = {}
    for key in keys:
        sources = frozenset(a for a, b in arrows if b == key)
        products = frozenset(b for a, b in arrows if a == key)
        found[key] = first.setdefault((key.partition("/")[0], sources, products), key)
    return found


def _node(keys: list[str], members: dict[str, list[str]]) -> Node:
    collection = keys[0].partition("/")[0]
    numbers = sorted(int(number) for key in keys if (number := key.partition("/")[2]))
    where = f"round {numbers[0]}" if numbers else ""
    if len(numbers) > 1:
        where = f"rounds {numbers[0]} to {numbers[-1]}"
    count = sum(len(members[key]) for key in keys)
    name = _named(collection, count)
    return Node(name if count == 1 else f"{count} {name}", where)


def _named(collection: str, count: int) -> str:
    name = _NAMES.get(collection, collection)
    return name if count != 1 else _SINGULAR.get(collection, name.removesuffix("s"))


def _rounds_of(documents: CampaignDocuments) -> dict[str, int]:
    """Return the round that each document of the learning loop belongs to."""
    found: dict[str, int] = {label["_id"]: label["round"] for label in documents.labels}
    for each in documents.rounds:
        made = (each.id, each.dataset_id, *each.md_run_ids)
        found |= {identifier: each.round for identifier in made if identifier}
    found |= {each.id: each.round for each in documents.potentials}
    return found | {each.id: each.round for each in documents.committees}


def _ids(nodes: list[dict[str, Any]]) -> Table:
    rows = tuple((node["collection"], node["id"]) for node in nodes if node["collection"] != "labels")
    caption = "Documents, nearest first; the labels stand in their datasets"
    return Table(caption, ("collection", "id"), rows, text_columns=(0, 1), folded=True)
