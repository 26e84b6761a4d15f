"""Figures of an energy-loss measurement: the spectrum with its windows, and the profile of a line scan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from beamheat_fw.report.figures.canvas import COLOURS, FAINT, INK, draw, log_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PANELS = (
    ("t_over_lambda", "t_over_lambda_error", "t/λ"),
    ("energy_loss_per_electron_eV", "energy_loss_per_electron_error_eV", "eV lost per electron"),
)


def windows(values: dict[str, Any]) -> str:
    """Draw the thickest position's spectrum: zero-loss peak, window of the mean loss, and the mean loss."""
    drawn, loss = values["spectrum"], values["mean_energy_loss_eV"]
    energy, counts = (np.array(drawn[name]) for name in ("energy_eV", "counts"))
    low, high = loss["window_eV"]

    def plot(axes: Axes) -> None:
        seen = counts > 0
        axes.axvspan(low, min(high, energy[-1]), color=COLOURS[2], alpha=0.13, lw=0, label="window")
        axes.plot(energy[seen], counts[seen], color=INK, lw=1.0)
        axes.axvline(drawn["threshold_eV"], color=COLOURS[1], ls="--", lw=1.2, label="end of zero loss")
        axes.axvline(loss["value"], color=COLOURS[0], lw=1.6, label="mean loss")
        axes.set(xlabel="energy loss (eV)", ylabel="counts", yscale="log")
        axes.set_xlim(max(energy[0], -10.0), min(energy[-1], 1.05 * high))
        log_ticks(axes, "y")
        axes.legend(loc="upper right")

    return draw(plot, "Spectrum of the thickest position with its windows")


def profile(values: dict[str, Any]) -> str:
    """Draw t/lambda and the energy lost per electron along the scan; the support's positions are shaded."""

    def plot(panels: list[Axes]) -> None:
        for axes, colour, (name, error, label) in zip(panels, COLOURS, _PANELS, strict=False):
            height, width = (np.array(values[key], dtype=float) for key in (name, error))
            for position in values.get("support_positions", ()):
                axes.axvspan(position - 0.5, position + 0.5, color=FAINT, alpha=0.3, lw=0)
            axes.axhline(0, color=FAINT, lw=0.8)
            axes.errorbar(
                np.arange(len(height)), height, width, fmt="o-", ms=3, lw=1.2, elinewidth=0.9, color=colour
            )
            axes.set_ylabel(label)
        panels[-1].set_xlabel("position along the scan")

    return draw(plot, "Energy loss along the line scan", height_pt=330, panels=2)
