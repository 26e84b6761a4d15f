"""What must be withdrawn when documents prove wrong: say labels, and every temperature that stands on them.

A value computed from a wrong one is wrong too. A structure that a wrong model merely chose is not, for its
label is a reference calculation of its own. What was reached through choices alone is listed apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from beamheat_fw.store.database import Store
from beamheat_fw.store.provenance import trail

#: The role of what chose the members of a dataset and left no value in it.
CHOICE: Final = "selection"
#: What tells a document of each collection from its like; the packaged model may have been handed on.
SHOWN: Final[dict[str, tuple[str, ...]]] = {
    "predictions": ("campaign_id", "result_key", "delta_T_K"),
    "conductances": ("campaign_id", "result_key", "conductance_MW_m2K"),
    "md_runs": ("campaign_id", "run_key", "kind"),
    "committees": ("campaign_id", "round"),
    "potentials": ("campaign_id", "round", "member", "artifact_sha256"),
    "rounds": ("campaign_id", "round"),
    "datasets": ("campaign_id", "nlabels"),
}
_BATCH: Final = 5_000


def withdrawal(store: Store, identifiers: Sequence[str]) -> dict[str, Any]:
    """Return what was made from documents that are wrong.

    Parameters
    ----------
    identifiers : sequence of str
        Whole ids of the wrong documents.

    Returns
    -------
    dict
        ``withdraw``: documents of each collection whose values follow from the wrong ones, results first;
        ``look_again``: those whose structures alone were chosen with wrong models; ``counts`` of both; and
        ``truncated``: whether the trail was cut.
    """
    values = trail(store, identifiers, "ahead", without_role=CHOICE)
    every = trail(store, identifiers, "ahead")
    wrong = {node["id"] for node in values["nodes"]}
    found = {
        "withdraw": _documents(store, values["nodes"]),
        "look_again": _documents(store, [node for node in every["nodes"] if node["id"] not in wrong]),
    }
    counts = {part: {name: len(each) for name, each in listed.items()} for part, listed in found.items()}
    return found | {"counts": counts, "truncated": values["truncated"] or every["truncated"]}


def _documents(store: Store, nodes: Iterable[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    ids: dict[str, list[str]] = {}
    for node in nodes:
        ids.setdefault(node["collection"], []).append(node["id"])
    order = [*(name for name in SHOWN if name in ids), *sorted(set(ids) - set(SHOWN))]
    return {name: _of_one_collection(store, name, ids[name]) for name in order}


def _of_one_collection(store: Store, name: str, ids: Sequence[str]) -> list[dict[str, Any]]:
    """Return id and distinguishing fields; a document that is gone, or was never finished, keeps its id."""
    fields = SHOWN.get(name, ())
    found: dict[str, dict[str, Any]] = {identifier: {} for identifier in ids}
    for start in range(0, len(ids), _BATCH):
        query = {"_id": {"$in": list(ids[start : start + _BATCH])}}
        for document in store.db[name].find(query, dict.fromkeys(fields, 1)):
            found[document["_id"]] = document
    return [
        {"_id": identifier} | {field: found[identifier].get(field) for field in fields} for identifier in ids
    ]
