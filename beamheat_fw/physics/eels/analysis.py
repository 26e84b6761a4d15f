"""A low-loss spectrum, line scan or map to one result."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from beamheat_fw.errors import InputError
from beamheat_fw.physics.eels.map_sum import of_map
from beamheat_fw.physics.eels.moments import (
    ENERGY_LOSS,
    RAW_0,
    RAW_1,
    SSD_0,
    SSD_1,
    T_OVER_LAMBDA,
    THRESHOLD_DIRECTION,
    EnergyWindows,
    Moments,
    measure,
)
from beamheat_fw.physics.eels.quality import (
    warnings_about,
    warnings_about_mean_loss,
    warnings_about_paths,
)
from beamheat_fw.physics.eels.spectra import LowLossSpectra
from beamheat_fw.physics.eels.support import NO_SUPPORT, SupportBackground, detect_support, support_background
from beamheat_fw.physics.eels.thickness import (
    PathLengths,
    Scan,
    Thickness,
    ThicknessProfile,
    is_uniform,
    path_lengths,
)
from beamheat_fw.physics.rise.measured import Measured

MeanLossMethod = Literal["deconvolved", "paper"]
_MOMENTS: dict[MeanLossMethod, tuple[int, int]] = {"deconvolved": (SSD_0, SSD_1), "paper": (RAW_0, RAW_1)}
#: After the support's subtraction, positions with less particle than this many errors do not enter the mean
#: loss.
_PRESENT = 5.0


@dataclass(frozen=True)
class EelsSettings:
    """How spectra are analysed.

    Attributes
    ----------
    windows : EnergyWindows
    mean_loss_method : {'deconvolved', 'paper'}
        The mean of the single-scattering distribution (Fourier-log), or of the raw spectrum in a window.
    support_positions : tuple of int
        Positions (C order) that show the support alone; their mean is subtracted. Empty: nothing is.
    find_support : bool
        Look for these positions.
    """

    windows: EnergyWindows = field(default_factory=EnergyWindows)
    mean_loss_method: MeanLossMethod = "deconvolved"
    support_positions: tuple[int, ...] = ()
    find_support: bool = False

    def __post_init__(self) -> None:
        if self.find_support and self.support_positions:
            raise InputError(
                "The support's positions are given, and to be found as well", "Choose one of the two."
            )


@dataclass(frozen=True)
class MeanLoss:
    """The mean energy loss of a single event.

    Attributes
    ----------
    value : Measured
        In eV.
    method : {'deconvolved', 'paper'}
    window_eV : tuple of 2 float
    """

    value: Measured
    method: MeanLossMethod
    window_eV: tuple[float, float]


@dataclass(frozen=True)
class EelsResult:
    """What a low-loss measurement says.

    Attributes
    ----------
    t_over_lambda, t_over_lambda_error : arrays, shape (n,)
        Of each position, the support subtracted where that was asked; NaN where there is no zero-loss peak.
    energy_loss_eV, energy_loss_error_eV : arrays, shape (n,)
        Energy lost per electron: the first moment of the whole spectrum, zero-loss peak included.
    mean_loss_eV, mean_loss_error_eV : arrays, shape (n,)
        Of each position.
    mean_loss : MeanLoss
        Over all positions but the support's.
    moments : Moments
        Before any subtraction.
    support : SupportBackground
    paths : PathLengths or None
        Where a thickness was given.
    navigation_shape : tuple of int
    warnings : tuple of str
    """

    t_over_lambda: NDArray[np.float64]
    t_over_lambda_error: NDArray[np.float64]
    energy_loss_eV: NDArray[np.float64]
    energy_loss_error_eV: NDArray[np.float64]
    mean_loss_eV: NDArray[np.float64]
    mean_loss_error_eV: NDArray[np.float64]
    mean_loss: MeanLoss
    moments: Moments
    support: SupportBackground
    paths: PathLengths | None
    navigation_shape: tuple[int, ...]
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data; arrays are nested lists of the navigation's shape, None for no result."""
        document: dict[str, Any] = {
            "t_over_lambda": self._array(self.t_over_lambda),
            "t_over_lambda_error": self._array(self.t_over_lambda_error),
            "energy_loss_per_electron_eV": self._array(self.energy_loss_eV),
            "energy_loss_per_electron_error_eV": self._array(self.energy_loss_error_eV),
            "mean_energy_loss_eV": {
                **self.mean_loss.value.to_dict(),
                "method": self.mean_loss.method,
                "window_eV": list(self.mean_loss.window_eV),
                "positions": self._array(self.mean_loss_eV),
                "position_errors": self._array(self.mean_loss_error_eV),
            },
            "threshold_eV": self._array(self.moments.threshold_eV),
            "zero_loss_centre_eV": self._array(self.moments.centre_eV),
            "support_positions": list(self.support.positions),
        }
        if self.paths is not None:
            document |= _path_document(self.paths)
        document["warnings"] = list(self.warnings)
        return document

    def _array(self, values: NDArray[np.float64]) -> list[Any]:
        shaped = values.reshape(self.navigation_shape or (1,)).astype(object)
        shaped[~np.isfinite(shaped.astype(float))] = None
        return shaped.tolist()


