"""The figure of an EELS measurement: a spectrum, and the profile over a line scan."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from beamheat_fw.physics.eels.analysis import EelsResult
from beamheat_fw.physics.eels.spectra import LowLossSpectra
from beamheat_fw.report.rise_figure import save_figure


def draw_eels(spectra: LowLossSpectra, result: EelsResult, path: Path) -> None:
    """Draw the thickest position's spectrum, and t/lambda and energy lost over the positions.

    Raises
    ------
    InputError
        The file cannot be written, or its format is not known.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.0, 3.4), layout="constrained")
    spectrum, profile = figure.subplots(1, 2)
    _draw_spectrum(spectrum, spectra, result)
    if len(result.navigation_shape) == 2:
        image = profile.imshow(result.t_over_lambda.reshape(result.navigation_shape))
        figure.colorbar(image, label="t/λ")
    else:
        _draw_profile(profile, spectra, result)
    save_figure(figure, path)


def _draw_spectrum(axes, spectra: LowLossSpectra, result: EelsResult) -> None:
    chosen = int(np.nanargmax(result.t_over_lambda))
    energy = spectra.energy_eV - result.moments.centre_eV[chosen]
    axes.plot(energy, np.maximum(np.asarray(spectra.counts[chosen], dtype=float), 0.5), lw=0.8)
    axes.axvline(result.moments.threshold_eV[chosen], color="C1", ls="--", lw=0.8, label="threshold")
    axes.axvline(result.mean_loss.value.value, color="C2", ls=":", lw=1.0, label="mean energy loss")
    axes.set(xlabel="energy loss (eV)", ylabel="counts", yscale="log", title=f"position {chosen}")
    axes.legend(fontsize="small")


def _draw_profile(axes, spectra: LowLossSpectra, result: EelsResult) -> None:
    position = np.arange(len(result.t_over_lambda)) * (spectra.step_nm or 1.0)
    axes.errorbar(position, result.t_over_lambda, result.t_over_lambda_error, fmt="o", ms=3, label="t/λ")
    axes.set(xlabel="position (nm)" if spectra.step_nm else "position", ylabel="t/λ")
    other = axes.twinx()
    other.plot(position, result.energy_loss_eV, "C1-", lw=0.8)
    other.set_ylabel("energy lost per electron (eV)", color="C1")
