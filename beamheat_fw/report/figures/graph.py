"""A layered graph, drawn from top to bottom: sources above what was made from them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from beamheat_fw.report.figures.canvas import WIDTH_PT

_BOX: Final = (106.0, 40.0)
_LAYER_PT: Final = 64.0
_ABREAST: Final = 3


@dataclass(frozen=True)
class Node:
    """A box of the graph.

    Attributes
    ----------
    title, detail : str
        Its two lines; the second may be empty.
    """

    title: str
    detail: str


def layered(nodes: dict[str, Node], edges: Iterable[tuple[str, str]], title: str) -> str:
    """Draw a graph without cycles and return it as an ``<svg>`` element; the page lights up a box's trail.

    Parameters
    ----------
    nodes : dict of str to Node
    edges : iterable of tuple of str
        From a source to what was made from it, by the nodes' keys.
    title : str
        What a screen reader says it is.
    """
    arrows = sorted({(source, target) for source, target in edges if source != target})
    layers = _layers(list(nodes), arrows)
    places = _places(layers, arrows)
    height = _LAYER_PT * (len(layers) - 1) + _BOX[1] + 4
    parts = [
        f"<g data-source={quoteattr(source)} data-target={quoteattr(target)}>"
        f"{_arrow(places[source], places[target])}</g>"
        for source, target in arrows
    ]
    parts += [
        f'<g data-box-key={quoteattr(key)} role="img" aria-label={quoteattr(_said(node))}>'
        f"{_box(places[key], node)}</g>"
        for key, node in nodes.items()
    ]
    opening = f'<svg role="group" aria-label={quoteattr(title)} class="graph"'
    return f'{opening} viewBox="0 0 {WIDTH_PT:g} {height:g}">{"".join(parts)}</svg>'


def _said(node: Node) -> str:
    return f"{node.title}, {node.detail}" if node.detail else node.title


def _layers(keys: Sequence[str], arrows: Sequence[tuple[str, str]]) -> list[list[str]]:
    """Put every node just above the highest of those made from it, at most `_ABREAST` in a layer."""
    above = dict.fromkeys(keys, 0)
    for _ in keys:  # the longest path of a graph without cycles has fewer steps than nodes
        for source, target in arrows:
            above[source] = max(above[source], above[target] + 1)
    top = max(above.values(), default=0)
    layers = [[key for key in keys if above[key] == top - level] for level in range(top + 1)]
    return [part for layer in layers for part in _split(layer)]


def _split(layer: list[str]) -> list[list[str]]:
    return [layer[start : start + _ABREAST] for start in range(0, len(layer), _ABREAST)]


def _places(layers: list[list[str]], arrows: Sequence[tuple[str, str]]) -> dict[str, tuple[float, float]]:
    """Return each node's centre; from the bottom up, nodes stand over the mean of what was made from them."""
    places: dict[str, tuple[float, float]] = {}
    for level in range(len(layers) - 1, -1, -1):
        wanted = {key: _mean_x(key, arrows, places) for key in layers[level]}
        ordered = sorted(layers[level], key=lambda key: wanted[key])
        for position, key in enumerate(ordered):
            x = WIDTH_PT * (position + 0.5) / len(ordered)
            places[key] = (x, _LAYER_PT * level + _BOX[1] / 2 + 2)
    return places


def _mean_x(key: str, arrows: Sequence[tuple[str, str]], places: dict[str, tuple[float, float]]) -> float:
    below = [places[target][0] for source, target in arrows if source == key and target in places]
    return sum(below) / len(below) if below else WIDTH_PT / 2


def _arrow(source: tuple[float, float], target: tuple[float, float]) -> str:
    (x0, y0), (x1, y1) = source, target
    start, end = y0 + _BOX[1] / 2, y1 - _BOX[1] / 2
    bend = max(14.0, 0.5 * (end - start))
    path = (
        f"M{x0:.1f} {start:.1f}C{x0:.1f} {start + bend:.1f} {x1:.1f} {end - bend:.1f} {x1:.1f} {end - 4:.1f}"
    )
    head = f"M{x1 - 4:.1f} {end - 7:.1f}L{x1:.1f} {end:.1f}L{x1 + 4:.1f} {end - 7:.1f}Z"
    return (
        f'<path d="{path}" fill="none" style="stroke: var(--faint)" stroke-width="1.3"/>'
        f'<path d="{head}" style="fill: var(--faint)"/>'
    )


def _box(centre: tuple[float, float], node: Node) -> str:
    x, y = centre
    width, height = _BOX
    style = "fill: var(--raised); stroke: var(--line)"
    corner = f'x="{x - width / 2:.1f}" y="{y - height / 2:.1f}"'
    return (
        f'<rect {corner} width="{width:g}" height="{height:g}" rx="5" style="{style}"/>'
        + _line(node.title, (x, y - 3 if node.detail else y + 4.5), "font-size: 13px; fill: var(--ink)")
        + _line(node.detail, (x, y + 13), "font-size: 12.5px; fill: var(--quiet)")
    )


def _line(text: str, at: tuple[float, float], style: str) -> str:
    whole = f"font-family: var(--sans); text-anchor: middle; {style}"
    return f'<text x="{at[0]:.1f}" y="{at[1]:.1f}" style="{whole}">{escape(text)}</text>'
