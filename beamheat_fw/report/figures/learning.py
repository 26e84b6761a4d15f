"""Figures of the gate and of the committee's calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from beamheat_fw.report.figures.canvas import COLOURS, INK, draw, log_ticks

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


def spread_maps(maps: Mapping[str, Mapping[str, Any]]) -> str:
    """Draw the true error expected at each spread, for all atoms and for each environment."""
    groups = {name: each for name, each in maps.items() if "/" not in name}

    def plot(axes: Axes) -> None:
        values = [v for each in groups.values() for key in ("knots_eV_A", "expected_eV_A") for v in each[key]]
        ends = (0.7 * max(min(values), 1e-3 * max(values)), 1.4 * max(values))
        axes.plot(ends, ends, ":", color=INK, lw=1.0)
        for colour, (name, each) in zip(COLOURS, groups.items(), strict=False):
            label = "all atoms" if name == "all" else name
            axes.plot(each["knots_eV_A"], each["expected_eV_A"], "o-", ms=3.5, color=colour, label=label)
        axes.set(xscale="log", yscale="log", xlim=ends, ylim=ends)
        axes.set(xlabel="spread (eV/Å)", ylabel="true error (eV/Å)")
        for which in "xy":
            log_ticks(axes, which)
        axes.legend(loc="lower right")

    return draw(plot, "True error against spread", height_pt=290)


def coverage(groups: Mapping[str, Mapping[str, Any]]) -> str:
    """Draw the share of true errors found inside the bounds of 68 and 95 %, group by group."""
    rows = [(name, each) for name, each in groups.items() if "0.68" in each][::-1]
    names = {"all": "all atoms"} | {f"spread-quintile-{i}": f"spread, fifth {i}" for i in range(1, 6)}

    def plot(axes: Axes) -> None:
        for colour, level in zip(COLOURS, ("0.68", "0.95"), strict=False):
            axes.axvline(100 * float(level), color=colour, lw=0.9, ls=":")
            for row, (_, each) in enumerate(rows):
                found = {name: 100 * value for name, value in each[level].items()}
                axes.plot((found["low"], found["high"]), (row, row), color=colour, lw=1.4)
                axes.plot(found["observed"], row, "o", ms=5, color=colour)
        axes.set(xlabel="errors inside the bound (%)", xticks=(0, 25, 50, 68, 95), xlim=(0, 101))
        axes.set(yticks=range(len(rows)), yticklabels=[names.get(name, name) for name, _ in rows])
        axes.tick_params(axis="y", length=0)

    return draw(plot, "Coverage at 68 and 95 %", height_pt=70 + 24 * len(rows))
