"""Where everything comes from: the trail behind the newest result, the codes and the machines."""

from __future__ import annotations

from collections import Counter
from typing import Any

from beamheat_fw.report.blocks import Block, Section, Table

_TITLE = "Provenance"


def provenance(start: tuple[str, str] | None, trail: dict[str, Any]) -> Section:
    """Return the trail behind a document.

    Parameters
    ----------
    start : tuple of str or None
        Collection and id of the newest result.
    trail : dict
        As `store.provenance.trail` returns it.
    """
    if start is None or not trail["nodes"]:
        return Section(_TITLE, "No result with a trail yet.")
    counts = Counter(node["collection"] for node in trail["nodes"])
    reached = ", ".join(f"{count} {name}" for name, count in counts.items())
    blocks: list[Block] = [_ids(start, trail["nodes"])]
    return Section(_TITLE, f"Behind this {start[0].removesuffix('s')} stand {reached}.", tuple(blocks))


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


def _ids(start: tuple[str, str], nodes: list[dict[str, Any]]) -> Table:
    rows = [(start[0], start[1])]
    rows += [(node["collection"], node["id"]) for node in nodes if node["collection"] != "labels"]
    return Table(
        "Documents, nearest first (labels stand in their datasets)",
        ("collection", "id"),
        tuple(rows),
        text_columns=(0, 1),
    )
