"""The area through which a particle touches its support, by two definitions that are never mixed.

``hull`` is the convex hull of the nuclei of the bottom layer; it is what Nuñez Valencia et al., Nanoscale 16,
5750 (2024) divide by, and lies 16 % (1489 atoms) to 24 % (341 atoms) below ``atoms``, the number of atoms in
contact times the area of an atom in a close-packed plane. The two meet for large particles.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from ase import Atoms
from scipy.spatial import ConvexHull, KDTree

from beamheat_fw.errors import InputError
from beamheat_fw.physics.rise import particle_shape
from beamheat_fw.units import A2_PER_NM2

ContactDefinition = Literal["hull", "atoms"]


def contact_area_nm2(
    atoms: Atoms, definition: ContactDefinition = "hull", cutoff_A: float | None = None
) -> float:
    """Return the contact area of the particle (body 1) with its support (body 0).

    Parameters
    ----------
    atoms : ase.Atoms
        With the array ``body``; the particle is not cut by the cell's boundary. ``hull`` needs no support.
    definition : {'hull', 'atoms'}
        Hull of the bottom layer, or atoms in contact times the area of an atom in a close-packed plane.
    cutoff_A : float, optional
        For ``atoms``: largest distance to the nearest support atom of an atom in contact. By default the
        shortest such distance plus half a bond, which takes in the bottom layer alone.

    Returns
    -------
    float
        Area in nm².

    Raises
    ------
    InputError
        There is no particle, the bottom layer spans no area, or the definition is unknown.
    """
    match definition:
        case "hull":
            return particle_shape.contact_area_nm2(_flat_bottom_layer(atoms))
        case "atoms":
            bond = bond_length_A(atoms)
            count = len(contact_atoms(atoms, cutoff_A))
            return count * np.sqrt(3.0) / 2.0 * bond**2 / A2_PER_NM2
    raise InputError(
        "The definition of the contact area is unknown", "Choose hull or atoms.", {"definition": definition}
    )


def contact_perimeter_nm(atoms: Atoms) -> float:
    """Return the perimeter of the hull of the bottom layer in nm; raises as `contact_area_nm2`."""
    layer = _flat_bottom_layer(atoms)
    particle_shape.contact_area_nm2(layer)  # refuses a layer that has no hull
    return ConvexHull(layer[:, :2]).area / np.sqrt(A2_PER_NM2)


def contact_atoms(atoms: Atoms, cutoff_A: float | None = None) -> np.ndarray:
    """Return the indices (shape (n,)) of the particle's atoms in contact; see `contact_area_nm2`."""
    particle = _particle(atoms)
    distance = _distance_to_support(atoms, particle)
    if cutoff_A is None:
        cutoff_A = float(distance.min()) + bond_length_A(atoms) / 2.0
    return particle[distance <= cutoff_A]


def bottom_layer(atoms: Atoms, thickness_A: float = 1.0) -> np.ndarray:
    """Return the indices (shape (n,)) of the particle's atoms less than `thickness_A` above its lowest one.

    The default is less than half the distance of gold's (111) planes (2.36 Å) and takes up thermal motion.
    """
    particle = _particle(atoms)
    height = atoms.positions[particle, 2]
    return particle[height < height.min() + thickness_A]


def bond_length_A(atoms: Atoms) -> float:
    """Return the median distance of the particle's atoms to their nearest neighbour, in Å."""
    particle = _particle(atoms)
    if len(particle) < 2:
        raise InputError(
            "A particle of one atom has no bond", "Give a larger particle.", {"atoms": len(particle)}
        )
    positions = atoms.positions[particle]
    distances, _ = KDTree(positions).query(positions, k=2)
    return float(np.median(distances[:, 1]))


def _flat_bottom_layer(atoms: Atoms) -> np.ndarray:
    """Return the positions (shape (n, 3), Å) of the bottom layer, put into one plane."""
    return atoms.positions[bottom_layer(atoms)] * (1.0, 1.0, 0.0)


def _distance_to_support(atoms: Atoms, particle: np.ndarray) -> np.ndarray:
    """Return the distance of each particle atom to the nearest support atom, periodic images included."""
    wrapped = atoms.copy()
    wrapped.wrap(pbc=(True, True, False))
    support = wrapped.positions[atoms.arrays["body"] == 0]
    if len(support) == 0:
        raise InputError("There is no support to be in contact with", "Use the definition hull.", {})
    first, second = np.array(atoms.cell)[:2]
    around = [support + n * first + m * second for n in (-1, 0, 1) for m in (-1, 0, 1)]
    distance, _ = KDTree(np.vstack(around)).query(wrapped.positions[particle])
    return distance


def _particle(atoms: Atoms) -> np.ndarray:
    body = atoms.arrays.get("body")
    particle = np.flatnonzero(body == 1) if body is not None else np.array([], dtype=int)
    if len(particle) == 0:
        raise InputError(
            "The structure marks no particle", "Set the array body to 1 for its atoms.", {"atoms": len(atoms)}
        )
    return particle
