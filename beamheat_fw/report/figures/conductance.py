"""Figures of the heated runs and of the conductance that follows from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from beamheat_fw.report.figures.canvas import COLOURS, FAINT, INK, draw, finite

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from beamheat_fw.store.documents import Conductance, MDRun


def temperatures(runs: Sequence[MDRun]) -> str:
    """Draw the two bodies' temperatures, a pair of lines for each run."""

    def plot(axes: Axes) -> None:
        for index, run in enumerate(run for run in runs if run.temperatures):
            series = run.temperatures
            for name, colour in (("particle", COLOURS[1]), ("support", COLOURS[0])):
                label = name if index == 0 else None
                axes.plot(
                    series["time_ps"], series[f"{name}_K"], color=colour, lw=1.0, alpha=0.75, label=label
                )
        axes.set(xlabel="time (ps)", ylabel="temperature (K)", xlim=(0, None))
        axes.legend(loc="upper right")

    return draw(plot, "Temperatures of particle and support")


def relaxation(curve: dict[str, Any]) -> str:
    """Draw the mean temperature difference of all runs with the fit and its 68 % band."""

    def plot(axes: Axes) -> None:
        time = curve["time_ps"]
        axes.axhline(0, color=FAINT, lw=0.8)
        axes.fill_between(time, curve["low_K"], curve["high_K"], color=COLOURS[0], alpha=0.18, lw=0)
        axes.plot(time, curve["mean_K"], ".", ms=4, color=INK, label="mean of all runs")
        axes.plot(time, curve["fit_K"], color=COLOURS[0], label="fit, 68 % band")
        axes.set(xlabel="time (ps)", ylabel="particle − support (K)", xlim=(0, None))
        axes.legend(loc="upper right")

    return draw(plot, "Relaxation of the temperature difference with its fit")


def by_run(conductance: Conductance, numbers: dict[str, int]) -> str:
    """Draw what each run alone says of G, beside the joint value with its interval."""
    runs = sorted(conductance.fit["runs"], key=lambda run: numbers[run["member"]], reverse=True)
    right = _right_edge(conductance, runs)

    def plot(axes: Axes) -> None:
        high = finite(conductance.conductance_high_MW_m2K, right)
        axes.axvspan(conductance.conductance_low_MW_m2K, high, color=FAINT, alpha=0.35, lw=0)
        axes.axvline(conductance.conductance_MW_m2K, color=INK, lw=1.2)
        for row, run in enumerate(runs):
            _one_run(axes, row, run, COLOURS[numbers[run["member"]] % len(COLOURS)], right)
        axes.set(xlabel="conductance (MW m⁻² K⁻¹)", xlim=(0, right), ylim=(-0.7, len(runs) - 0.3))
        axes.set(yticks=_middles(runs), yticklabels=[f"member {numbers[name]}" for name in _members(runs)])
        axes.tick_params(axis="y", length=0)

    return draw(plot, "Conductance from each run alone", height_pt=min(640.0, 76 + 13 * len(runs)))


def _one_run(axes: Axes, row: int, run: dict[str, Any], colour: str, right: float) -> None:
    g = run["conductance_MW_m2K"]
    low, high = g["interval"]
    end = finite(high, right)
    axes.plot([low, min(end, right)], [row, row], color=colour, lw=1.4)
    if end > right or high is None:
        axes.plot(right, row, ">", ms=4, color=colour, clip_on=False)
    if g["value"] is not None and g["value"] <= right:
        axes.plot(g["value"], row, "o", ms=4.5, color=colour)


def _right_edge(conductance: Conductance, runs: list[dict[str, Any]]) -> float:
    joint = finite(conductance.conductance_high_MW_m2K, 2.0 * conductance.conductance_MW_m2K)
    most = max((finite(run["conductance_MW_m2K"]["interval"][1], 0.0) for run in runs), default=0.0)
    return 1.06 * max(joint, min(most, 3.0 * joint)) or 1.0


def _members(runs: list[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(run["member"] for run in runs))


def _middles(runs: list[dict[str, Any]]) -> list[float]:
    rows = {name: [i for i, run in enumerate(runs) if run["member"] == name] for name in _members(runs)}
    return [sum(found) / len(found) for found in rows.values()]
