"""Where the zero-loss peak is, how wide, and where the inelastic part begins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d
from scipy.signal import savgol_filter

from beamheat_fw.errors import InputError

_WIDEST_FWHM_EV = 5.0
#: How far from 0 eV of the file's calibration the peak is looked for.
_SEARCH_EV = 10.0
#: The peak's channels hold at least this share of the spectrum: less is a spike in noise, or t/lambda above
#: 6.
_LEAST_SHARE = 2e-3
#: Before the peak the counts are at most this share of its height.
_BACKGROUND_SHARE = 0.1
#: Half width of the window of the peak's centroid, in FWHM: holds a Gaussian to 4e-4.
_CENTROID_WIDTH = 1.5


@dataclass(frozen=True)
class ThresholdSearch:
    """How the elastic scattering threshold is found; names and defaults are exspy's.

    Attributes
    ----------
    start : float
        Energy in eV above the zero-loss peak's centre from which to look, at least one FWHM.
    window : float
        Width in eV of the part looked at.
    window_length, polynomial_order : int
        Of the Savitzky-Golay filter, in channels.
    """

    start: float = 1.0
    window: float = 10.0
    window_length: int = 5
    polynomial_order: int = 3

    def __post_init__(self) -> None:
        if not (self.window > 0.0 and self.start >= 0.0 and self.window_length % 2 == 1):
            raise InputError(
                "The search for the threshold has no window, or its filter an even length",
                "Give a window above zero, a start of zero or more and an odd window length.",
                {"start": self.start, "window": self.window, "window_length": self.window_length},
            )
        if not 0 < self.polynomial_order < self.window_length:
            raise InputError(
                "The polynomial of the threshold's filter does not fit its length",
                "Give a polynomial order from 1 to the window length less one.",
                {"polynomial_order": self.polynomial_order, "window_length": self.window_length},
            )


def find_zero_loss(
    energy_eV: NDArray[np.float64],
    counts: NDArray[np.float64],
    search_eV: tuple[float, float] = (-_SEARCH_EV, _SEARCH_EV),
    subpixel: bool = True,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the centre and the full width at half maximum of each zero-loss peak.

    Parameters
    ----------
    energy_eV : array, shape (n_channels,)
    counts : array, shape (n, n_channels)
    search_eV : tuple of 2 float
        Where to look for the peak.
    subpixel : bool
        Centroid of the peak rather than its highest channel.

    Returns
    -------
    centre_eV, fwhm_eV : arrays, shape (n,)
        NaN where there is no peak: the highest channel lies at an edge of the search range, the peak is wider
        than 5 eV, it holds less than 0.2 % of the spectrum, or it is less than ten times what is before it.

    Notes
    -----
    Each spectrum is looked at alone. The counts are not moved: interpolating them would correlate their
    noise. What follows takes energies relative to the centre instead.
    """
    step = energy_eV[1] - energy_eV[0]
    looked_at = np.flatnonzero((energy_eV >= search_eV[0]) & (energy_eV <= search_eV[1]))
    if looked_at.size < 3:
        raise InputError(
            "No channel lies where the zero-loss peak is looked for",
            "Give the low-loss spectrum, or a range that holds the zero-loss peak.",
            {"from_eV": search_eV[0], "to_eV": search_eV[1]},
        )
    peak = looked_at[0] + np.argmax(counts[:, looked_at], axis=1)
    left, right = _half_width_channels(counts, peak)
    fwhm = (left + right) * step
    sums = np.cumsum(counts, axis=1)
    rows = np.arange(len(counts))
    reach = np.ceil(np.nan_to_num(np.maximum(left, right), nan=1.0)).astype(int)
    inside = (
        sums[rows, np.minimum(peak + reach, counts.shape[1] - 1)]
        - sums[rows, np.maximum(peak - reach, 1) - 1]
    )
    at_edge = (peak == looked_at[0]) | (peak == looked_at[-1])
    clear = (
        _background(energy_eV, counts, energy_eV[peak] - 3.0 * fwhm) < _BACKGROUND_SHARE * counts[rows, peak]
    )
    found = (
        clear & (fwhm > 0.0) & (fwhm <= _WIDEST_FWHM_EV) & ~at_edge & (inside > _LEAST_SHARE * sums[:, -1])
    )
    centre = energy_eV[peak]
    if subpixel:
        near = peak_channels(energy_eV)
        centre = _centroid(energy_eV[near], counts[:, near], centre, fwhm)
    return np.where(found, centre, np.nan), np.where(found, fwhm, np.nan)


