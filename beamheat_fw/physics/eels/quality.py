"""What is suspect about spectra that can still be used."""

from __future__ import annotations

import numpy as np

from beamheat_fw.physics.eels.map_sum import VOLUME
from beamheat_fw.physics.eels.moments import ENERGY_LOSS, T_OVER_LAMBDA, EnergyWindows, Moments
from beamheat_fw.physics.eels.spectra import LowLossSpectra
from beamheat_fw.physics.eels.support import SupportBackground
from beamheat_fw.physics.eels.thickness import UNIFORM, PathLengths, Thickness
from beamheat_fw.physics.rise.measured import Measured

_THICK = 2.0
_SHORT_RANGE_EV = 100.0
_FEW_COUNTS = 1000.0
#: A mean loss whose error is more than this share of it says nothing.
_VAGUE = 0.5


def warnings_about(
    spectra: LowLossSpectra,
    windows: EnergyWindows,
    moments: Moments,
    support: SupportBackground,
) -> tuple[str, ...]:
    """Return what a reader of the result should know, one sentence each."""
    return (
        *_about_peaks(moments, windows),
        *_about_range(spectra, moments, windows),
        *_about_counts(spectra, moments, windows),
        *_about_support(moments, support),
    )


def warnings_about_mean_loss(mean_loss_eV: Measured) -> tuple[str, ...]:
    """Say so where nothing but the zero-loss peak was recorded."""
    if mean_loss_eV.error <= _VAGUE * mean_loss_eV.value:
        return ()
    return ("hardly anything is lost beyond the zero-loss peak: the mean energy loss is not determined",)


def warnings_about_paths(paths: PathLengths, thickness: Thickness, mean_loss_eV: Measured) -> tuple[str, ...]:
    """Return what a reader of the mean free path and dE/dx should know, one sentence each."""
    return (*_about_thickness(thickness), *_about_paths(paths, mean_loss_eV))


def _about_peaks(moments: Moments, windows: EnergyWindows) -> list[str]:
    found = []
    known = np.isfinite(moments.centre_eV)
    centres, width = moments.centre_eV[known], float(np.median(moments.fwhm_eV[known]))
    if not known.all():
        found.append(
            f"{np.count_nonzero(~known)} of {known.size} positions have no zero-loss peak and no result"
        )
    if moments.saturated.any():
        found.append(
            f"the zero-loss peak looks saturated at {np.count_nonzero(moments.saturated)} positions: "
            "t/lambda is then "
            "too large"
        )
    drift = float(np.ptp(centres))
    if drift > max(width, 0.2):
        treated = "is corrected for" if windows.align else "is not corrected for"
        found.append(f"the zero-loss peak drifts over {drift:.3g} eV in the scan, which {treated}")
    if abs(float(np.median(centres))) > max(3.0 * width, 2.0):
        found.append(f"the zero-loss peak lies at {np.median(centres):.3g} eV in the file's calibration")
    if windows.threshold_eV is None and np.ptp(moments.threshold_eV[known]) > max(2.0 * width, 1.0):
        found.append(
            f"the threshold found varies from {np.nanmin(moments.threshold_eV):.3g} to "
            f"{np.nanmax(moments.threshold_eV):.3g} eV between positions: give one threshold to compare them"
        )
    return found


def _about_range(spectra: LowLossSpectra, moments: Moments, windows: EnergyWindows) -> list[str]:
    found = []
    highest = float(spectra.energy_eV[-1])
    if windows.signal_range_eV is not None:
        highest = min(highest, windows.signal_range_eV[1])
    if highest < _SHORT_RANGE_EV:
        found.append(f"losses above {highest:.3g} eV are not counted: the energy lost is a lower bound")
    thick = np.count_nonzero(moments.values[:, T_OVER_LAMBDA] > _THICK)
    if thick:
        found.append(
            f"t/lambda is above {_THICK:g} at {thick} positions: plural and elastic scattering make "
            "the log-ratio "
            "unreliable"
        )
    if np.any(moments.values[:, ENERGY_LOSS] < -3.0 * moments.errors[:, ENERGY_LOSS]):
        found.append("energy is gained at some positions: check the alignment and the dark correction")
    return found


def _about_counts(spectra: LowLossSpectra, moments: Moments, windows: EnergyWindows) -> list[str]:
    found = []
    if np.nanmedian(moments.elastic) / windows.gain_factor < _FEW_COUNTS:
        found.append(
            "the zero-loss peaks hold few counts: if the counts were normalised, the errors mean "
            "nothing without the counts per electron"
        )
    scale = spectra.electrons_per_count
    if scale is not None and not np.isclose(scale * windows.gain_factor, 1.0, rtol=0.05):
        found.append(
            f"the errors take {windows.gain_factor:g} counts an electron, the file's intensity scale says "
            f"{1.0 / scale:.3g}: give --gain-factor {1.0 / scale:.3g} unless the counts were rescaled"
        )
    if windows.allow_negative and moments.lowest.min() < 0.0:
        found.append(
            f"negative counts, down to {moments.lowest.min():.3g}, are kept: the noise of the dark reference "
            "is not in the errors"
        )
    return found


def _about_support(moments: Moments, support: SupportBackground) -> list[str]:
    if not support.positions:
        return []
    return [
        "the support is subtracted as it is beside the particle: surface and interface plasmons, and "
        "the surface lost "
        "under the particle, remain"
    ]


def _about_thickness(thickness: Thickness) -> list[str]:
    """Say what the errors of mean free path and dE/dx leave out: the thickness often is the largest."""
    if thickness.half_width:
        return [
            "the thickness is taken to be exactly half the apparent width: mean free path and dE/dx are off "
            "by as much as the particle is thicker or thinner than that, which their errors do not hold"
        ]
    if thickness.profile is not None:
        return ["the particle's atoms are taken as they are: the errors hold no part for their volume"]
    if thickness.thickest_nm is not None and thickness.thickest_nm.error == 0.0:
        return [
            f"the thickness of {thickness.thickest_nm.value:g} nm is taken as exact: give its error, as "
            f"{thickness.thickest_nm.value:g}+-ERROR; it is missing from mean free path and dE/dx"
        ]
    return []


def _about_paths(paths: PathLengths, mean_loss_eV: Measured) -> list[str]:
    found = []
    product = mean_loss_eV.value / paths.mean_free_path_nm.value
    if abs(product / paths.dE_dx_eV_nm.value - 1.0) > 0.1:
        found.append(
            f"mean loss over mean free path is {product:.3g} eV/nm, dE/dx from the first moment "
            f"{paths.dE_dx_eV_nm.value:.3g} eV/nm: windows, support or surface losses differ; power "
            "needs the latter"
        )
    if paths.reduced_chi2 > 2.0:
        found.append(
            f"the profile does not fit the scan (reduced chi^2 {paths.reduced_chi2:.2g}): the shape "
            "is not the model's; "
            "errors are widened"
        )
    if paths.method in (UNIFORM, VOLUME):
        found.append(
            "the mean free path takes surface losses for bulk ones: neither one thickness nor a volume tells "
            "them apart"
        )
    if abs(paths.intercept) > 0.2 * paths.thickness_nm / paths.mean_free_path_nm.value:
        found.append(
            f"t/lambda has an intercept of {paths.intercept:.2g} that does not grow with thickness: "
            "support or surface "
            "losses"
        )
    return found
