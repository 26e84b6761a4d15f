"""The spectrum that is drawn is the thickest one, on its own energy axis."""

from __future__ import annotations

import numpy as np
import pytest

from beamheat_fw.physics.eels.analysis import analyse
from beamheat_fw.physics.eels.spectra import LowLossSpectra
from beamheat_fw.physics.eels.thickest import MOST_CHANNELS, thickest_spectrum


def test_thickest_position_is_drawn_with_its_zero_loss_peak_at_zero_and_its_counts_kept() -> None:
    energy = np.linspace(-20.0, 150.0, 1700)
    thickness = np.array([0.1, 0.5, 0.2])
    peaks = [np.exp(-0.5 * ((energy - centre) / 0.8) ** 2) for centre in (1.5, 26.5)]
    counts = 1e5 * (peaks[0] + thickness[:, None] * peaks[1])
    spectra = LowLossSpectra(energy, counts, (3,), 1.0, 80.0)
    found = thickest_spectrum(spectra, analyse(spectra))
    assert found["position"] == 1
    assert len(found["energy_eV"]) == len(found["counts"]) <= MOST_CHANNELS
    assert found["energy_eV"][int(np.argmax(found["counts"]))] == pytest.approx(0.0, abs=0.3)
    assert np.mean(found["counts"]) == pytest.approx(counts[1].mean(), rel=5e-3)
