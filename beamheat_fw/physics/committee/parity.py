"""Forces of a committee against the reference: atom by atom, and spread against true error in bins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from beamheat_fw.physics.committee.calibration import Calibration
from beamheat_fw.physics.committee.force_errors import ForceErrors

#: Atoms in one bin at the least, so that its mean means something.
FEWEST_IN_BIN: Final = 15
#: Force components of one environment that are kept to be drawn.
MOST_DRAWN: Final = 250


def binned_errors(errors: ForceErrors, calibration: Calibration, bins: int = 12) -> dict[str, list[Any]]:
    """Average true errors over atoms of like spread, as the paper's figure 1 shows them.

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


def force_parity(errors: ForceErrors, reference_eV_A: NDArray[np.float64]) -> dict[str, dict[str, list[Any]]]:
    """Return force components of reference and committee side by side, to be drawn.

    Parameters
    ----------
    errors : ForceErrors
    reference_eV_A : ndarray of float, shape (N, 3)
        Forces of the reference, in the order of `errors`.

    Returns
    -------
    dict of str to dict
        For each environment ``reference_eV_A`` and ``committee_eV_A``, evenly spaced in the order of the
        reference's components, so that the largest are among the at most `MOST_DRAWN` kept.
    """
    committee = reference_eV_A + errors.deviation_eV_A
    found = {}
    for name in np.unique(errors.environment).tolist():
        here = errors.environment == name
        kept = _evenly(np.argsort(reference_eV_A[here].ravel(), kind="stable"))
        found[name] = {
            "reference_eV_A": _short(reference_eV_A[here].ravel()[kept]),
            "committee_eV_A": _short(committee[here].ravel()[kept]),
        }
    return found


def _evenly(order: NDArray[np.int_]) -> NDArray[np.int_]:
    picked = np.linspace(0, len(order) - 1, min(len(order), MOST_DRAWN)).round().astype(int)
    return order[picked]


def _short(values: Sequence[float] | NDArray[np.float64]) -> list[float]:
    """Return values to a tenth of a meV/Å: they are looked at, not computed with."""
    return [round(float(value), 4) for value in values]
