"""Low-loss spectra with known t/lambda and mean loss: Poisson statistics of plural scattering."""

import numpy as np

from beamheat_fw.physics.eels.spectra import LowLossSpectra

ENERGY_EV = np.arange(640) * 0.4 - 6.0


def single_scattering(centre_eV=22.0, half_width_eV=14.0):
    """A normalised raised cosine."""
    energy = np.arange(2048) * 0.4
    reduced = (energy - centre_eV) / half_width_eV
    bump = np.where(np.abs(reduced) < 1.0, np.cos(0.5 * np.pi * reduced) ** 2, 0.0)
    return bump / bump.sum()


def mean_eV(distribution):
    """The mean loss of a distribution."""
    return float(np.arange(len(distribution)) * 0.4 @ distribution)


def expected(t_over_lambda, electrons, distribution=None, fwhm_eV=1.2, shift_eV=0.0):
    """Counts without noise, shape (n, 640), for n values of t/lambda."""
    distribution = single_scattering() if distribution is None else distribution
    frequencies = np.fft.rfftfreq(2 * len(distribution), d=0.4)
    sigma = fwhm_eV / np.sqrt(8.0 * np.log(2.0))
    zero_loss = np.exp(
        -2.0 * (np.pi * frequencies * sigma) ** 2 - 2j * np.pi * frequencies * (6.0 + shift_eV)
    )
    transformed = np.fft.rfft(distribution, n=2 * len(distribution))
    plural = np.exp(np.atleast_1d(t_over_lambda)[:, None] * (transformed - 1.0))
    return electrons * np.maximum(np.fft.irfft(zero_loss * plural, axis=1)[:, : len(ENERGY_EV)], 0.0)


def spectra(counts, navigation_shape=None, **given):
    """Counts of shape (n, 640) as a line scan."""
    shape = (len(counts),) if navigation_shape is None else navigation_shape
    return LowLossSpectra(ENERGY_EV, counts, shape, **given)
