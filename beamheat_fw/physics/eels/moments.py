"""Everything a spectrum says in a few numbers, with their joint counting errors."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from beamheat_fw.errors import InputError
from beamheat_fw.physics.eels.fourier_log import deconvolve
from beamheat_fw.physics.eels.spectra import LowLossSpectra, check_counts
from beamheat_fw.physics.eels.zero_loss import (
    ThresholdSearch,
    centroid_window,
    find_threshold,
    find_zero_loss,
    peak_channels,
)

#: The order of the numbers in `Moments.values`.
T_OVER_LAMBDA, ENERGY_LOSS, SSD_0, SSD_1, RAW_0, RAW_1 = range(6)
#: Which of them a change of the threshold moves.
THRESHOLD_DIRECTION = np.array([1.0, 0.0, 1.0, 0.0, 0.0, 0.0])


@dataclass(frozen=True)
class EnergyWindows:
    """Which part of a spectrum counts as what.

    Attributes
    ----------
    threshold_eV : float, optional
        Where the zero-loss peak ends, relative to its centre; found for each position if not given.
    signal_range_eV : tuple of 2 float, optional
        The part that makes up I_T and all moments, relative to the zero-loss peak; the whole spectrum by
        default.
    mean_loss_eV : tuple of 2 float, optional
        The part of the single-scattering distribution whose mean is taken; from the threshold on by default.
    raw_mean_loss_eV : tuple of 2 float
        The part of the raw spectrum whose mean is taken by the paper's method.
    search : ThresholdSearch
    align : bool
        Take energies relative to each zero-loss peak; else the file's calibration holds.
    subpixel : bool
        Align to a fraction of a channel.
    gain_factor : float
        Counts per electron: the variance of a count is the count times this.
    allow_negative : bool
        Keep negative counts, a dark reference's noise.
    """

    threshold_eV: float | None = None
    signal_range_eV: tuple[float, float] | None = None
    mean_loss_eV: tuple[float, float] | None = None
    raw_mean_loss_eV: tuple[float, float] = (10.8, 100.0)
    search: ThresholdSearch = field(default_factory=ThresholdSearch)
    align: bool = True
    subpixel: bool = True
    gain_factor: float = 1.0
    allow_negative: bool = False

    def __post_init__(self) -> None:
        windows = [self.signal_range_eV, self.mean_loss_eV, self.raw_mean_loss_eV]
        if any(window is not None and not window[0] < window[1] for window in windows):
            raise InputError(
                "An energy window is empty", "Give its lower end first, in eV.", {"windows_eV": str(windows)}
            )
        threshold_eV = 1.0 if self.threshold_eV is None else self.threshold_eV
        if not (0.0 < self.gain_factor < math.inf and 0.0 < threshold_eV < math.inf):
            raise InputError(
                "The threshold or the gain is not above zero",
                "Give the threshold in eV above the zero-loss peak, and the counts per electron.",
                {"threshold_eV": self.threshold_eV, "gain_factor": self.gain_factor},
            )


@dataclass(frozen=True)
class Moments:
    """The numbers of each position and their covariance.

    Attributes
    ----------
    values : array, shape (n, 6)
        t/lambda by the log-ratio; energy lost per electron in eV (first moment of the whole spectrum,
        zero-loss peak included); moments 0 and 1 (eV) of the single-scattering distribution over its window,
        and of the raw spectrum over the paper's window, these four per zero-loss electron. NaN where there is
        no zero-loss peak.
    covariance : array, shape (n, 6, 6)
        From counting.
    threshold_shift : array, shape (n,)
        By how much t/lambda and moment 0 change when the threshold moves by half a FWHM; 0 where it was
        given: then it is part of what the numbers mean. First moments do not feel it.
    elastic : array, shape (n,)
        Counts I_0 of the zero-loss peak.
    centre_eV, fwhm_eV, threshold_eV : arrays, shape (n,)
        Of the zero-loss peak; the threshold relative to the centre.
    saturated : bool array, shape (n,)
        The zero-loss peak's top is cut off flat, or reaches the largest number of the file's type.
    lowest : array, shape (n,)
        The lowest count.
    """

    values: NDArray[np.float64]
    covariance: NDArray[np.float64]
    threshold_shift: NDArray[np.float64]
    elastic: NDArray[np.float64]
    centre_eV: NDArray[np.float64]
    fwhm_eV: NDArray[np.float64]
    threshold_eV: NDArray[np.float64]
    saturated: NDArray[np.bool_]
    lowest: NDArray[np.float64]

    @property
    def errors(self) -> NDArray[np.float64]:
        """Standard errors, shape (n, 6)."""
        return np.sqrt(np.diagonal(self.total_covariance, axis1=1, axis2=2))

    @property
    def total_covariance(self) -> NDArray[np.float64]:
        """From counting and from the threshold, shape (n, 6, 6)."""
        return self.covariance + self.threshold_shift[:, None, None] ** 2 * np.outer(
            THRESHOLD_DIRECTION, THRESHOLD_DIRECTION
        )


def measure(spectra: LowLossSpectra, windows: EnergyWindows) -> Moments:
    """Measure every position by itself, block by block.

    Parameters
    ----------
    spectra : LowLossSpectra
    windows : EnergyWindows

    Returns
    -------
    Moments

    Raises
    ------
    InputError
        Counts are not finite or negative, or no position has a zero-loss peak.

    Notes
    -----
    Counting errors are analytic: each number's derivative by each channel's count, times the count's variance
    (Poisson). Numbers from one spectrum share that noise; the covariance says how.
    """
    blocks = [_measure_block(spectra, counts, windows) for _, counts in spectra.blocks()]
    moments = Moments(
        *(np.concatenate([getattr(block, kept.name) for block in blocks]) for kept in fields(Moments))
    )
    if not np.isfinite(moments.centre_eV).any():
        raise InputError(
            "There is no zero-loss peak near 0 eV",
            "Give the low-loss spectrum with its zero-loss peak, calibrate the axis in eV, or give "
            "the range that "
            "holds the peak.",
            {"first_eV": float(spectra.energy_eV[0]), "last_eV": float(spectra.energy_eV[-1])},
        )
    return moments


def _measure_block(spectra: LowLossSpectra, counts: NDArray[np.float64], windows: EnergyWindows) -> Moments:
    check_counts(counts, windows.allow_negative)
    energy = spectra.energy_eV
    centre, fwhm = find_zero_loss(energy, counts, subpixel=windows.subpixel)
    known = np.isfinite(centre)
    saturated = known & _is_saturated(counts, spectra.saturation_level)
    zero = centre if windows.align else np.where(known, 0.0, np.nan)
    if windows.threshold_eV is None:
        threshold = find_threshold(energy, counts, zero, fwhm, windows.search)
    else:
        threshold = np.where(known, windows.threshold_eV, np.nan)
    values = np.full((len(counts), 6), np.nan)
    covariance = np.full((len(counts), 6, 6), np.nan)
    shift, elastic = np.full(len(counts), np.nan), np.full(len(counts), np.nan)
    if known.any():
        peaks = _Peaks(zero[known], fwhm[known], threshold[known])
        estimates = _Estimates(energy, counts[known], peaks, windows)
        values[known], covariance[known] = estimates.all()
        shift[known], elastic[known] = estimates.threshold_shift(), estimates.elastic
    lowest = counts.min(axis=1)
    return Moments(values, covariance, shift, elastic, centre, fwhm, threshold, saturated, lowest)


@dataclass(frozen=True)
class _Peaks:
    centre_eV: NDArray[np.float64]
    fwhm_eV: NDArray[np.float64]
    threshold_eV: NDArray[np.float64]


class _Estimates:
    """The six numbers of a block of spectra, each with its derivative by every count."""

    def __init__(
        self,
        energy_eV: NDArray[np.float64],
        counts: NDArray[np.float64],
        peaks: _Peaks,
        windows: EnergyWindows,
    ) -> None:
        self.energy, self.windows, self.peaks = energy_eV, windows, peaks
        self.step = energy_eV[1] - energy_eV[0]
        self.loss = energy_eV - peaks.centre_eV[:, None]
        low, high = windows.signal_range_eV or (-np.inf, np.inf)
        self.counted = (self.loss >= low - 1e-9) & (self.loss <= high + 1e-9)
        self.counts = np.where(self.counted, counts, 0.0)
        # The nearest channel is the first inelastic one, as where exspy slices a spectrum at a threshold.
        edge = np.rint((peaks.threshold_eV + peaks.centre_eV - energy_eV[0]) / self.step)
        self.below = (np.arange(len(energy_eV)) < edge[:, None]) & self.counted
        self.total = self.counts.sum(axis=1)
        self.elastic = np.where(self.below, self.counts, 0.0).sum(axis=1)
        _require_elastic(self.elastic, self.total)
        self.centre_slope = self._centre_slope()

    def all(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        pairs = [self._log_ratio(), self._first_moment(), *self._single_scattering(), *self._raw()]
        values = np.stack([value for value, _ in pairs], axis=1)
        deviation = np.sqrt(self.windows.gain_factor * np.abs(self.counts))
        scaled = np.empty((len(values), len(pairs), self.counts.shape[1]))
        for row, (_, slope) in enumerate(pairs):
            np.multiply(slope, deviation, out=scaled[:, row])
        return values, np.matmul(scaled, scaled.transpose(0, 2, 1))

    def _log_ratio(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return np.log(self.total / self.elastic), 1.0 / self.total[:, None] - self.below / self.elastic[
            :, None
        ]

    def _first_moment(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        value = (self.counts * self.loss).sum(axis=1) / self.total
        return value, (self.loss - value[:, None]) / self.total[:, None] - self.centre_slope

    def _centre_slope(self) -> NDArray[np.float64]:
        """Return how the zero-loss peak's centroid moves with each count."""
        if not self.windows.align:
            return np.zeros_like(self.loss)
        near = peak_channels(self.energy)
        inside = centroid_window(self.energy[near], self.peaks.centre_eV, self.peaks.fwhm_eV)
        slope = np.zeros_like(self.loss)
        total = (inside * self.counts[:, near]).sum(axis=1, keepdims=True)
        slope[:, near] = inside * self.loss[:, near] / total
        return slope

    def _single_scattering(self) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
        deconvolution = deconvolve(self.counts, self.below, self.windows.gain_factor)
        distribution = deconvolution.single_scattering()
        low, high = self.windows.mean_loss_eV or (-np.inf, np.inf)
        inside = ~self.below & self.counted & (self.loss >= low) & (self.loss <= high)
        pairs = []
        for weights in (inside.astype(float), np.where(inside, self.loss, 0.0)):
            value = (weights * distribution).sum(axis=1) / self.elastic
            slope = deconvolution.sensitivity(weights) - np.where(self.below, value[:, None], 0.0)
            pairs.append((value, slope / self.elastic[:, None]))
        first, slope = pairs[1]
        pairs[1] = (first, slope - pairs[0][0][:, None] * self.centre_slope)
        return pairs

    def _raw(self) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
        low, high = self.windows.raw_mean_loss_eV
        inside = (self.loss >= low) & (self.loss <= high) & self.counted
        pairs = []
        for weights in (inside.astype(float), np.where(inside, self.loss, 0.0)):
            value = (weights * self.counts).sum(axis=1) / self.elastic
            pairs.append(
                (value, (weights - np.where(self.below, value[:, None], 0.0)) / self.elastic[:, None])
            )
        return pairs

    def threshold_shift(self) -> NDArray[np.float64]:
        if self.windows.threshold_eV is not None:
            return np.zeros(len(self.counts))
        reach = 0.5 * self.peaks.fwhm_eV[:, None]
        nearby = np.abs(self.loss - self.peaks.threshold_eV[:, None]) <= reach
        return 0.5 * np.where(nearby, self.counts, 0.0).sum(axis=1) / self.elastic


def _require_elastic(elastic: NDArray[np.float64], total: NDArray[np.float64]) -> None:
    if np.any(elastic <= 0.0) or np.any(total < elastic):
        raise InputError(
            "A spectrum has no counts below the threshold, or fewer than none above it",
            "Check the threshold, the signal range and the dark correction against the spectrum.",
            {"least_elastic": float(elastic.min()), "least_inelastic": float((total - elastic).min())},
        )


def _is_saturated(counts: NDArray[np.float64], level: float | None) -> NDArray[np.bool_]:
    highest = counts.max(axis=1)
    flat = np.count_nonzero(counts == highest[:, None], axis=1) >= 3
    return flat & (highest > 10.0) | (highest >= (level or np.inf))
