"""The figure of a line scan's profile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from beamheat_fw.report.figures.canvas import COLOURS, FAINT, draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PANELS = (
    ("t_over_lambda", "t_over_lambda_error", "t/λ"),
    ("energy_loss_per_electron_eV", "energy_loss_per_electron_error_eV", "eV lost per electron"),
)


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
