"""Inelastic mean free paths: two formulas, and the paper's measured values."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beamheat_fw.physics.rise.materials import Material
from beamheat_fw.physics.rise.stopping_power import require_energy_in_range

ENERGY_RANGE_KEV: Final = (20.0, 400.0)
#: Effective collection of a detector without an aperture, in mrad (Iakoubovskii et al. 2008).
_FULL_COLLECTION_MRAD: Final = 20.0

#: Measured mean free paths in Au in nm by beam energy in keV, as used for the figures of Nunez Valencia et
#: al., Nanoscale 16, 5750 (2024).
PAPER_MEAN_FREE_PATH_NM: Final = {60.0: 34.0, 80.0: 37.0, 100.0: 48.9, 200.0: 74.7, 300.0: 104.7}
#: Mean energy loss in Au in eV, the same source.
PAPER_MEAN_ENERGY_LOSS_EV: Final = 44.3


def relativistic_factor(beam_energy_keV: ArrayLike) -> NDArray[np.float64]:
    """Return F = (1 + E0/1022)/(1 + E0/511)^2, E0 in keV."""
    energy = np.asarray(beam_energy_keV, dtype=float)
    return (1.0 + energy / 1022.0) / (1.0 + energy / 511.0) ** 2


def iakoubovskii_nm(
    density_g_cm3: float,
    beam_energy_keV: ArrayLike,
    convergence_mrad: float | None = None,
    collection_mrad: float | None = None,
) -> NDArray[np.float64]:
    """Return the mean free path in nm from a material's density.

    Parameters
    ----------
    density_g_cm3 : float
    beam_energy_keV : float or array
    convergence_mrad, collection_mrad : float, optional
        Half angles of the probe and of the spectrometer; without a collection angle, the limit of large
        angles.

    Raises
    ------
    InputError
        The energy is outside 20 to 400 keV.

    Notes
    -----
    Iakoubovskii, Mitsuishi, Nakayama, Furuya, Microsc. Res. Tech. 71, 626 (2008), eqs. 2 and 9:
    1/lambda = 11 rho^0.3/(200 F E0) ln(theta_C^2/theta_E^2 A/B), theta_E = 5.5 rho^0.3/(F E0) mrad, theta_C =
    20 mrad, A = a^2 + b^2 + 2 theta_E^2 + |a^2 - b^2| and B the same with theta_C^2 for theta_E^2.
    """
    require_energy_in_range(beam_energy_keV, ENERGY_RANGE_KEV, "Iakoubovskii's mean free path")
    scaled_energy = relativistic_factor(beam_energy_keV) * np.asarray(beam_energy_keV, dtype=float)
    theta_e2 = (5.5 * density_g_cm3**0.3 / scaled_energy) ** 2
    theta_c2 = _FULL_COLLECTION_MRAD**2
    argument = theta_c2 / theta_e2
    if collection_mrad is not None:
        alpha2, beta2 = (convergence_mrad or 0.0) ** 2, collection_mrad**2
        common = alpha2 + beta2 + abs(alpha2 - beta2)
        argument = argument * (common + 2.0 * theta_e2) / (common + 2.0 * theta_c2)
    return 200.0 * scaled_energy / (11.0 * density_g_cm3**0.3 * np.log(argument))


def malis_nm(charge_number: float, beam_energy_keV: ArrayLike, collection_mrad: float) -> NDArray[np.float64]:
    """Return the mean free path in nm from the atomic number; good to 20 %.

    Raises
    ------
    InputError
        The energy is outside 20 to 400 keV.

    Notes
    -----
    Malis, Cheng, Egerton, J. Electron Microsc. Tech. 8, 193 (1988): lambda = 106 F (E0/Em)/ln(2 beta E0/Em),
    Em = 7.6 Z^0.36 eV; E0 in keV, beta in mrad. For beta up to about 20 mrad.
    """
    require_energy_in_range(beam_energy_keV, ENERGY_RANGE_KEV, "Malis' mean free path")
    energy = np.asarray(beam_energy_keV, dtype=float)
    mean_loss_eV = 7.6 * charge_number**0.36
    ratio = energy / mean_loss_eV
    return 106.0 * relativistic_factor(energy) * ratio / np.log(2.0 * collection_mrad * ratio)


def paper_nm(beam_energy_keV: ArrayLike) -> NDArray[np.float64]:
    """Return the paper's mean free path in Au in nm, interpolated in log energy and log length between its
    energies.

    Raises
    ------
    InputError
        The energy is outside the 60 to 300 keV that were measured.
    """
    energies = np.array(list(PAPER_MEAN_FREE_PATH_NM))
    require_energy_in_range(beam_energy_keV, (energies[0], energies[-1]), "the measured mean free paths")
    lengths = np.array(list(PAPER_MEAN_FREE_PATH_NM.values()))
    return np.exp(
        np.interp(np.log(np.asarray(beam_energy_keV, dtype=float)), np.log(energies), np.log(lengths))
    )


def is_tabulated(beam_energy_keV: float) -> bool:
    """Tell whether the paper measured at this energy, so that nothing is interpolated."""
    return float(beam_energy_keV) in PAPER_MEAN_FREE_PATH_NM


def energy_scaling(material: Material, from_keV: float, to_keV: ArrayLike) -> NDArray[np.float64]:
    """Return the factor by which the energy lost per length changes from one beam energy to another.

    Notes
    -----
    The mean loss hardly depends on the beam energy; the mean free path is taken to follow Iakoubovskii's
    formula.
    """
    return iakoubovskii_nm(material.density_g_cm3, from_keV) / iakoubovskii_nm(material.density_g_cm3, to_keV)
