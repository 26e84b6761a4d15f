"""The figure of the costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from beamheat_fw.report.figures.canvas import COLOURS, draw
from beamheat_fw.report.numbers import core_hours
from beamheat_fw.store.costs import Cost

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Firetasks with a smaller share of the core hours are not drawn.
_VISIBLE = 2e-3


def by_task(costs: Sequence[Cost]) -> str:
    """Draw core hours by firetask, in the order in which they run."""
    total = sum(cost.core_h for cost in costs)
    rows = [cost for cost in costs if cost.core_h > _VISIBLE * total][::-1]

    def plot(axes: Axes) -> None:
        axes.barh([cost.task for cost in rows], [cost.core_h for cost in rows], color=COLOURS[0], height=0.6)
        for row, cost in enumerate(rows):
            axes.annotate(
                core_hours(cost.core_h), (cost.core_h, row), (4, 0), textcoords="offset points", va="center"
            )
        axes.set(xlabel="core hours", xlim=(0, 1.2 * max(cost.core_h for cost in rows)))
        axes.tick_params(axis="y", length=0)

    return draw(plot, "Core hours by stage", height_pt=60 + 24 * len(rows))
