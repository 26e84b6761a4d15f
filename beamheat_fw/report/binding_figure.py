"""The figure of a binding curve."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from beamheat_fw.report.rise_figure import save_figure


def draw_binding(study: dict[str, Any], path: Path) -> None:
    """Draw binding energy against height, with the minimum, without dispersion, and uncorrected.

    Parameters
    ----------
    study : dict
        As `beamheat check --binding --json` prints it.
    path : Path
        The format follows from the suffix.

    Raises
    ------
    InputError
        The file cannot be written, or its format is not known.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.4, 3.9), layout="constrained")
    axes = figure.subplots()
    lowest = 0.0
    for number, curve in enumerate(study["curves"]):
        points = [point for point in study["points"] if point[curve["key"]] is not None]
        heights = [point["height_A"] for point in points]
        lowest = min([lowest, *(point[curve["key"]] for point in points)])
        style = "o-" if number == 0 else "s--" if number == 1 else "^:"
        axes.plot(heights, [point[curve["key"]] for point in points], style, ms=4, label=curve["name"])
        if curve["minimum"] is not None:
            axes.plot(curve["minimum"]["height_A"], curve["minimum"]["energy_eV"], "k+", ms=9)
    axes.axhline(0.0, color="0.7", lw=0.8, zorder=0)
    axes.set(xlabel="height above the support (Å)", ylabel="binding energy (eV)")
    if lowest < 0.0:
        # The wall is higher than the well is deep.
        axes.set_ylim(1.2 * lowest, -1.5 * lowest)
    axes.set_title(study["system"]["origin"], fontsize="medium")
    axes.legend(fontsize="small")
    save_figure(figure, path)
