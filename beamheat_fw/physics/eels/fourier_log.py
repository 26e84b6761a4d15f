"""Single-scattering distributions by Fourier-log deconvolution, with the way counting noise enters them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft

#: Where a transform is less than this many times its own counting noise, its logarithm says nothing.
_SIGNIFICANT = 5.0


@dataclass(frozen=True)
class Deconvolution:
    """Fourier-log deconvolution of spectra whose zero-loss peak is the part below a threshold.

    Attributes
    ----------
    channels, padded : int
        Length of the spectra and of the transforms.
    distribution : complex array, shape (n, n_frequencies)
        Z ln(J/Z), with J the transform of the spectrum and Z of its zero-loss peak.
    by_spectrum, by_elastic : complex arrays, same shape
        Its derivatives by J and by Z, in single precision: they serve errors only.
    elastic : bool array, shape (n, channels)
        Which channels are the zero-loss peak.
    """

    channels: int
    padded: int
    distribution: NDArray[np.complex128]
    by_spectrum: NDArray[np.complex64]
    by_elastic: NDArray[np.complex64]
    elastic: NDArray[np.bool_]

    def single_scattering(self) -> NDArray[np.float64]:
        """Return the single-scattering distributions in counts, shape (n, channels)."""
        return irfft(self.distribution, n=self.padded, axis=1)[:, : self.channels]

    def sensitivity(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how a weighted sum over the distribution changes with each channel's count.

        Parameters
        ----------
        weights : array, shape (n, channels)

        Returns
        -------
        array, shape (n, channels)
            The derivative of sum(weights * single_scattering()) by the counts: correlations of the weights
            with the derivatives by J and, for the zero-loss channels, by Z.
        """
        transformed = np.conj(rfft(weights.astype(np.float32), n=self.padded, axis=1))
        of_spectrum = irfft(np.conj(transformed * self.by_spectrum), n=self.padded, axis=1)
        of_elastic = irfft(np.conj(transformed * self.by_elastic), n=self.padded, axis=1)
        found = of_spectrum[:, : self.channels].astype(float)
        np.add(found, of_elastic[:, : self.channels], out=found, where=self.elastic)
        return found


def deconvolve(
    counts: NDArray[np.float64], elastic: NDArray[np.bool_], gain_factor: float = 1.0
) -> Deconvolution:
    """Take the zero-loss peak and plural scattering apart.

    Parameters
    ----------
    counts : array, shape (n, channels)
        Each with counts in its zero-loss peak.
    elastic : bool array, shape (n, channels)
        Which channels are the zero-loss peak.
    gain_factor : float
        Counts per electron.

    Notes
    -----
    S = Z ln(J/Z), the single-scattering distribution as the spectrometer would show it: Egerton, Electron
    Energy-Loss Spectroscopy in the Electron Microscope, 3rd ed., section 4.1.1. The arrays are padded to
    twice their length against wrap-around. Unlike in exspy the ends are not tapered: a zero-loss peak near
    the first channel would lose part of itself. At the high frequencies where Z or J is lost in counting
    noise the logarithm is taken to first order, J - Z. Its branch is right for t/lambda below pi.
    """
    channels = counts.shape[1]
    padded = next_fast_len(2 * channels, real=True)
    spectrum = rfft(counts, n=padded, axis=1)
    zero_loss = rfft(np.where(elastic, counts, 0.0), n=padded, axis=1)
    noise2 = _SIGNIFICANT**2 * gain_factor * np.abs(counts).sum(axis=1, keepdims=True)
    significant = (_squared(zero_loss) > noise2) & (_squared(spectrum) > noise2)
    # Beyond the last significant frequency of any spectrum nothing but the first order is left.
    end = int(np.flatnonzero(significant.any(axis=0))[-1]) + 1
    low, kept = np.s_[:, :end], significant[:, :end]
    ratio = np.divide(spectrum[low], zero_loss[low], out=np.ones_like(spectrum[low]), where=kept)
    logarithm = np.log(ratio, out=np.zeros_like(ratio), where=kept)
    distribution = spectrum - zero_loss
    distribution[low] = np.where(kept, zero_loss[low] * logarithm, distribution[low])
    by_spectrum = np.ones(spectrum.shape, dtype=np.complex64)
    by_elastic = -by_spectrum
    by_spectrum[low], by_elastic[low] = 1.0 / ratio, logarithm - 1.0
    return Deconvolution(channels, padded, distribution, by_spectrum, by_elastic, elastic)


def _squared(transform: NDArray[np.complex128]) -> NDArray[np.float64]:
    return transform.real**2 + transform.imag**2
