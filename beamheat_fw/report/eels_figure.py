"""The figure of an EELS measurement: a spectrum, and the profile over a line scan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beamheat_fw.physics.eels.analysis import EelsResult
from beamheat_fw.physics.eels.spectra import LowLossSpectra
from beamheat_fw.report.numbers import with_error
from beamheat_fw.report.rise_figure import save_figure


def draw_eels(spectra: LowLossSpectra, result: EelsResult, path: Path) -> None:
    """Draw the thickest position's spectrum, and t/lambda and energy lost over the positions.

    Panels as in figure 7 of Nanoscale 16, 5750 (2024): the mean energy loss in the spectrum, ln(I_T/I_0) with
    the mean free path, and the energy lost with dE/dx, over a line scan or a map.

    Raises
    ------
    InputError
        The file cannot be written, or its format is not known.
    """
    from matplotlib.figure import Figure

    several = len(result.t_over_lambda) > 1
    figure = Figure(figsize=(11.4 if several else 4.6, 3.4), layout="constrained")
    spectrum, *panels = figure.subplots(1, 3 if several else 1, squeeze=False)[0]
    _draw_spectrum(spectrum, spectra, result)
    if several:
        _draw_positions(figure, panels, spectra, result)
    save_figure(figure, path)


def _draw_positions(figure: Any, panels: list[Any], spectra: LowLossSpectra, result: EelsResult) -> None:
    ratio, loss = panels
    quantities = (
        (ratio, result.t_over_lambda, result.t_over_lambda_error, "t/λ = ln(I$_T$/I$_0$)"),
        (loss, result.energy_loss_eV, result.energy_loss_error_eV, "energy lost per electron (eV)"),
    )
    for axes, values, errors, label in quantities:
        if len(result.navigation_shape) == 2:
            _draw_map(figure, axes, spectra, values, label)
        else:
            _draw_profile(axes, spectra.step_nm, values, errors, label)
    if result.paths is not None:
        length, slope = result.paths.mean_free_path_nm, result.paths.dE_dx_eV_nm
        ratio.set_title(f"λ = {with_error(length.value, length.error)} nm{_beam(spectra)}", fontsize="medium")
        loss.set_title(f"dE/dx = {with_error(slope.value, slope.error)} eV/nm", fontsize="medium")


def _beam(spectra: LowLossSpectra) -> str:
    return "" if spectra.beam_energy_keV is None else f" at {spectra.beam_energy_keV:g} keV"


def _draw_spectrum(axes: Any, spectra: LowLossSpectra, result: EelsResult) -> None:
    chosen = int(np.nanargmax(result.t_over_lambda))
    energy = spectra.energy_eV - result.moments.centre_eV[chosen]
    counts = np.asarray(spectra.counts[chosen], dtype=float)
    axes.plot(energy, np.where(counts > 0.0, counts, np.nan), lw=0.8)
    axes.axvline(result.moments.threshold_eV[chosen], color="C1", ls="--", lw=0.8, label="threshold")
    mean = result.mean_loss.value.value
    axes.axvline(mean, color="C2", ls=":", lw=1.0, label=f"mean energy loss {mean:.1f} eV")
    axes.set(xlabel="energy loss (eV)", ylabel="counts", yscale="log")
    if len(result.t_over_lambda) > 1:
        place = ", ".join(str(index) for index in np.unravel_index(chosen, result.navigation_shape))
        axes.set_title(f"position ({place}), the thickest", fontsize="medium")
    axes.legend(fontsize="small")


def _draw_map(
    figure: Any, axes: Any, spectra: LowLossSpectra, values: NDArray[np.float64], label: str
) -> None:
    rows, columns = spectra.navigation_shape
    scaled = spectra.step_nm is not None and spectra.pixel_area_nm2 is not None
    width = spectra.step_nm or 1.0 if scaled else 1.0
    height = (spectra.pixel_area_nm2 or 1.0) / width if scaled else 1.0
    edges = (-0.5 * width, (columns - 0.5) * width, (rows - 0.5) * height, -0.5 * height)
    image = axes.imshow(values.reshape(rows, columns), extent=edges)
    axes.set(xlabel="x (nm)" if scaled else "column", ylabel="y (nm)" if scaled else "row")
    figure.colorbar(image, ax=axes, label=label)


def _draw_profile(
    axes: Any, step_nm: float | None, values: NDArray[np.float64], errors: NDArray[np.float64], label: str
) -> None:
    position = np.arange(len(values)) * (step_nm or 1.0)
    axes.errorbar(position, values, errors, fmt="o", ms=3)
    axes.axhline(0.0, color="0.7", lw=0.8, zorder=0)
    axes.set(xlabel="position (nm)" if step_nm else "position", ylabel=label)
