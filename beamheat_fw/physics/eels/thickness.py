"""Thickness from shape, and from it the mean free path and the energy lost per length."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import curve_fit
from scipy.stats import chi2

from beamheat_fw.errors import InputError
from beamheat_fw.physics.rise.measured import Measured

Shape = Callable[[NDArray[np.float64], float, float], NDArray[np.float64]]
_FEWEST_POSITIONS = 8
#: The method of a film, as results name it.
UNIFORM = "uniform thickness"


@dataclass(frozen=True)
class ThicknessProfile:
    """Projected thickness along a line through a particle.

    Attributes
    ----------
    position_nm : array, shape (n,)
        Rising, from any origin.
    thickness_nm : array, shape (n,)
    volume_nm3 : float, optional
        Of the whole particle: what a map of it needs.
    """

    position_nm: NDArray[np.float64]
    thickness_nm: NDArray[np.float64]
    volume_nm3: float | None = None


@dataclass(frozen=True)
class Thickness:
    """What is known of the particle's thickness; one of the three.

    Attributes
    ----------
    thickest_nm : Measured, optional
        Of a film, or at a particle's thickest place.
    half_width : bool
        A particle's thickness is half its apparent width along the scan (the paper's model).
    profile : ThicknessProfile, optional
        From the particle's atoms.
    """

    thickest_nm: Measured | None = None
    half_width: bool = False
    profile: ThicknessProfile | None = None

    def __post_init__(self) -> None:
        if self.thickest_nm is not None and self.thickest_nm.value <= 0.0:
            raise InputError(
                "The thickness is not above zero",
                "Give the particle's thickness along the beam in nm.",
                {"thickness_nm": self.thickest_nm.value},
            )
        if (self.thickest_nm is not None) + self.half_width + (self.profile is not None) != 1:
            raise InputError(
                "The thickness is given in more than one way, or in none",
                "Give a thickness, half the apparent width, or the particle's atoms.",
            )


@dataclass(frozen=True)
class Scan:
    """t/lambda and energy lost at the positions of a line scan, or of one film.

    Attributes
    ----------
    position_nm : array, shape (n,)
        In steps where the file says no length.
    t_over_lambda, t_over_lambda_error : arrays, shape (n,)
        The error from counting alone.
    energy_loss_eV, energy_loss_error_eV : arrays, shape (n,)
        The error from counting alone.
    threshold_error : float
        Of t/lambda from the threshold, at all positions alike.
    support_error, support_loss_error_eV : float
        Of t/lambda and energy lost from the support's mean, at all positions alike: a fitted constant takes
        it up, a film's mean does not.
    calibrated : bool
        Whether positions are in nm.
    """

    position_nm: NDArray[np.float64]
    t_over_lambda: NDArray[np.float64]
    t_over_lambda_error: NDArray[np.float64]
    energy_loss_eV: NDArray[np.float64]
    energy_loss_error_eV: NDArray[np.float64]
    threshold_error: float = 0.0
    support_error: float = 0.0
    support_loss_error_eV: float = 0.0
    calibrated: bool = True


@dataclass(frozen=True)
class PathLengths:
    """Mean free path and energy lost per length.

    Attributes
    ----------
    mean_free_path_nm, dE_dx_eV_nm : Measured
    thickness_nm : float
        At the thickest place.
    intercept : float
        t/lambda that does not grow with the thickness: surface losses, and the support where it was not
        subtracted.
    method : str
    reduced_chi2 : float
        Of the fit; above one the shape is not quite the model's, and the errors are widened by its root.
    """

    mean_free_path_nm: Measured
    dE_dx_eV_nm: Measured
    thickness_nm: float
    intercept: float
    method: str
    reduced_chi2: float


def path_lengths(scan: Scan, thickness: Thickness) -> PathLengths:
    """Return mean free path and dE/dx from a thickness.

    Parameters
    ----------
    scan : Scan
    thickness : Thickness

    Raises
    ------
    InputError
        The scan has too few positions, no length scale, or shows no particle.

    Notes
    -----
    A scan that is the same everywhere is a film: weighted means. Else t/lambda is fitted by a profile and a
    constant; the highest position alone would be biased upwards by its noise. Maps are films too, or are
    summed over the particle (`map_sum.of_map`).
    """
    if thickness.thickest_nm is not None and is_uniform(scan):
        return _of_film(scan, thickness.thickest_nm)
    if thickness.thickest_nm is None and not scan.calibrated:
        raise InputError(
            "The scan has no length scale",
            "Calibrate the navigation axis in nm (in HyperSpy: s.axes_manager[0].scale, .units).",
        )
    if len(scan.position_nm) < _FEWEST_POSITIONS:
        raise InputError(
            "The scan has too few positions to fit a profile",
            f"Give a line scan of at least {_FEWEST_POSITIONS} positions, or a film's thickness.",
            {"positions": len(scan.position_nm)},
        )
    return (
        _of_atoms(scan, thickness.profile) if thickness.profile is not None else _of_ellipse(scan, thickness)
    )


def is_uniform(scan: Scan) -> bool:
    """Tell whether t/lambda is the same everywhere, but for its errors."""
    weights = scan.t_over_lambda_error**-2.0
    mean = np.average(scan.t_over_lambda, weights=weights)
    excess = float((weights * (scan.t_over_lambda - mean) ** 2).sum())
    return len(weights) == 1 or excess < chi2.ppf(0.999, len(weights) - 1)


def _of_film(scan: Scan, thickness: Measured) -> PathLengths:
    ratio, counting = _weighted_mean(scan.t_over_lambda, scan.t_over_lambda_error)
    loss, loss_counting = _weighted_mean(scan.energy_loss_eV, scan.energy_loss_error_eV)
    ratio_error = float(np.linalg.norm((counting, scan.threshold_error, scan.support_error)))
    loss_error = float(np.hypot(loss_counting, scan.support_loss_error_eV))
    require_particle(ratio, ratio_error)
    of_thickness = thickness.error / thickness.value
    length, slope = thickness.value / ratio, loss / thickness.value
    return PathLengths(
        Measured(length, length * float(np.hypot(ratio_error / ratio, of_thickness))),
        Measured(slope, slope * float(np.hypot(loss_error / loss, of_thickness))),
        thickness.value,
        0.0,
        UNIFORM,
        1.0,
    )


def _weighted_mean(values: NDArray[np.float64], errors: NDArray[np.float64]) -> tuple[float, float]:
    weights = errors**-2.0
    return float(np.average(values, weights=weights)), float(weights.sum() ** -0.5)


def _ellipse(position: NDArray[np.float64], centre: float, half_width: float) -> NDArray[np.float64]:
    return np.sqrt(np.maximum(1.0 - ((position - centre) / half_width) ** 2, 0.0))


def _of_ellipse(scan: Scan, thickness: Thickness) -> PathLengths:
    fitted, covariance, reduced = _fit(scan, _ellipse, _start(scan))
    amplitude, centre, half_width, intercept = fitted
    require_particle(amplitude, float(np.sqrt(covariance[0, 0])))
    gradient = np.array([1.0 / amplitude, 0.0, 0.0, 0.0])
    if thickness.thickest_nm is not None:
        thickest, of_thickness = (
            thickness.thickest_nm,
            thickness.thickest_nm.error / thickness.thickest_nm.value,
        )
        method = "elliptical profile of the thickness given"
    else:
        thickest, of_thickness = Measured(half_width, float(np.sqrt(covariance[2, 2]))), 0.0
        method = "elliptical profile, half its apparent width as thickness"
        gradient[2] = -1.0 / half_width
    fit = gradient @ covariance @ gradient
    relative = float(np.sqrt(fit + (scan.threshold_error / amplitude) ** 2 + of_thickness**2))
    length = thickest.value / amplitude
    loss = _loss_per_length(scan, _ellipse(scan.position_nm, centre, half_width), thickest)
    return PathLengths(Measured(length, length * relative), loss, thickest.value, intercept, method, reduced)


def _of_atoms(scan: Scan, profile: ThicknessProfile) -> PathLengths:
    thickest = float(profile.thickness_nm.max())
    middle = np.average(profile.position_nm, weights=profile.thickness_nm)

    def shape(position: NDArray[np.float64], centre: float, stretch: float) -> NDArray[np.float64]:
        there = (position - centre) / stretch + middle
        return np.interp(there, profile.position_nm, profile.thickness_nm, left=0.0, right=0.0) / thickest

    amplitude, centre, _, intercept = _start(scan)
    # The particle's size is known: only where it lies is fitted.
    fitted, covariance, reduced = _fit(
        scan, lambda x, x0, _: shape(x, x0, 1.0), (amplitude, centre, 1.0, intercept), fixed_width=True
    )
    require_particle(fitted[0], float(np.sqrt(covariance[0, 0])))
    length = thickest / fitted[0]
    error = length * float(np.hypot(np.sqrt(covariance[0, 0]), scan.threshold_error)) / fitted[0]
    loss = _loss_per_length(scan, shape(scan.position_nm, fitted[1], 1.0), Measured(thickest))
    return PathLengths(Measured(length, error), loss, thickest, fitted[3], "projected atoms", reduced)


def _start(scan: Scan) -> tuple[float, float, float, float]:
    base = float(np.min(scan.t_over_lambda))
    height = float(np.max(scan.t_over_lambda)) - base
    above = np.flatnonzero(scan.t_over_lambda > base + 0.5 * height)
    left, right = scan.position_nm[above[0]], scan.position_nm[above[-1]]
    step = float(np.diff(scan.position_nm).mean())
    return height, 0.5 * float(left + right), max(0.58 * float(right - left), step), base


def _fit(
    scan: Scan, shape: Shape, start: tuple[float, float, float, float], fixed_width: bool = False
) -> tuple[tuple[float, float, float, float], NDArray[np.float64], float]:
    """Fit amplitude, centre, half width and intercept; with their covariance and reduced chi^2."""

    def model(
        x: NDArray[np.float64], amplitude: float, centre: float, width: float, intercept: float
    ) -> NDArray[np.float64]:
        return amplitude * shape(x, centre, width) + intercept

    step, extent = float(np.diff(scan.position_nm).mean()), float(np.ptp(scan.position_nm))
    half_width = (1.0 - 1e-9, 1.0 + 1e-9) if fixed_width else (step, 4.0 * extent)
    bounds = (
        (0.0, scan.position_nm[0] - extent, half_width[0], -np.inf),
        (np.inf, scan.position_nm[-1] + extent, half_width[1], np.inf),
    )
    try:
        found, covariance = curve_fit(
            model,
            scan.position_nm,
            scan.t_over_lambda,
            p0=np.clip(start, *bounds),
            sigma=scan.t_over_lambda_error,
            absolute_sigma=True,
            bounds=bounds,
        )
    except RuntimeError:
        raise _no_particle() from None
    if fixed_width:
        covariance[2, :] = covariance[:, 2] = 0.0
    residual = (scan.t_over_lambda - model(scan.position_nm, *found)) / scan.t_over_lambda_error
    reduced = float((residual**2).sum()) / (len(residual) - (3 if fixed_width else 4))
    amplitude, centre, width, intercept = (float(value) for value in found)
    return (amplitude, centre, width, intercept), covariance * max(reduced, 1.0), reduced


def _loss_per_length(scan: Scan, relative_thickness: NDArray[np.float64], thickest: Measured) -> Measured:
    """Fit the energy lost by the profile found and a constant: dE/dx is the slope over the thickness."""
    design = np.stack([relative_thickness, np.ones_like(relative_thickness)], axis=1)
    scaled = design / scan.energy_loss_error_eV[:, None]
    covariance = np.linalg.inv(scaled.T @ scaled)
    found = covariance @ (scaled.T @ (scan.energy_loss_eV / scan.energy_loss_error_eV))
    residual = scan.energy_loss_eV / scan.energy_loss_error_eV - scaled @ found
    inflation = max(float((residual**2).sum()) / max(len(residual) - 2, 1), 1.0)
    slope = float(found[0])
    if slope <= 0.0:
        raise _no_particle()
    relative = np.hypot(np.sqrt(covariance[0, 0] * inflation) / slope, thickest.error / thickest.value)
    return Measured(slope / thickest.value, float(slope / thickest.value * relative))


def require_particle(amplitude: float, error: float) -> None:
    """Refuse a t/lambda, or its sum, that is within two errors of nothing.

    Raises
    ------
    InputError
        It is.
    """
    if not amplitude > 2.0 * error:
        raise _no_particle()


def _no_particle() -> InputError:
    return InputError(
        "No particle stands out in the scan, so that a thickness means nothing",
        "Give a scan across the particle, or leave the thickness out.",
    )
