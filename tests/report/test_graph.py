"""The layered graph."""

from __future__ import annotations

import re

from beamheat_fw.report.figures.canvas import WIDTH_PT
from beamheat_fw.report.figures.graph import Node, layered

CHAIN = {name: Node(name, "") for name in ("labels", "dataset", "potential", "spectrum", "prediction")}
EDGES = [
    ("labels", "dataset"),
    ("dataset", "potential"),
    ("potential", "prediction"),
    ("spectrum", "prediction"),
]


def _heights(svg: str) -> dict[str, float]:
    return {name: float(y) for y, name in re.findall(r'<text x="[^"]*" y="([^"]*)"[^>]*>([^<]+)</text>', svg)}


def test_sources_stand_above_what_was_made_from_them() -> None:
    heights = _heights(layered(CHAIN, EDGES, "trail"))
    assert all(heights[source] < heights[target] for source, target in EDGES)


def test_many_sources_of_one_document_do_not_overlap() -> None:
    nodes = {f"source {number}": Node(f"source {number}", "") for number in range(7)} | {
        "end": Node("end", "")
    }
    svg = layered(nodes, [(name, "end") for name in nodes if name != "end"], "trail")
    boxes = [tuple(map(float, box)) for box in re.findall(r'<rect x="([^"]*)" y="([^"]*)"', svg)]
    assert len(boxes) == len(set(boxes)) == 8
    for x, y in boxes:
        assert 0 <= x <= WIDTH_PT - 106
        assert all(abs(x - other) >= 106 for other, level in boxes if level == y and other != x)


def test_titles_cannot_become_markup() -> None:
    assert "<b>" not in layered({"a": Node("<b>", "")}, [], "trail")
