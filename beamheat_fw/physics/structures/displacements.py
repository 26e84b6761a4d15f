"""Displacements of training structures: what molecular dynamics will visit, drawn without a potential.

Independent random displacements stretch stiff bonds as often as soft modes: 0.15 Å on hBN means forces up to
80 eV/Å, while gold moves that far at 600 K. Here each body is a network of springs between bonded atoms, and
displacements are drawn from its classical thermal distribution, so that every mode carries k_B T/2.
"""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.data import covalent_radii
from ase.neighborlist import neighbor_list

from beamheat_fw.units import BOLTZMANN_EV_PER_K

#: Spring constants (eV/Å²) of one bond, isotropic, that give the crystal's phonon frequency named: mu w² = z k for an
#: optical mode at Gamma (z bonds an atom, mu the reduced mass), M w² = 16 k for an fcc metal at X.
STIFFNESS_EV_A2 = {
    "hbn": 14.0,  # E2g, 1366 cm^-1, z = 3
    "graphite": 18.0,  # E2g, 1582 cm^-1, z = 3
    "mgo001": 1.5,  # TO 401 and LO 718 cm^-1 (mean square), z = 6
    "rutile101": 4.0,  # Eg, 447 cm^-1, oxygen alone moves, z = 3
    "anatase101": 4.0,  # taken as rutile
    "fcc111": 0.6,  # Au at X: 2.75 (T) and 4.6 THz (L); Cu comes out the same
    "fcc001": 0.6,
    "particle": 0.6,
}

#: Atoms within this many times the sum of their covalent radii are bonded.
_BOND_FACTOR = 1.2


def thermal_displacements(
    atoms: Atoms, temperature_K: float, stiffness_eV_A2: float, random: np.random.Generator
) -> np.ndarray:
    """Draw displacements of a network of equal springs from its thermal distribution.

    Parameters
    ----------
    atoms : ase.Atoms
        One body: bonds are periodic where it is.
    temperature_K : float
    stiffness_eV_A2 : float
        Spring constant of one bond.
    random : numpy.random.Generator

    Returns
    -------
    ndarray of float, shape (n_atoms, 3)
        Displacements in Å; rigid translations of a connected piece carry none.

    Notes
    -----
    The energy k/2 sum_bonds |u_i - u_j|² is k/2 u^T L u with L the Laplacian of the bond graph, so that in its
    eigenvectors v_m each amplitude has the variance k_B T/(k lambda_m).
    """
    eigenvalues, modes = np.linalg.eigh(_laplacian(atoms))
    stiff = eigenvalues > 1e-8
    deviation = np.sqrt(BOLTZMANN_EV_PER_K * temperature_K / (stiffness_eV_A2 * eigenvalues[stiff]))
    amplitudes = random.standard_normal((int(stiff.sum()), 3)) * deviation[:, None]
    return modes[:, stiff] @ amplitudes


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


def _laplacian(atoms: Atoms) -> np.ndarray:
    """Return the Laplacian (shape (n, n)) of the graph of bonds; a bond to one's own image carries nothing."""
    first, second = neighbor_list("ij", atoms, covalent_radii[atoms.numbers] * _BOND_FACTOR)
    matrix = np.zeros((len(atoms), len(atoms)))
    np.add.at(matrix, (first, second), -1.0)
    np.fill_diagonal(matrix, 0.0)
    np.fill_diagonal(matrix, -matrix.sum(axis=1))
    return matrix
