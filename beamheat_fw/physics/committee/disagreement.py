"""A bias that draws dynamics towards structures about which the members of a committee disagree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

#: A typical displacement of an atom in hot MD. A force error as large as the target, acting along it, makes
#: the disagreement about energies at which the bias begins to level off.
DISPLACEMENT_A: Final = 0.2


@dataclass(frozen=True, eq=False)
class Bias:
    """The bias of B frames with N atoms in all.

    Attributes
    ----------
    energies_eV : ndarray of float, shape (B,)
        From 0 where the members agree down to minus the depth.
    forces_eV_A : ndarray of float, shape (N, 3)
        The exact negative gradient of the sum of `energies_eV`.
    """

    energies_eV: NDArray[np.float64]
    forces_eV_A: NDArray[np.float64]


def bias_width_eV(target_force_error_eV_A: float) -> float:
    """Return the disagreement, per root of the number of atoms, at which the bias begins to level off."""
    return target_force_error_eV_A * DISPLACEMENT_A


def deviations_eV(energies_eV: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far each member's energies lie from the members' mean; shape (M, B)."""
    return energies_eV - energies_eV.mean(axis=0)


def disagreement_bias(
    deviations_eV: NDArray[np.float64],
    forces_eV_A: NDArray[np.float64],
    frame: NDArray[np.int_],
    depth_eV: NDArray[np.float64],
    width_eV: float,
) -> Bias:
    """Return a bias energy that falls with the variance of the members' energies, and its force.

    E = A [exp(-s / w^2) - 1] with s = sum_m d_m^2 / (M n): bounded, so that a frame far from all training is
    drawn no further. Its force is F = -(2 A / (M n w^2)) exp(-s / w^2) sum_m d_m (F_m - mean F), since a
    constant taken off a member's energies has no gradient.

    Parameters
    ----------
    deviations_eV : ndarray of float, shape (M, B)
        d: each member's energy less the mean, and less what that was in a structure of reference: constant
        offsets between members say nothing about their forces.
    forces_eV_A : ndarray of float, shape (M, N, 3)
        The members' forces.
    frame : ndarray of int, shape (N,)
        The frame of each atom, ascending; n is its number of atoms.
    depth_eV : ndarray of float, shape (B,)
        A, by frame; 0 leaves a frame unbiased.
    width_eV : float
        w, per root of the number of atoms.

    References
    ----------
    M. Kulichenko et al., Nat. Comput. Sci. 3, 230 (2023), "uncertainty-driven dynamics".
    """
    members = len(deviations_eV)
    per_variance = 1.0 / (members * np.bincount(frame, minlength=len(depth_eV)) * width_eV**2)
    decay = depth_eV * np.exp(-per_variance * (deviations_eV**2).sum(axis=0))
    slopes = -2.0 * decay * per_variance * deviations_eV
    apart = forces_eV_A - forces_eV_A.mean(axis=0)
    return Bias(decay - depth_eV, np.einsum("mn,mni->ni", slopes[:, frame], apart))
