"""Spread against true error in bins, as the paper's figure 1 shows it, before and after calibration."""

from __future__ import annotations

from typing import Any

import numpy as np

from beamheat_fw.physics.calibration import Calibration
from beamheat_fw.physics.force_errors import ForceErrors

#: Atoms in one bin at the least, so that its mean means something.
FEWEST_IN_BIN = 15


def binned_errors(errors: ForceErrors, calibration: Calibration, bins: int = 12) -> dict[str, list[Any]]:
    """Average true errors over atoms of like spread.

    Parameters
    ----------
    errors : ForceErrors
    calibration : Calibration
        Gives the error expected of each spread.
    bins : int
        Bins of equal numbers of atoms, at the most.

    Returns
    -------
    dict of str to list
        Of each bin, in order of the spread: ``spread_eV_A``, ``error_eV_A`` (root mean square of the norm),
        ``expected_eV_A`` (mean of the calibrated bound at 68 %) and ``atoms``.
    """
    order = np.argsort(errors.spread_eV_A, kind="stable")
    parts = np.array_split(order, max(1, min(bins, len(order) // FEWEST_IN_BIN)))
    expected = calibration.bounds(errors.spread_eV_A, errors.element, errors.environment, 0.68)
    return {
        "spread_eV_A": [float(errors.spread_eV_A[part].mean()) for part in parts],
        "error_eV_A": [float(np.sqrt(np.mean(errors.error_eV_A[part] ** 2))) for part in parts],
        "expected_eV_A": [float(expected[part].mean()) for part in parts],
        "atoms": [len(part) for part in parts],
    }
