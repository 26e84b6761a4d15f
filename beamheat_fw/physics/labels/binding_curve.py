"""How strongly a particle or film binds to its support, against height."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Points around the lowest one that the minimum is fitted through.
_FITTED = 5


@dataclass(frozen=True)
class Minimum:
    """The minimum of a binding curve.

    Attributes
    ----------
    height_A : float
    energy_eV : float
        Negative where the particle is bound.
    stiffness_eV_A2 : float
        The second derivative: heat crosses a weakly bound interface about as its square.
    """

    height_A: float
    energy_eV: float
    stiffness_eV_A2: float


def interaction_eV(both_eV: float, particle_eV: float, support_eV: float) -> float:
    """Return the energy of binding, negative where the parts attract each other.

    With energies of the parts in the basis of both (ghost atoms for the missing part) it is the counterpoise
    correction of Boys and Bernardi, Mol. Phys. 19, 553 (1970); with each part in its own, incomplete basis it
    is too low by the basis-set superposition error.
    """
    return both_eV - particle_eV - support_eV


def find_minimum(heights_A: NDArray[np.float64], energies_eV: NDArray[np.float64]) -> Minimum | None:
    """Fit the minimum of a binding curve.

    A polynomial in u = exp(-h/1 Å), of third degree where there are four points or more, is fitted through
    the lowest point and up to four of its neighbours: in u wells of this kind are nearly parabolas (a Morse
    curve of 1/Å is one), in the height they are not.

    Parameters
    ----------
    heights_A, energies_eV : ndarray of float, shape (n,)
        In ascending order of height.

    Returns
    -------
    Minimum or None
        None where the lowest point is the first or the last: the minimum may lie outside.
    """
    lowest = int(np.argmin(energies_eV))
    if not 0 < lowest < len(heights_A) - 1:
        return None
    first = min(max(lowest - _FITTED // 2, 0), max(len(heights_A) - _FITTED, 0))
    near = slice(first, first + _FITTED)
    u = np.exp(-heights_A[near])
    well = np.polynomial.Polynomial.fit(u, energies_eV[near], min(3, len(u) - 1))
    left, right = np.exp(-heights_A[[lowest + 1, lowest - 1]])
    curvature = well.deriv(2)
    for root in well.deriv().roots():
        if abs(root.imag) < 1e-12 and left <= root.real <= right and curvature(root.real) > 0.0:
            bottom = float(root.real)
            # With dE/du = 0, d2E/dh2 = (du/dh)^2 d2E/du2 and du/dh = -u.
            return Minimum(-np.log(bottom), float(well(bottom)), float(bottom**2 * curvature(bottom)))
    return None
