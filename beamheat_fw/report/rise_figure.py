"""Figures of temperature rises over dose rate, beam energy, size and shape."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from beamheat_fw.errors import InputError

_LABELS = {
    "dose_rate_e_A2_s": "dose rate (e Å$^{-2}$ s$^{-1}$)",
    "beam_energy_keV": "beam energy (keV)",
    "size": "size relative to the particle",
    "shape": "slenderness relative to the particle",
}
#: The first of these that varies is the abscissa; the others tell the lines apart.
_ABSCISSAE = tuple(_LABELS)


def draw_rises(records: list[dict[str, float]], path: Path) -> None:
    """Draw the temperature rise with its 68 % interval against the first quantity that varies.

    Parameters
    ----------
    records : list of dict
        With the keys of `_LABELS`, ``delta_T_K``, ``delta_T_lower_K`` and ``delta_T_upper_K``.
    path : Path
        The format follows from the suffix.

    Raises
    ------
    InputError
        The format is not known, or the file cannot be written.
    """
    from matplotlib.figure import Figure

    varying = [name for name in _ABSCISSAE if len({record[name] for record in records}) > 1] or [
        _ABSCISSAE[0]
    ]
    abscissa, others = varying[0], varying[1:]
    figure = Figure(figsize=(5.0, 3.8), layout="constrained")
    axes = figure.subplots()
    lines: dict[tuple[float, ...], list[dict[str, float]]] = {}
    for record in records:
        lines.setdefault(tuple(record[name] for name in others), []).append(record)
    for key, points in lines.items():
        x = [point[abscissa] for point in points]
        label = ", ".join(
            f"{name.split('_')[0]} {value:.3g}" for name, value in zip(others, key, strict=True)
        )
        (line,) = axes.plot(x, [point["delta_T_K"] for point in points], "o-", ms=3, label=label)
        low, high = ([point[end] for point in points] for end in ("delta_T_lower_K", "delta_T_upper_K"))
        axes.fill_between(x, low, high, alpha=0.2, color=line.get_color(), lw=0)
    axes.set(xlabel=_LABELS[abscissa], ylabel="temperature rise (K)", yscale="log")
    axes.set_xscale("linear" if abscissa == "beam_energy_keV" else "log")
    if others:
        axes.legend(fontsize="small")
    save_figure(figure, path)


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
