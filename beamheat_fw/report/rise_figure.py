"""Figures of temperature rises over dose rate, beam energy, size and shape."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

from beamheat_fw.errors import InputError

_LABELS = {
    "dose_rate_e_A2_s": "dose rate (e Å$^{-2}$ s$^{-1}$)",
    "beam_energy_keV": "beam energy (keV)",
    "size": "size relative to the particle",
    "side_over_contact": "side area over contact area, S/A",
    "shape": "slenderness relative to the particle",
}
_LINE_LABELS = {
    "beam_energy_keV": "{:g} keV",
    "size": "size {:.3g}",
    "side_over_contact": "S/A = {:.2f}",
    "shape": "shape {}",
}


def draw_rises(records: list[dict[str, Any]], path: Path) -> None:
    """Draw the temperature rise with its 68 % interval against the first quantity that varies.

    The other quantities tell the lines apart, and conductances (supports) the panels: dose rates and shapes
    on two supports make figure 3 of Nanoscale 16, 5750 (2024), dose rates and beam energies its figure 4.

    Parameters
    ----------
    records : list of dict
        With the keys of `_LABELS`, ``conductance_MW_m2K``, ``delta_T_K``, ``delta_T_lower_K`` and
        ``delta_T_upper_K``.
    path : Path
        The format follows from the suffix.

    Raises
    ------
    InputError
        The format is not known, or the file cannot be written.
    """
    from matplotlib.figure import Figure

    abscissa, others = _roles(records)
    conductances = sorted({record["conductance_MW_m2K"] for record in records})
    figure = Figure(figsize=(1.2 + 3.8 * len(conductances), 3.8), layout="constrained")
    panels = figure.subplots(1, len(conductances), sharey=True, squeeze=False)[0]
    for axes, conductance in zip(panels, conductances, strict=True):
        chosen = [record for record in records if record["conductance_MW_m2K"] == conductance]
        _draw_panel(axes, chosen, abscissa, others)
        axes.set_title(f"G = {conductance:.3g} MW m$^{{-2}}$ K$^{{-1}}$", fontsize="medium")
    # Where a rise has no upper end, its band would swallow the lines.
    highest = max(_finite(record["delta_T_upper_K"], record["delta_T_K"]) for record in records)
    panels[0].set(ylabel="temperature rise (K)", ylim=(0.0, 1.05 * highest))
    if others:
        panels[0].legend(fontsize="small")
    save_figure(figure, path)


def _roles(records: list[dict[str, Any]]) -> tuple[str, list[str]]:
    """Return the abscissa, and what tells the lines apart."""
    varying = [name for name in _LABELS if len({record[name] for record in records}) > 1]
    if "side_over_contact" in varying:
        varying.remove("shape")
    return (varying or ["dose_rate_e_A2_s"])[0], varying[1:]


def _draw_panel(axes: Any, records: list[dict[str, Any]], abscissa: str, others: list[str]) -> None:
    lines: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for record in sorted(records, key=lambda record: record[abscissa]):
        lines.setdefault(tuple(record[name] for name in others), []).append(record)
    for key in sorted(lines):
        points = lines[key]
        x = [point[abscissa] for point in points]
        label = ", ".join(_LINE_LABELS[name].format(value) for name, value in zip(others, key, strict=True))
        (line,) = axes.plot(x, [point["delta_T_K"] for point in points], "o-", ms=3, label=label)
        low, high = ([point[end] for point in points] for end in ("delta_T_lower_K", "delta_T_upper_K"))
        axes.fill_between(x, low, high, alpha=0.2, color=line.get_color(), lw=0)
    axes.set(xlabel=_LABELS[abscissa], xscale="linear" if abscissa == "beam_energy_keV" else "log")


def _finite(value: float, otherwise: float) -> float:
    return value if math.isfinite(value) else 2.0 * otherwise


def save_figure(figure: Any, path: Path) -> None:
    """Write a figure whole or not at all.

    Raises
    ------
    InputError
        The format is not known, or the file cannot be written.
    """
    temporary = path.with_name(path.stem + ".tmp" + path.suffix)
    try:
        figure.savefig(temporary, dpi=200)
        os.replace(temporary, path)
    except (ValueError, OSError) as error:
        temporary.unlink(missing_ok=True)
        raise InputError(
            "The figure cannot be written",
            "Give a path that ends in .png, .pdf or .svg, in a folder that can be written to.",
            {"figure": str(path), "reason": str(error)[:200]},
        ) from None
