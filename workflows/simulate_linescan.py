"""Simulate the line scan au_on_hbn_linescan.hspy: a gold particle on hBN with known t/lambda and mean loss.

    python workflows/simulate_linescan.py workflows/data/au_on_hbn_linescan.hspy

What is in it
-------------
48 positions 0.75 nm apart, 1024 channels of 0.25 eV from -4 to 251.75 eV, at 80 keV.

* Particle: elliptical profile, t(x) = 12 nm sqrt(1 - ((x - 17.6 nm)/12 nm)^2), 12 nm thick at most: half its
width.
  Inelastic mean free path 37 nm, so that t/lambda is 0.3243 at most; mean energy loss 44.55 eV, so that dE/dx
  is 1.204 eV/nm. A single loss is at most 100 eV: what the spectrum's end cuts off is negligible.
* Support: t/lambda 0.08 everywhere, mean loss 22.91 eV. Positions 0-6 and 40-47 show the support alone.
* Zero-loss peak: Gaussian, FWHM 0.8 eV, drifting from -0.15 to +0.15 eV over the scan.
* 1e6 electrons a position; Poisson noise, seed 20240312.

The exact means are those of the arrays, `truth()`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

POSITIONS, STEP_NM = 48, 0.75
CHANNELS, FIRST_EV, DISPERSION_EV = 1024, -4.0, 0.25
THICKNESS_NM, HALF_WIDTH_NM, CENTRE_NM = 12.0, 12.0, 17.6
MEAN_FREE_PATH_NM = 37.0
SUPPORT_T_OVER_LAMBDA = 0.08
FWHM_EV, DRIFT_EV = 0.8, 0.15
ELECTRONS, SEED = 1e6, 20240312
BEAM_ENERGY_KEV = 80.0

_FINE = 10
_STEP_EV = DISPERSION_EV / _FINE
#: Reaches 410 eV; twice that in the transforms, so that plural losses do not wrap around.
_FINE_CHANNELS = 16384


def single_scattering(centres_eV: tuple[float, ...], widths_eV: tuple[float, ...]) -> NDArray[np.float64]:
    """Return a normalised sum of smooth bumps, each zero outside centre +- width, on a fine axis from 0."""
    energy = np.arange(_FINE_CHANNELS) * _STEP_EV
    bumps = [
        np.where(np.abs(energy - centre) < width, np.cos(0.5 * np.pi * (energy - centre) / width) ** 2, 0.0)
        for centre, width in zip(centres_eV, widths_eV, strict=True)
    ]
    total = np.sum(bumps, axis=0)
    return total / total.sum()


#: Gold's broad losses, and hBN's pi and sigma plasmons.
GOLD = single_scattering((24.0, 36.0, 60.0), (18.0, 29.0, 40.0))
HBN = single_scattering((9.0, 26.0), (4.0, 18.0))


def truth() -> dict[str, float]:
    """Return the exact figures behind the scan."""
    energy = np.arange(len(GOLD)) * _STEP_EV
    gold_eV, hbn_eV = float(energy @ GOLD), float(energy @ HBN)
    return {
        "mean_free_path_nm": MEAN_FREE_PATH_NM,
        "mean_energy_loss_eV": gold_eV,
        "support_mean_energy_loss_eV": hbn_eV,
        "dE_dx_eV_nm": gold_eV / MEAN_FREE_PATH_NM,
        "t_over_lambda": THICKNESS_NM / MEAN_FREE_PATH_NM,
    }


def t_over_lambda() -> NDArray[np.float64]:
    """Return the particle's own t/lambda at each position."""
    position = np.arange(POSITIONS) * STEP_NM
    inside = np.maximum(1.0 - ((position - CENTRE_NM) / HALF_WIDTH_NM) ** 2, 0.0)
    return THICKNESS_NM * np.sqrt(inside) / MEAN_FREE_PATH_NM


def expected_counts() -> NDArray[np.float64]:
    """Return the counts without noise, shape (positions, channels), plural scattering included."""
    frequencies = np.fft.rfftfreq(2 * len(GOLD), d=_STEP_EV)
    gold, hbn = (np.fft.rfft(distribution, n=2 * len(GOLD)) for distribution in (GOLD, HBN))
    sigma = FWHM_EV / np.sqrt(8.0 * np.log(2.0))
    zero_loss = np.exp(-2.0 * (np.pi * frequencies * sigma) ** 2)
    drifts = np.linspace(-DRIFT_EV, DRIFT_EV, POSITIONS)
    rows = []
    for thickness, drift in zip(t_over_lambda(), drifts, strict=True):
        plural = np.exp(thickness * (gold - 1.0) + SUPPORT_T_OVER_LAMBDA * (hbn - 1.0))
        shift = np.exp(-2j * np.pi * frequencies * (drift - FIRST_EV + 0.5 * (DISPERSION_EV - _STEP_EV)))
        fine = np.fft.irfft(zero_loss * plural * shift)[: CHANNELS * _FINE]
        rows.append(fine.reshape(CHANNELS, _FINE).sum(axis=1))
    return ELECTRONS * np.maximum(rows, 0.0)


def write(path: Path) -> None:
    """Write the scan as HyperSpy does."""
    import hyperspy.api as hs

    counts = np.random.default_rng(SEED).poisson(expected_counts()).astype(np.uint32)
    axes = [
        {"name": "x", "size": POSITIONS, "scale": STEP_NM, "offset": 0.0, "units": "nm", "navigate": True},
        {
            "name": "Energy loss",
            "size": CHANNELS,
            "scale": DISPERSION_EV,
            "offset": FIRST_EV,
            "units": "eV",
            "navigate": False,
        },
    ]
    signal = hs.signals.Signal1D(counts, axes=axes)
    signal.set_signal_type("EELS")
    signal.metadata.General.title = "Simulated: Au particle on hBN"
    signal.set_microscope_parameters(
        beam_energy=BEAM_ENERGY_KEV, convergence_angle=20.0, collection_angle=40.0
    )
    signal.save(path, overwrite=True, compression="gzip")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
    print(truth())
