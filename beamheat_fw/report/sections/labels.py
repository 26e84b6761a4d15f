"""The reference calculations behind everything."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from beamheat_fw.report.blocks import Block, Section, Table
from beamheat_fw.report.documents import CampaignDocuments
from beamheat_fw.report.numbers import duration

_STATES = ("completed", "failed", "running", "planned")
_ROLES = ("initial", "candidate", "random", "holdout", "imported")


def labels(documents: CampaignDocuments) -> Section:
    """Return counts by round, role and state, time per label, and why some failed."""
    found = documents.labels
    if not found:
        return Section("Labels", "No structure has been proposed yet.")
    blocks: list[Block] = [_counts(found)]
    if failed := [label for label in found if label["state"] == "failed"]:
        blocks.append(_failures(failed))
    states = Counter(label["state"] for label in found)
    summary = ", ".join(f"{states[state]} {state}" for state in _STATES if states[state])
    levels = ", ".join(sorted({label["level"] for label in found}))
    return Section("Labels", f"{summary}, by {levels}.", tuple(blocks))


def _counts(found: tuple[dict[str, Any], ...]) -> Table:
    groups: dict[tuple[int, str], list[dict[str, Any]]] = {}
    for label in found:
        groups.setdefault((label["round"], label["role"]), []).append(label)
    shown = [state for state in _STATES if any(label["state"] == state for label in found)]
    rows = []
    for round_number, role in sorted(groups, key=lambda key: (key[0], _ROLES.index(key[1]))):
        members = groups[round_number, role]
        states = Counter(label["state"] for label in members)
        atoms = [label["nsites"] for label in members if label["nsites"]]
        span = "–" if not atoms else " to ".join(map(str, sorted({min(atoms), max(atoms)})))
        rows.append((f"{round_number}", role, *(f"{states[state]}" for state in shown), span, _time(members)))
    columns = ("round", "role", *shown, "atoms", "median time")
    return Table("Labels by round and role", columns, tuple(rows), text_columns=(0, 1))


def _time(members: list[dict[str, Any]]) -> str:
    times = [label["run_stats"]["wall_s"] for label in members if "wall_s" in label.get("run_stats", {})]
    return duration(float(np.median(times))) if times else "–"


def _failures(failed: list[dict[str, Any]]) -> Table:
    rows = tuple(
        (
            label["_id"][:12],
            label.get("formula_pretty") or "–",
            (label.get("reason") or {}).get("what", "no reason kept"),
        )
        for label in failed
    )
    return Table("Labels that failed", ("label", "formula", "reason"), rows, text_columns=(0, 1, 2))
