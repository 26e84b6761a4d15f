"""The spectrum of the thickest position, as it is drawn beside the windows it was analysed in."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from beamheat_fw.physics.eels.analysis import EelsResult
from beamheat_fw.physics.eels.spectra import LowLossSpectra

#: Channels kept; neighbours are averaged where a spectrum has more.
MOST_CHANNELS: Final = 700


def thickest_spectrum(spectra: LowLossSpectra, result: EelsResult) -> dict[str, Any]:
    """Return the counts of the position with the largest t/lambda.

    Parameters
    ----------
    spectra : LowLossSpectra
    result : EelsResult
        What came out of them.

    Returns
    -------
    dict
        ``position`` (C order), ``threshold_eV`` (the zero-loss peak's end), ``energy_eV`` (from the peak's
        centre) and ``counts``, at most `MOST_CHANNELS` of each.
    """
    position = int(np.nanargmax(result.t_over_lambda))
    energy = spectra.energy_eV - result.moments.centre_eV[position]
    counts = np.asarray(spectra.counts[position], dtype=float)
    width = -(-len(energy) // MOST_CHANNELS)
    whole = len(energy) // width * width
    return {
        "position": position,
        "threshold_eV": float(result.moments.threshold_eV[position]),
        "energy_eV": [round(value, 3) for value in energy[:whole].reshape(-1, width).mean(axis=1).tolist()],
        "counts": [round(value, 2) for value in counts[:whole].reshape(-1, width).mean(axis=1).tolist()],
    }
