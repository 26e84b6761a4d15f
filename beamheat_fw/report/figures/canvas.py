"""How every figure looks: small, in the page's own colours and typeface, legible on a phone."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final
from xml.sax.saxutils import escape

import numpy as np

from beamheat_fw.report.numbers import power_of_ten

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Text and axes, faint lines, and seven colours told apart with any colour vision (after Okabe and Ito).
#: Each stands for a variable of the page, which has its own values in the dark.
INK: Final = "#1a1a1b"
FAINT: Final = "#b5b5b6"
COLOURS: Final = ("#0068a8", "#c9500a", "#00855f", "#b3618c", "#a87400", "#3d8fc4", "#6b6b6c")
#: Width in points. A phone shows it about as wide, so that text of 12 points is 12 pixels there.
WIDTH_PT: Final = 340.0
_STYLE: Any = {
    "font.size": 12.5,
    "font.family": "sans-serif",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 12.5,
    "lines.linewidth": 1.6,
    "svg.fonttype": "none",
    "svg.hashsalt": "beamheat",
}


def draw(plot: Callable[[Any], None], title: str, *, height_pt: float = 250.0, panels: int = 1) -> str:
    """Draw one figure and return it as an ``<svg>`` element.

    Parameters
    ----------
    plot : callable
        Draws on the axes it is given; on a list of them, one above the other with a common x axis, where
        `panels` is more than one.
    title : str
        What a screen reader says it is.
    height_pt : float
    panels : int
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(WIDTH_PT / 72.0, height_pt / 72.0), layout="constrained")
        axes = figure.subplots(panels, 1, sharex=True)
        plot(list(axes) if panels > 1 else axes)
        stream = io.StringIO()
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    return inline(stream.getvalue(), title, "" if panels > 1 else _frame(axes, height_pt))


def _frame(axes: Axes, height_pt: float) -> str:
    """Return where the axes lie in the drawing and what they span, for the page to mark a point in them."""
    place = axes.get_position()
    box = (WIDTH_PT * place.x0, WIDTH_PT * place.x1, height_pt * (1 - place.y1), height_pt * (1 - place.y0))
    spans = (*axes.get_xlim(), *axes.get_ylim())
    return f'data-box="{" ".join(f"{v:.1f}" for v in box)}" data-span="{" ".join(f"{v:.6g}" for v in spans)}"'


def inline(svg: str, title: str, attributes: str = "") -> str:
    """Make an SVG file a part of the page: its colours and typeface, own ids, nothing outside named.

    Parameters
    ----------
    svg : str
        The file's text.
    title : str
        What a screen reader says it is.
    attributes : str
        More attributes of the element.
    """
    prefix = re.sub(r"\W+", "-", title.lower())
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r'\s(xmlns(:\w+)?|version|width|height)="[^"]*"', "", body, count=5)
    body = body.replace("xlink:href", "href")
    body = re.sub(r'\bid="(figure|axes|patch|text|line2d|matplotlib|xtick|ytick|legend)[^"]*"', "", body)
    body = re.sub(r'\bid="', f'id="{prefix}-', body)
    body = re.sub(r'(href="|url\()#', rf"\1#{prefix}-", body)
    body = re.sub(r"'[^']*'(, *'[^']*')*, *sans-serif|sans-serif", "var(--sans)", body)
    for name, colour in {"ink": INK, "faint": FAINT, **{f"c{i}": c for i, c in enumerate(COLOURS)}}.items():
        body = body.replace(colour, f"var(--{name})")
    label = escape(title, {'"': "&quot;"})
    return body.replace("<svg", f'<svg role="img" aria-label="{label}" {attributes}'.rstrip(), 1).strip()


def log_ticks(axes: Axes, which: str) -> None:
    """Write an axis' powers of ten as text that needs no mathematical typesetting."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_formatter(FuncFormatter(_power_label))
    axis.set_minor_formatter(NullFormatter())


def _power_label(value: float, _position: Any) -> str:
    exponent = round(np.log10(value))
    return f"{value:g}" if 0 <= exponent <= 3 else power_of_ten(exponent)


def finite(value: float | None, otherwise: float) -> float:
    """Return `value`, or another one where it is missing or infinite."""
    return value if value is not None and np.isfinite(value) else otherwise