def analyse(
    spectra: LowLossSpectra, settings: EelsSettings | None = None, thickness: Thickness | None = None
) -> EelsResult:
    """Analyse a low-loss spectrum, line scan or map.

    Parameters
    ----------
    spectra : LowLossSpectra
    settings : EelsSettings, optional
    thickness : Thickness, optional
        Gives the mean free path and dE/dx.

    Returns
    -------
    EelsResult

    Raises
    ------
    InputError
        The spectra, windows, support positions or thickness cannot be used.

    Notes
    -----
    Errors are from counting (analytic, Poisson), from the threshold where it was found rather than given,
    from the zero-loss peak's alignment (its centroid's counting error) and from the support's mean.
    """
    settings = settings or EelsSettings()
    moments = measure(spectra, settings.windows)
    positions = settings.support_positions
    if settings.find_support:
        positions = detect_support(moments, spectra.navigation_shape)
    support = support_background(moments, positions) if positions else NO_SUPPORT
    values = moments.values - support.values
    covariance = moments.total_covariance + support.covariance
    errors = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    mean_loss = _pooled_mean_loss(moments, support, settings, spectra)
    each, each_error = _mean_loss_of_each(values, covariance, _MOMENTS[settings.mean_loss_method])
    paths = None if thickness is None else _paths(spectra, moments, support, thickness)
    return EelsResult(
        values[:, T_OVER_LAMBDA],
        errors[:, T_OVER_LAMBDA],
        values[:, ENERGY_LOSS],
        errors[:, ENERGY_LOSS],
        each,
        each_error,
        mean_loss,
        moments,
        support,
        paths,
        spectra.navigation_shape,
        (
            *warnings_about(spectra, settings.windows, moments, support),
            *warnings_about_mean_loss(mean_loss.value),
            *(warnings_about_paths(paths, thickness, mean_loss.value) if paths and thickness else ()),
        ),
    )