def _background(
    energy_eV: NDArray[np.float64], counts: NDArray[np.float64], end_eV: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the mean count below an energy; 0 where nothing is below it."""
    before = energy_eV < np.nan_to_num(end_eV, nan=-np.inf)[:, None]
    return np.where(before, counts, 0.0).sum(axis=1) / np.maximum(before.sum(axis=1), 1)


def _half_width_channels(
    counts: NDArray[np.float64], peak: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the distances in channels, left and right, from the highest one to half its height."""
    rows = np.arange(len(counts))
    height = counts[rows, peak]
    below = counts < 0.5 * height[:, None]
    channels = np.arange(counts.shape[1])
    on_left = np.where(below & (channels < peak[:, None]), channels, -1).max(axis=1)
    on_right = np.where(below & (channels > peak[:, None]), channels, counts.shape[1]).min(axis=1)

    def crossing(outer: NDArray[np.int64], inwards: int) -> NDArray[np.float64]:
        known = (outer >= 0) & (outer < counts.shape[1])
        low = counts[rows, np.where(known, outer, peak)]
        high = counts[rows, np.where(known, outer + inwards, peak)]
        share = (0.5 * height - low) / np.where(high > low, high - low, 1.0)
        return np.where(known, np.abs(outer + inwards * share - peak), np.nan)

    return crossing(on_left, 1), crossing(on_right, -1)


def _centroid(
    energy_eV: NDArray[np.float64],
    counts: NDArray[np.float64],
    centre_eV: NDArray[np.float64],
    fwhm_eV: NDArray[np.float64],
) -> NDArray[np.float64]:
    for _ in range(3):
        weights = counts * centroid_window(energy_eV, centre_eV, fwhm_eV)
        total = weights.sum(axis=1)
        centre_eV = (weights @ energy_eV) / np.where(total > 0.0, total, np.nan)
    return centre_eV


def peak_channels(energy_eV: NDArray[np.float64]) -> slice:
    """Return the channels that a zero-loss peak's centroid can depend on."""
    reach = _SEARCH_EV + (_CENTROID_WIDTH + 1.0) * _WIDEST_FWHM_EV
    first, last = np.searchsorted(energy_eV, [-reach, reach])
    return slice(int(first), int(last))


def centroid_window(
    energy_eV: NDArray[np.float64], centre_eV: NDArray[np.float64], fwhm_eV: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the share, shape (n, n_channels), of each channel within 1.5 FWHM of a centre.

    Channels at the edge count in part: a window of whole channels would make the centroid jump with it.
    """
    step = energy_eV[1] - energy_eV[0]
    distance = np.abs(energy_eV - centre_eV[:, None])
    return np.clip((_CENTROID_WIDTH * fwhm_eV[:, None] - distance) / step + 0.5, 0.0, 1.0)


def find_threshold(
    energy_eV: NDArray[np.float64],
    counts: NDArray[np.float64],
    centre_eV: NDArray[np.float64],
    fwhm_eV: NDArray[np.float64],
    search: ThresholdSearch,
) -> NDArray[np.float64]:
    """Return the elastic scattering threshold of each spectrum, in eV above its centre.

    Parameters
    ----------
    energy_eV : array, shape (n_channels,)
    counts : array, shape (n, n_channels)
    centre_eV, fwhm_eV : arrays, shape (n,)
    search : ThresholdSearch

    Returns
    -------
    array, shape (n,)
        NaN where the centre is.

    Notes
    -----
    The flattest point of the smoothed spectrum, as exspy's ``estimate_elastic_scattering_threshold``, in two
    respects stricter: each spectrum has its own tolerance, so that a position's result does not depend on its
    neighbours, and the point lies no further out than the spectrum's lowest one, so that it cannot be a
    plasmon's maximum.
    """
    step = energy_eV[1] - energy_eV[0]
    known = np.isfinite(centre_eV)
    begin = np.where(known, centre_eV + np.maximum(search.start, fwhm_eV), 0.0)
    end = np.where(known, centre_eV + search.start + search.window, 1.0)
    # A fixed part of the axis: the filter's ends must not depend on where other positions have their peak.
    part = energy_eV <= _SEARCH_EV + search.start + search.window + 2 * search.window_length * step
    near, nearby = energy_eV[part], counts[:, part]
    if np.any(begin > near[-1]):
        raise InputError(
            "The spectrum ends before the threshold's search begins",
            "Give the threshold, or start the search closer to the zero-loss peak.",
            {"start": search.start, "last_eV": float(energy_eV[-1])},
        )
    # A running mean, unlike the filter's polynomial, has no minimum of its own at the foot of the peak.
    smooth = uniform_filter1d(nearby, search.window_length, axis=1, mode="nearest")
    slope = savgol_filter(nearby, search.window_length, search.polynomial_order, deriv=1, delta=step, axis=1)
    outside = (near < begin[:, None]) | (near > end[:, None])
    valley = np.argmin(np.where(outside, np.inf, smooth), axis=1)
    outside |= np.arange(len(near)) > valley[:, None]
    flattest = np.argmin(np.where(outside, np.inf, np.abs(slope)), axis=1)
    return np.where(known, near[flattest] - np.where(known, centre_eV, 0.0), np.nan)
