"""Figures of the temperature rise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from beamheat_fw.report.figures.canvas import COLOURS, INK, draw, finite, log_ticks
from beamheat_fw.report.numbers import number, words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from beamheat_fw.store.documents import Prediction

#: Also how the page finds the figure.
RISE_TITLE: Final = "Temperature rise against dose rate"


def temperature_rise(prediction: Prediction) -> str:
    """Draw the rise against dose rate: a line with its 68 % band for each beam energy."""

    def plot(axes: Axes) -> None:
        energies = list(dict.fromkeys(row["beam_energy_keV"] for row in prediction.table))
        for colour, energy in zip(COLOURS, energies, strict=False):
            rows = [row for row in prediction.table if row["beam_energy_keV"] == energy]
            _one_energy(axes, sorted(rows, key=lambda row: row["dose_rate_e_A2_s"]), colour, energy)
        axes.set(xscale="log", yscale="log", xlabel="dose rate (e Å⁻² s⁻¹)", ylabel="temperature rise (K)")
        axes.set_ylim(*_limits(prediction.table))
        for which in "xy":
            log_ticks(axes, which)
        axes.legend(loc="upper left")

    return draw(plot, RISE_TITLE, height_pt=270)


def _one_energy(axes: Axes, rows: list[dict[str, Any]], colour: str, energy_keV: float) -> None:
    dose_rates = [row["dose_rate_e_A2_s"] for row in rows]
    ceiling = _limits(rows)[1] * 1e3
    upper = [finite(row["delta_T_upper_K"], ceiling) for row in rows]
    axes.fill_between(
        dose_rates, [row["delta_T_lower_K"] for row in rows], upper, color=colour, alpha=0.18, lw=0
    )
    axes.plot(
        dose_rates, [row["delta_T_K"] for row in rows], "o-", ms=4, color=colour, label=f"{energy_keV:g} keV"
    )


def _limits(rows: Any) -> tuple[float, float]:
    values = [row[name] for row in rows for name in ("delta_T_lower_K", "delta_T_K", "delta_T_upper_K")]
    positive = [value for value in values if value and finite(value, 0.0) > 0.0]
    return 0.6 * min(positive), 1.7 * max(positive)


def error_budget(shares: dict[str, float]) -> str:
    """Draw which cause gives which share of the variance, the largest on top."""
    ordered = sorted(shares.items(), key=lambda item: item[1])

    def plot(axes: Axes) -> None:
        names = [name for name, _ in ordered]
        axes.barh(names, [100 * share for _, share in ordered], color=COLOURS[0], height=0.6)
        for row, (_, share) in enumerate(ordered):
            axes.annotate(
                f"{number(100 * share, 2)} %",
                (100 * share, row), (4, 0), textcoords="offset points", va="center",
            )  # fmt: skip
        axes.set(xlabel="share of the variance (%)", xlim=(0, 118), xticks=(0, 25, 50, 75, 100))
        axes.tick_params(axis="y", length=0)

    return draw(plot, "Error budget by cause", height_pt=64 + 27 * len(ordered))


def bounds(bounds_K: dict[str, float], central_K: float) -> str:
    """Draw the rise for each way to tell the energy lost, on one scale."""
    names = {
        "eels": "measured",
        "central": "restricted",
        "stopping_power": "whole",
    }
    rows = [(names.get(name, words(name)), value) for name, value in bounds_K.items()][::-1]

    def plot(axes: Axes) -> None:
        axes.axvline(central_K, color=INK, lw=0.8, ls=":")
        for row, (_, value) in enumerate(rows):
            axes.plot(value, row, "o", ms=7, color=COLOURS[0])
            axes.annotate(f"{number(value)} K", (value, row), (8, 0), textcoords="offset points", va="center")
        axes.set(
            xlabel="temperature rise (K)", yticks=range(len(rows)), yticklabels=[name for name, _ in rows]
        )
        axes.set(xlim=(0, 1.35 * max(value for _, value in rows)), ylim=(-0.6, len(rows) - 0.4))

    return draw(plot, "Bounds of the temperature rise", height_pt=62 + 38 * len(rows))
