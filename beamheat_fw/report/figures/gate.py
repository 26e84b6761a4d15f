"""The figure of the gate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from beamheat_fw.report.figures.canvas import COLOURS, draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from beamheat_fw.store.documents import Round

#: The gate's three bins and their colours.
BINS = {"accurate": COLOURS[2], "candidate": COLOURS[4], "failed": COLOURS[1]}


def gate_counts(rounds: Sequence[Round]) -> str:
    """Draw how the gate judged the explored frames, one bar a round."""
    explored = [found for found in rounds if sum(found.counts.get(name, 0) for name in BINS)][::-1]

    def plot(axes: Axes) -> None:
        left = np.zeros(len(explored))
        names = [f"round {found.round}" for found in explored]
        for name, colour in BINS.items():
            counts = np.array([found.counts.get(name, 0) for found in explored], dtype=float)
            share = 100.0 * counts / [sum(found.counts.get(each, 0) for each in BINS) for found in explored]
            axes.barh(names, share, left=left, color=colour, label=name, height=0.6)
            left += share
        axes.set(xlabel="explored frames (%)", xlim=(0, 100))
        axes.tick_params(axis="y", length=0)
        axes.legend(
            loc="lower center", bbox_to_anchor=(0.42, 1.0), ncols=3, handlelength=1.0, columnspacing=1.0
        )

    return draw(plot, "Frames by the gate's judgement", height_pt=96 + 30 * len(explored))
