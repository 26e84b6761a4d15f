"""Temperatures and energies of the particle and its support.

At constant energy the kinetic temperature is not the temperature. Velocity Verlet conserves a shadow of the
energy, H + dt^2 (p V'' p/(12 m^2) - F^2/(24 m)) + O(dt^4) [1]_, and it is by the shadow that motions come to
equilibrium. Its equipartition, <p dH/dp> = k_B T, with <V''> k_B T = <F^2>, says of each degree of freedom

    k_B T = <m v^2> + (dt^2/6) <F^2/m>:

a body whose atoms vibrate faster looks colder than one that is as warm, copper beside gold by 3 K of 300 K at
8 fs. The difference of two bodies that come to one temperature then ends elsewhere than at zero, and seems
to be slower from one side and faster from the other. A bath in the form OBABO holds <m v^2> itself at k_B T.

References
----------
.. [1] E. Hairer, C. Lubich, G. Wanner, Acta Numerica 12, 399 (2003), section 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase.units import fs, kB

from beamheat_fw.drivers.md.batch import Batch
from beamheat_fw.drivers.md.integrators import State, kinetic_energies_eV
from beamheat_fw.drivers.md.rigid import motion_inside_particle


@dataclass(frozen=True, eq=False)
class Sample:
    """Observables of B frames at one time; columns are support (0) and particle (1).

    Attributes
    ----------
    temperatures_K : ndarray, shape (B, 2)
        From the motion inside each body, and the forces that drive it; NaN for a body that has none.
    energies_eV : ndarray, shape (B, 2)
        Kinetic energy of all motion plus the potential energy of the body's atoms; their sum over the bodies
        is the frame's total energy.
    """

    temperatures_K: np.ndarray
    energies_eV: np.ndarray


def degrees_of_freedom(batch: Batch) -> np.ndarray:
    """Return the velocities of each body that its temperature is measured from; shape (B, 2).

    Its drift as a whole is taken out of a body (3N - 3), and of a particle its turning as well (3N - 6; 3N -
    5 for two atoms): gold slides and yaws nearly freely on a weakly bound support, and that motion is not
    heat. The support is periodic in its plane and does not turn. Total momentum is held at zero, but lies in
    the motion taken out, so it costs no further degree of freedom. In equilibrium any set of velocities
    chosen by positions alone holds k_B T/2 each, so both temperatures are exact. An atom alone has no motion
    inside.
    """
    counts = batch.body_counts.astype(float)
    degrees = 3.0 * counts - 3.0
    degrees[:, 1] -= np.where(counts[:, 1] > 2, 3.0, 2.0)
    return np.maximum(degrees, 0.0)


def observe(batch: Batch, state: State, timestep_fs: float) -> Sample:
    """Measure temperatures and energies of a batch.

    Parameters
    ----------
    batch : Batch
    state : State
    timestep_fs : float
        Of velocity Verlet at constant energy; zero for kinetic temperatures, which a bath holds.
    """
    accelerations = state.evaluated.potential_forces_eV_A / batch.masses_amu[:, None]
    moving, driving = (
        _half_squares_inside(batch, state.positions_A, motion) for motion in (state.velocities, accelerations)
    )
    inside = moving + (timestep_fs * fs) ** 2 / 6.0 * driving
    degrees = degrees_of_freedom(batch)
    with np.errstate(invalid="ignore", divide="ignore"):
        temperatures = np.where(degrees > 0, 2.0 * inside / (kB * degrees), np.nan)
    return Sample(temperatures_K=temperatures, energies_eV=body_energies_eV(batch, state))


def body_energies_eV(batch: Batch, state: State) -> np.ndarray:
    """Return what `Sample` calls energies; shape (B, 2)."""
    kinetic = kinetic_energies_eV(batch, state.velocities)
    return batch.per_body(kinetic + state.evaluated.atom_energies_eV)


def frame_temperatures_K(batch: Batch, velocities: np.ndarray) -> np.ndarray:
    """Return each frame's kinetic temperature with its total momentum held at zero; shape (B,).

    3N - 3 degrees of freedom; zero for an atom alone, which cannot move.
    """
    kinetic = batch.per_frame(kinetic_energies_eV(batch, velocities))
    return 2.0 * kinetic / (kB * np.maximum(3.0 * batch.counts - 3.0, 1.0))


def _per_body_vectors(batch: Batch, vectors: np.ndarray) -> np.ndarray:
    return np.stack([batch.per_body(vectors[:, axis]) for axis in range(3)], axis=-1)


def _body_masses(batch: Batch) -> np.ndarray:
    masses = batch.per_body(batch.masses_amu)
    return np.where(masses > 0, masses, 1.0)


def _half_squares_inside(batch: Batch, positions_A: np.ndarray, motion: np.ndarray) -> np.ndarray:
    """Return the sum of m u^2/2 over each body, its drift and a particle's turning left out; shape (B, 2).

    The vectors u of shape (N, 3) are velocities (in eV then) or accelerations, in ASE's units.
    """
    momenta = _per_body_vectors(batch, batch.masses_amu[:, None] * motion)
    drift = 0.5 * np.einsum("fbi,fbi->fb", momenta, momenta) / _body_masses(batch)
    inside = batch.per_body(kinetic_energies_eV(batch, motion)) - drift
    inside[:, 1] = batch.per_frame(
        kinetic_energies_eV(batch, motion_inside_particle(batch, positions_A, motion))
    )
    return inside
