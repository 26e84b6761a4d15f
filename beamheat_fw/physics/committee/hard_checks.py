"""Checks that no potential may talk its way out of: atoms too close, lost, too fast, or no numbers at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase.data import chemical_symbols, covalent_radii
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from beamheat_fw.physics.committee.environments import periodic_images


@dataclass(frozen=True)
class HardLimits:
    """Where physics ends.

    Attributes
    ----------
    shortest_ratio : float
        Shortest distance of any pair over the sum of its covalent radii [1]_.
    lost_A : float
        An atom without a neighbour within this distance is lost.
    max_force_eV_A : float
        Norm of the force on one atom.
    max_temperature_K : float
    max_energy_jump_eV : float
        Change of the energy per atom from one look to the next.

    References
    ----------
    .. [1] B. Cordero et al., Dalton Trans. 2008, 2832.
    """

    shortest_ratio: float = 0.6
    lost_A: float = 5.0
    max_force_eV_A: float = 50.0
    max_temperature_K: float = 3000.0
    max_energy_jump_eV: float = 0.5


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame of a trajectory, as the gate sees it.

    Attributes
    ----------
    numbers, body : ndarray of int, shape (N,)
        Atomic numbers; 0 support, 1 particle.
    positions_A, forces_eV_A : ndarray of float, shape (N, 3)
    cell_A : ndarray of float, shape (3, 3)
    pbc : ndarray of bool, shape (3,)
    spread_eV_A : ndarray of float, shape (N,)
        Committee spread, norm, ddof = 0.
    energy_eV, earlier_energy_eV : float, optional
        Potential energy now and at the look before.
    temperature_K : float, optional
    descriptors : ndarray of float, shape (N, D), optional
    """

    numbers: NDArray[np.int_]
    body: NDArray[np.int_]
    positions_A: NDArray[np.float64]
    forces_eV_A: NDArray[np.float64]
    cell_A: NDArray[np.float64]
    pbc: NDArray[np.bool_]
    spread_eV_A: NDArray[np.float64]
    energy_eV: float | None = None
    earlier_energy_eV: float | None = None
    temperature_K: float | None = None
    descriptors: NDArray[np.float64] | None = None


def broken(frame: Frame, limits: HardLimits) -> str:
    """Return why a frame is unphysical, in words, or an empty string.

    Parameters
    ----------
    frame : Frame
    limits : HardLimits
    """
    numbers = [frame.positions_A, frame.forces_eV_A, frame.spread_eV_A]
    scalars = [frame.energy_eV, frame.earlier_energy_eV, frame.temperature_K]
    if not all(np.isfinite(one).all() for one in numbers) or not all(
        np.isfinite(s) for s in scalars if s is not None
    ):
        return "a position, force, energy or temperature is not a number"
    return _too_strong(frame, limits) or _too_close_or_lost(frame, limits)


def _too_strong(frame: Frame, limits: HardLimits) -> str:
    forces = np.linalg.norm(frame.forces_eV_A, axis=1)
    atom = int(np.argmax(forces))
    if forces[atom] > limits.max_force_eV_A:
        symbol = chemical_symbols[frame.numbers[atom]]
        return f"force of {forces[atom]:.3g} eV/Å on atom {atom} ({symbol})"
    if frame.temperature_K is not None and frame.temperature_K > limits.max_temperature_K:
        return f"temperature of {frame.temperature_K:.0f} K"
    if frame.energy_eV is not None and frame.earlier_energy_eV is not None:
        jump = abs(frame.energy_eV - frame.earlier_energy_eV) / len(frame.numbers)
        if jump > limits.max_energy_jump_eV:
            return f"energy jump of {jump:.3g} eV an atom"
    return ""


def _too_close_or_lost(frame: Frame, limits: HardLimits) -> str:
    points, owner = periodic_images(frame.positions_A, frame.cell_A, frame.pbc, limits.lost_A)
    if len(points) < 2:
        return "a single atom"
    distance, neighbour = cKDTree(points).query(points[: len(frame.numbers)], k=min(5, len(points)))
    distance, neighbour = distance[:, 1:], owner[neighbour[:, 1:]]
    radii = covalent_radii[frame.numbers]
    ratio = distance / (radii[:, None] + radii[neighbour])
    atom, place = np.unravel_index(int(np.argmin(ratio)), ratio.shape)
    if ratio[atom, place] < limits.shortest_ratio:
        pair = "-".join(chemical_symbols[frame.numbers[one]] for one in (atom, neighbour[atom, place]))
        return (
            f"{pair} {distance[atom, place]:.2f} Å apart, {ratio[atom, place]:.2f} of the sum of covalent "
            f"radii (atoms {atom}, {neighbour[atom, place]})"
        )
    alone = int(np.argmax(distance[:, 0]))
    if distance[alone, 0] > limits.lost_A:
        symbol = chemical_symbols[frame.numbers[alone]]
        return f"atom {alone} ({symbol}) is lost, {distance[alone, 0]:.1f} Å from all others"
    return ""
