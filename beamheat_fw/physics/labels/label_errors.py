"""How far one label is from a better one of the same structure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class LabelError:
    """The deviation of a label from its reference.

    Attributes
    ----------
    energy_meV_per_atom : float
        Signed: positive where the label lies above the reference.
    force_rms_eV_A : float
        Root mean square over the atoms of the norm of the force's deviation.
    force_max_eV_A : float
        The largest of these norms.
    """

    energy_meV_per_atom: float
    force_rms_eV_A: float
    force_max_eV_A: float


def label_error(
    energy_eV: float,
    forces_eV_A: NDArray[np.float64],
    reference_energy_eV: float,
    reference_forces_eV_A: NDArray[np.float64],
) -> LabelError:
    """Compare a label with its reference.

    Parameters
    ----------
    energy_eV, reference_energy_eV : float
        Of the whole structure.
    forces_eV_A, reference_forces_eV_A : ndarray of float, shape (natoms, 3)
        In the same order of atoms.
    """
    deviation = np.linalg.norm(forces_eV_A - reference_forces_eV_A, axis=1)
    return LabelError(
        energy_meV_per_atom=1e3 * (energy_eV - reference_energy_eV) / len(deviation),
        force_rms_eV_A=float(np.sqrt(np.mean(deviation**2))),
        force_max_eV_A=float(deviation.max()),
    )


def in_quadrature(errors: Iterable[LabelError]) -> LabelError:
    """Return the root of the sum of squares of errors that do not know of one another."""
    found = list(errors)
    return LabelError(
        math.hypot(*(error.energy_meV_per_atom for error in found)),
        math.hypot(*(error.force_rms_eV_A for error in found)),
        math.hypot(*(error.force_max_eV_A for error in found)),
    )
