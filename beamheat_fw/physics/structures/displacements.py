"""Displacements of training structures: what molecular dynamics will visit, drawn without a potential.

Independent random displacements stretch stiff bonds as often as soft modes: 0.15 Å on hBN means forces up to
80 eV/Å, while gold moves that far at 600 K. Here each body is a network of springs between bonded atoms, and
displacements are drawn from its classical thermal distribution, so that every mode carries k_B T/2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.data import covalent_radii
from ase.neighborlist import neighbor_list

from beamheat_fw.units import BOLTZMANN_EV_PER_K


@dataclass(frozen=True)
class Springs:
    """Bonds of one kind of body.

    Attributes
    ----------
    stiffness_eV_A2 : float
        Isotropic spring constant of a bond in the crystal.
    coordination : float
        Geometric mean of the bonds that the two ends of a bond have in the crystal.
    """

    stiffness_eV_A2: float
    coordination: float


#: Springs that give the phonon frequency named: mu w² = z k for an optical mode at Gamma (z bonds an atom, mu
#: the reduced mass), M w² = 16 k for an fcc metal at X.
SPRINGS = {
    "hbn": Springs(14.0, 3.0),  # E2g, 1366 cm^-1
    "graphite": Springs(18.0, 3.0),  # E2g, 1582 cm^-1
    "mgo001": Springs(1.5, 6.0),  # TO 401 and LO 718 cm^-1 (mean square)
    "rutile101": Springs(4.0, 18.0**0.5),  # Eg, 447 cm^-1: oxygen alone moves, on 3 bonds
    "anatase101": Springs(4.0, 18.0**0.5),  # taken as rutile
    "fcc111": Springs(0.6, 12.0),  # Au at X: 2.75 (T) and 4.6 THz (L); Cu comes out the same
    "fcc001": Springs(0.6, 12.0),
    "particle": Springs(0.6, 12.0),
}

#: Atoms within this many times the sum of their covalent radii are bonded.
_BOND_FACTOR = 1.2


def thermal_displacements(
    atoms: Atoms, temperature_K: float, springs: Springs, random: np.random.Generator
) -> np.ndarray:
    """Draw displacements of a network of equal springs from its thermal distribution.

    Parameters
    ----------
    atoms : ase.Atoms
        One body: bonds are periodic where it is.
    temperature_K : float
    springs : Springs
    random : numpy.random.Generator

    Returns
    -------
    ndarray of float, shape (n_atoms, 3)
        Displacements in Å; rigid translations of a connected piece carry none.

    Notes
    -----
    The energy sum_bonds k_ij |u_i - u_j|²/2 is u^T K u/2 for each direction, so that the covariance of u is
    k_B T K^-1; its symmetric root is applied to normal numbers, one for each atom and direction. So draws do
    not depend on how a library turns eigenvectors of one eigenvalue. Bonds stiffen as coordination falls:
    k_ij = k z/sqrt(z_i z_j), with k and z those of the crystal.
    """
    eigenvalues, modes = np.linalg.eigh(_stiffness_matrix(atoms, springs))
    stiff = eigenvalues > 1e-8
    deviation = np.sqrt(BOLTZMANN_EV_PER_K * temperature_K / eigenvalues[stiff])
    root = (modes[:, stiff] * deviation) @ modes[:, stiff].T
    return root @ random.standard_normal((len(atoms), 3))


def smooth_buckling(atoms: Atoms, deviation_A: float, random: np.random.Generator) -> np.ndarray:
    """Draw a smooth height profile from the longest waves that fit the cell.

    Parameters
    ----------
    atoms : ase.Atoms
        Periodic in the plane.
    deviation_A : float
        Standard deviation of the height.
    random : numpy.random.Generator

    Returns
    -------
    ndarray of float, shape (n_atoms, 3)
        Displacements in Å, along z only.
    """
    waves = np.array([(1, 0), (0, 1), (1, 1), (1, -1)])
    phases = 2.0 * np.pi * (atoms.get_scaled_positions(wrap=False)[:, :2] @ waves.T)
    cosine, sine = random.standard_normal((2, len(waves))) * deviation_A / np.sqrt(len(waves))
    displacements = np.zeros((len(atoms), 3))
    displacements[:, 2] = np.cos(phases) @ cosine + np.sin(phases) @ sine
    return displacements


def _stiffness_matrix(atoms: Atoms, springs: Springs) -> np.ndarray:
    """Return K (shape (n, n), eV/Å²), a weighted graph Laplacian; bonds to one's own image carry nothing."""
    first, second = neighbor_list("ij", atoms, covalent_radii[atoms.numbers] * _BOND_FACTOR)
    bonds = np.bincount(first, minlength=len(atoms))
    matrix = np.zeros((len(atoms), len(atoms)))
    weights = springs.stiffness_eV_A2 * springs.coordination / np.sqrt(bonds[first] * bonds[second])
    np.add.at(matrix, (first, second), -weights)
    np.fill_diagonal(matrix, 0.0)
    np.fill_diagonal(matrix, -matrix.sum(axis=1))
    return matrix
