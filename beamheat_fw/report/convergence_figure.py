"""The figure of a convergence study: errors of energy and force against what a label costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from beamheat_fw.report.rise_figure import save_figure

_PANELS = (
    ("energy_error_meV_per_atom", "energy error (meV/atom)"),
    ("force_rms_error_eV_A", "force error, RMS (eV/Å)"),
)


def draw_convergence(study: dict[str, Any], path: Path) -> None:
    """Draw each scan's errors against cost; the campaign's own settings are ringed.

    Parameters
    ----------
    study : dict
        With ``scans`` as `beamheat check --converge --json` prints them.
    path : Path
        The format follows from the suffix.

    Raises
    ------
    InputError
        The file cannot be written, or its format is not known.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, StrMethodFormatter

    figure = Figure(figsize=(9.4, 4.2), layout="constrained")
    for axes, (key, label) in zip(figure.subplots(1, 2), _PANELS, strict=True):
        for number, scan in enumerate(study["scans"]):
            _draw_scan(axes, scan, key, f"C{number}")
        axes.set(xlabel="cost of the label (CPU seconds)", ylabel=label, xscale="log", yscale="log")
        axes.margins(x=0.12)
        axes.xaxis.set_minor_locator(LogLocator(subs=(2, 5)))
        for which in (axes.xaxis.set_major_formatter, axes.xaxis.set_minor_formatter):
            which(StrMethodFormatter("{x:g}"))
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    title = f"{study['campaign']} (its own settings ringed): {study['structure']['origin']}"
    figure.suptitle(title, fontsize="medium")
    save_figure(figure, path)


def _draw_scan(axes: Any, scan: dict[str, Any], key: str, colour: str) -> None:
    points = [point for point in scan["points"] if point.get(key) and not point["reference"]]
    cost = [point["cpu_s"] for point in points]
    error = [abs(point[key]) for point in points]
    axes.plot(
        cost, error, "o-", ms=4, color=colour, label=f"{scan['parameter']} (against {scan['reference']})"
    )
    for x, y, point in zip(cost, error, points, strict=True):
        axes.annotate(
            point["value"],
            (x, y),
            xytext=(3, 4),
            textcoords="offset points",
            fontsize="x-small",
            color=colour,
        )
        if point["chosen"]:
            axes.plot([x], [y], "o", ms=10, mfc="none", color=colour)
