"""Low-loss spectra as arrays, and what makes them unusable."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beamheat_fw.errors import InputError

_FEWEST_CHANNELS = 32
#: Channels read at once, and worked on at once: small enough for a processor's cache.
_READ_CHANNELS = 1 << 22
_BLOCK_CHANNELS = 1 << 18
#: Negative counts of less than this share of the highest are a sum's rounding, not a detector's.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class LowLossSpectra:
    """Spectra on one uniform energy axis.

    Attributes
    ----------
    energy_eV : array, shape (n_channels,)
        Energy loss of each channel, in the file's calibration.
    counts : array-like, shape (n_positions, n_channels)
        A NumPy array, or anything that slices like one and turns into one (a Dask array); positions in C
        order.
    navigation_shape : tuple of int
        Shape of the positions; () for a single spectrum.
    step_nm : float, optional
        Distance between neighbouring positions.
    beam_energy_keV : float, optional
    saturation_level : float, optional
        The largest number that the file's integers can hold.
    pixel_area_nm2 : float, optional
        What one position of a map stands for.
    electrons_per_count : float, optional
        The file's intensity scale, where it gives one.
    """

    energy_eV: NDArray[np.float64]
    counts: Any
    navigation_shape: tuple[int, ...] = ()
    step_nm: float | None = None
    beam_energy_keV: float | None = None
    saturation_level: float | None = None
    pixel_area_nm2: float | None = None
    electrons_per_count: float | None = None

    def __post_init__(self) -> None:
        _check_axis(self.energy_eV)
        expected = (max(int(np.prod(self.navigation_shape)), 1), len(self.energy_eV))
        if tuple(self.counts.shape) != expected:
            raise InputError(
                "The counts do not fit the axes",
                "Give counts of shape (positions, channels).",
                {"counts": list(self.counts.shape), "expected": list(expected)},
            )

    @property
    def dispersion_eV(self) -> float:
        """Energy from one channel to the next."""
        return float(self.energy_eV[-1] - self.energy_eV[0]) / (len(self.energy_eV) - 1)

    def blocks(self) -> Iterator[tuple[slice, NDArray[np.float64]]]:
        """Yield the counts in blocks of a few hundred spectra, so that memory stays bounded."""
        number, channels = self.counts.shape
        read, size = max(1, _READ_CHANNELS // channels), max(1, _BLOCK_CHANNELS // channels)
        for first in range(0, number, read):
            part = np.asarray(self.counts[first : first + read])
            for start in range(0, len(part), size):
                block = part[start : start + size].astype(float)
                yield slice(first + start, first + start + len(block)), block


def check_counts(counts: NDArray[np.float64], allow_negative: bool) -> None:
    """Refuse counts that no detector gives.

    Raises
    ------
    InputError
        A count is not finite, or is negative and `allow_negative` is false, or all are zero.
    """
    if not np.all(np.isfinite(counts)):
        raise InputError(
            "The spectrum holds NaN or infinite counts",
            "Repair or crop these channels (in HyperSpy: s.isig[...], s.spikes_removal_tool()).",
            {"channels": int(np.count_nonzero(~np.isfinite(counts)))},
        )
    if not allow_negative and counts.min() < -_ROUNDING * counts.max():
        raise InputError(
            "The spectrum holds negative counts",
            "Redo the dark correction or crop these channels; --allow-negative keeps a dark "
            "reference's noise as it is.",
            {"channels": int(np.count_nonzero(counts < 0.0)), "lowest": float(counts.min())},
        )


def _check_axis(energy_eV: NDArray[np.float64]) -> None:
    if energy_eV.ndim != 1 or len(energy_eV) < _FEWEST_CHANNELS:
        raise InputError(
            "The energy axis has too few channels for a spectrum",
            f"Give a low-loss spectrum of at least {_FEWEST_CHANNELS} channels.",
            {"channels": energy_eV.size},
        )
    steps = np.diff(energy_eV)
    if not (np.all(np.isfinite(energy_eV)) and np.all(steps > 0.0) and np.ptp(steps) < 1e-3 * steps.mean()):
        raise InputError(
            "The energy axis is not uniform and rising",
            "Interpolate the spectrum to a uniform axis (in HyperSpy: s.interpolate_on_axis).",
            {"first_eV": float(energy_eV[0]), "last_eV": float(energy_eV[-1])},
        )
    _check_range(energy_eV)


def _check_range(energy_eV: NDArray[np.float64]) -> None:
    first, last = float(energy_eV[0]), float(energy_eV[-1])
    if first > 0.0:
        raise InputError(
            "The spectrum begins above 0 eV: a core-loss spectrum, or one without its zero-loss peak",
            "Give the low-loss spectrum that holds the zero-loss peak, or calibrate the axis' offset.",
            {"first_eV": first, "last_eV": last},
        )
    if last < 15.0:
        raise InputError(
            "The spectrum ends before the plasmon losses",
            "Give a low-loss spectrum that reaches at least 15 eV, calibrated in eV.",
            {"first_eV": first, "last_eV": last},
        )
    if first == 0.0 and np.isclose(energy_eV[1], 1.0):
        raise InputError(
            "The energy axis is not calibrated: its offset is 0 and its scale 1",
            "Set the axis' scale and offset in eV (in HyperSpy: s.axes_manager[-1].scale, .offset).",
            {"first_eV": first, "last_eV": last},
        )