def _mean_loss_of_each(
    values: NDArray[np.float64], covariance: NDArray[np.float64], indices: tuple[int, int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    zeroth, first = indices
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = values[:, first] / values[:, zeroth]
        variance = (
            covariance[:, first, first]
            - 2.0 * ratio * covariance[:, zeroth, first]
            + ratio**2 * covariance[:, zeroth, zeroth]
        )
        return ratio, np.sqrt(variance) / np.abs(values[:, zeroth])


def _pooled_mean_loss(
    moments: Moments, support: SupportBackground, settings: EelsSettings, spectra: LowLossSpectra
) -> MeanLoss:
    """Return the ratio of summed moments: the mean loss of all events, whichever position they happened at.

    The support's error enters once, not averaged over positions, and so does the threshold's.
    """
    chosen = _particle_positions(moments, support)
    weights = moments.elastic[chosen] / moments.elastic[chosen].sum()
    summed = weights @ (moments.values[chosen] - support.values)
    covariance = np.tensordot(weights**2, moments.covariance[chosen], axes=1) + support.covariance
    shift = float(weights @ moments.threshold_shift[chosen])
    covariance += shift**2 * np.outer(THRESHOLD_DIRECTION, THRESHOLD_DIRECTION)
    indices = _MOMENTS[settings.mean_loss_method]
    value, error = _mean_loss_of_each(summed[None], covariance[None], indices)
    if not (np.isfinite(value[0]) and value[0] > 0.0):
        raise InputError(
            "No energy is lost in the window of the mean energy loss",
            "Check the window, the threshold and the support's positions against the spectrum.",
            {"moments": summed[list(indices)].tolist()},
        )
    return MeanLoss(
        Measured(float(value[0]), float(error[0])),
        settings.mean_loss_method,
        _window_eV(settings, moments, spectra, chosen),
    )


def _particle_positions(moments: Moments, support: SupportBackground) -> NDArray[np.int64]:
    known = np.isfinite(moments.values[:, T_OVER_LAMBDA])
    known[list(support.positions)] = False
    if support.positions:
        excess = moments.values[:, T_OVER_LAMBDA] - support.values[T_OVER_LAMBDA]
        known &= excess > _PRESENT * np.hypot(
            moments.errors[:, T_OVER_LAMBDA], np.sqrt(support.covariance[T_OVER_LAMBDA, T_OVER_LAMBDA])
        )
    if not known.any():
        raise InputError(
            "No position stands out from the support", "Check which positions show the support alone."
        )
    return np.flatnonzero(known)


def _window_eV(
    settings: EelsSettings, moments: Moments, spectra: LowLossSpectra, chosen: NDArray[np.int64]
) -> tuple[float, float]:
    windows = settings.windows
    if settings.mean_loss_method == "paper":
        return windows.raw_mean_loss_eV
    threshold = float(np.median(moments.threshold_eV[chosen]))
    last = float(spectra.energy_eV[-1] - (np.median(moments.centre_eV[chosen]) if windows.align else 0.0))
    highest = min(last, windows.signal_range_eV[1]) if windows.signal_range_eV else last
    low, high = windows.mean_loss_eV or (threshold, highest)
    return max(low, threshold), min(high, highest)


def _paths(
    spectra: LowLossSpectra, moments: Moments, support: SupportBackground, thickness: Thickness
) -> PathLengths:
    if len(spectra.navigation_shape) > 1 and thickness.profile is not None:
        return _path_over_map(spectra, moments, support, thickness.profile)
    known = moments.errors[:, T_OVER_LAMBDA] > 0.0
    if thickness.thickest_nm is not None and len(spectra.navigation_shape) != 1:
        known[list(support.positions)] = False
    scan = _scan(spectra, moments, support, known)
    if len(spectra.navigation_shape) > 1 and (thickness.thickest_nm is None or not is_uniform(scan)):
        raise InputError(
            "One thickness, or half the apparent width, does not describe a map of a particle",
            "Give the particle's atoms (--particle), or a line scan through its middle.",
            {"navigation_shape": list(spectra.navigation_shape)},
        )
    return path_lengths(scan, thickness)


def _scan(
    spectra: LowLossSpectra, moments: Moments, support: SupportBackground, known: NDArray[np.bool_]
) -> Scan:
    """Return the losses of some positions, their errors parted into those alike and those not."""
    counting: NDArray[np.float64] = np.sqrt(np.diagonal(moments.covariance, axis1=1, axis2=2))
    values = moments.values[known] - support.values
    positions = np.arange(len(known), dtype=np.float64) * (spectra.step_nm or 1.0)
    return Scan(
        positions[known],
        values[:, T_OVER_LAMBDA],
        counting[known, T_OVER_LAMBDA],
        values[:, ENERGY_LOSS],
        counting[known, ENERGY_LOSS],
        threshold_error=float(np.median(moments.threshold_shift[known])),
        support_error=float(np.sqrt(support.covariance[T_OVER_LAMBDA, T_OVER_LAMBDA])),
        support_loss_error_eV=float(np.sqrt(support.covariance[ENERGY_LOSS, ENERGY_LOSS])),
        calibrated=spectra.step_nm is not None,
    )


def _path_over_map(
    spectra: LowLossSpectra, moments: Moments, support: SupportBackground, profile: ThicknessProfile
) -> PathLengths:
    if len(spectra.navigation_shape) != 2:
        raise InputError(
            "Only line scans and maps show a particle's volume",
            "Give one line scan or map, not a stack.",
            {"navigation_shape": list(spectra.navigation_shape)},
        )
    beside = np.zeros(len(moments.values), dtype=bool)
    beside[list(support.positions)] = True
    everywhere = _scan(spectra, moments, support, np.ones_like(beside))
    if support.positions:
        # What the threshold moves beside the particle goes with the support.
        shift = moments.threshold_shift
        everywhere = replace(
            everywhere, threshold_error=abs(float(shift[~beside].mean() - shift[beside].mean()))
        )
    return of_map(
        everywhere,
        beside.reshape(spectra.navigation_shape),
        spectra.pixel_area_nm2,
        profile.volume_nm3,
        float(profile.thickness_nm.max()),
    )


def _path_document(paths: PathLengths) -> dict[str, Any]:
    return {
        "mean_free_path_nm": {**paths.mean_free_path_nm.to_dict(), "method": paths.method},
        "dE_dx_eV_nm": paths.dE_dx_eV_nm.value,
        "dE_dx_error_eV_nm": paths.dE_dx_eV_nm.error,
        "thickness_nm": paths.thickness_nm,
        "intercept_t_over_lambda": paths.intercept,
    }
