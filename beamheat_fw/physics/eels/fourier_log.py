"""Single-scattering distributions by Fourier-log deconvolution, with the way counting noise enters them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft


@dataclass(frozen=True)
class Deconvolution:
    """Fourier-log deconvolution of spectra whose zero-loss peak is the part below a threshold.

    Attributes
    ----------
    channels : int
    log_ratio : complex array, shape (n, n_frequencies)
        ln(J/Z), with J the transform of the spectrum and Z of its zero-loss peak.
    zero_loss : complex array, same shape
        Z.
    spectrum : complex array, same shape
        J.
    elastic : bool array, shape (n, channels)
        Which channels are the zero-loss peak.

    Notes
    -----
    Egerton, Electron Energy-Loss Spectroscopy in the Electron Microscope, 3rd ed., section 4.1.1: S = Z
    ln(J/Z), the single-scattering distribution as the spectrometer would show it. The arrays are padded to
    twice their length against wrap-around.
    """

    channels: int
    log_ratio: NDArray[np.complex128]
    zero_loss: NDArray[np.complex128]
    spectrum: NDArray[np.complex128]
    elastic: NDArray[np.bool_]

    @property
    def padded(self) -> int:
        """Length of the padded transforms."""
        return next_fast_len(2 * self.channels, real=True)

    def single_scattering(self) -> NDArray[np.float64]:
        """Return the single-scattering distributions in counts, shape (n, channels)."""
        return irfft(self.zero_loss * self.log_ratio, n=self.padded, axis=1)[:, : self.channels]

    def sensitivity(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how a weighted sum over the distribution changes with each channel's count.

        Parameters
        ----------
        weights : array, shape (n, channels)

        Returns
        -------
        array, shape (n, channels)
            The derivative of sum(weights * single_scattering()) by the counts. With dS = (ln(J/Z) - 1) dZ +
            (Z/J) dJ, a correlation of the weights with Z/J and, for the zero-loss channels, with ln(J/Z) - 1.
        """
        transformed = rfft(weights, n=self.padded, axis=1)
        of_spectrum = irfft(transformed * np.conj(self.zero_loss / self.spectrum), n=self.padded, axis=1)
        of_elastic = irfft(transformed * np.conj(self.log_ratio - 1.0), n=self.padded, axis=1)
        return of_spectrum[:, : self.channels] + np.where(self.elastic, of_elastic[:, : self.channels], 0.0)


def deconvolve(counts: NDArray[np.float64], elastic: NDArray[np.bool_]) -> Deconvolution:
    """Take the zero-loss peak and plural scattering apart.

    Parameters
    ----------
    counts : array, shape (n, channels)
        Each with counts in its zero-loss peak.
    elastic : bool array, shape (n, channels)
        Which channels are the zero-loss peak.

    Notes
    -----
    The logarithm's branch is right for t/lambda below pi.
    """
    channels = counts.shape[1]
    padded = next_fast_len(2 * channels, real=True)
    spectrum = rfft(counts, n=padded, axis=1)
    zero_loss = rfft(np.where(elastic, counts, 0.0), n=padded, axis=1)
    tiny = np.finfo(float).tiny
    spectrum = np.where(np.abs(spectrum) > tiny, spectrum, tiny)
    zero_loss = np.where(np.abs(zero_loss) > tiny, zero_loss, tiny)
    return Deconvolution(channels, np.log(spectrum / zero_loss), zero_loss, spectrum, elastic)
