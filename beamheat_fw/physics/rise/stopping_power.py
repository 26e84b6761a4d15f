"""Collision stopping power of electrons: Bethe's, and restricted to what stays in the particle."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beamheat_fw.errors import InputError
from beamheat_fw.physics.rise.materials import Material
from beamheat_fw.units import ELECTRON_REST_ENERGY_KEV

#: 2 pi r_e^2 m c^2 N_A in MeV cm^2/mol.
_BETHE_MEV_CM2_MOL = 0.15354
#: Below, shell corrections spoil Bethe's formula; above, radiation and the density effect do.
ENERGY_RANGE_KEV = (10.0, 1000.0)


def require_energy_in_range(beam_energy_keV: ArrayLike, valid_keV: tuple[float, float], formula: str) -> None:
    """Refuse beam energies outside a formula's range.

    Raises
    ------
    InputError
        An energy lies outside `valid_keV`.
    """
    energies = np.asarray(beam_energy_keV, dtype=float)
    if not np.all((energies >= valid_keV[0]) & (energies <= valid_keV[1])):
        raise InputError(
            f"The beam energy is outside the range of {formula}",
            f"Give an energy from {valid_keV[0]:g} to {valid_keV[1]:g} keV.",
            {"beam_energy_keV": energies.tolist()},
        )


def bethe_eV_nm(material: Material, beam_energy_keV: ArrayLike) -> NDArray[np.float64]:
    """Return the collision stopping power in eV/nm.

    Parameters
    ----------
    material : Material
    beam_energy_keV : float or array

    Raises
    ------
    InputError
        The energy is outside 10 to 1000 keV.

    Notes
    -----
    Berger and Seltzer (ICRU Report 37, eq. 2.10 and following) without the density effect. With tau the
    kinetic energy in units of mc^2, S/rho = 0.15354 (Z/A)/beta^2 { ln[tau^2 (tau+2) / (2 (I/mc^2)^2)] + 1 -
    beta^2 + [tau^2/8 - (2 tau + 1) ln 2]/(tau+1)^2 } MeV cm^2/g. It is the restricted stopping power for
    transfers up to half the energy, the largest there can be between electrons that cannot be told apart.
    """
    return restricted_eV_nm(material, beam_energy_keV, 0.5 * np.asarray(beam_energy_keV, dtype=float))


def restricted_eV_nm(
    material: Material, beam_energy_keV: ArrayLike, cutoff_keV: ArrayLike
) -> NDArray[np.float64]:
    """Return the stopping power in eV/nm from transfers below a cutoff.

    Parameters
    ----------
    material : Material
    beam_energy_keV : float or array
    cutoff_keV : float or array
        Largest energy transfer counted; at most half the beam energy counts.

    Raises
    ------
    InputError
        The energy is outside 10 to 1000 keV.

    Notes
    -----
    ICRU Report 37, eq. 2.13 (Moller): with eta the cutoff in units of mc^2, the braces of `bethe_eV_nm`
    become ln[2 (tau+2)/(I/mc^2)^2] - 1 - beta^2 + ln[(tau - eta) eta] + tau/(tau - eta) + [eta^2/2 + (2 tau +
    1) ln(1 - eta/tau)]/(tau+1)^2.
    """
    require_energy_in_range(beam_energy_keV, ENERGY_RANGE_KEV, "the Bethe stopping power")
    tau = np.asarray(beam_energy_keV, dtype=float) / ELECTRON_REST_ENERGY_KEV
    eta = np.minimum(np.asarray(cutoff_keV, dtype=float) / ELECTRON_REST_ENERGY_KEV, 0.5 * tau)
    excitation = material.excitation_energy_eV / (ELECTRON_REST_ENERGY_KEV * 1000.0)
    beta2 = tau * (tau + 2.0) / (tau + 1.0) ** 2
    braces = (
        np.log(2.0 * (tau + 2.0) / excitation**2)
        - 1.0
        - beta2
        + np.log((tau - eta) * eta)
        + tau / (tau - eta)
        + (0.5 * eta**2 + (2.0 * tau + 1.0) * np.log1p(-eta / tau)) / (tau + 1.0) ** 2
    )
    mass_stopping_power = (
        _BETHE_MEV_CM2_MOL * material.charge_number / material.molar_mass_g_mol / beta2 * braces
    )
    # MeV/cm is 0.1 eV/nm
    return 0.1 * material.density_g_cm3 * mass_stopping_power


def cutoff_for_size_keV(material: Material, size_nm: ArrayLike) -> NDArray[np.float64]:
    """Return the energy in keV whose range equals a size: secondaries above it leave the particle.

    Notes
    -----
    Kanaya and Okayama, J. Phys. D 5, 43 (1972): R = 27.6 A E^1.67 / (Z^0.889 rho) nm, E in keV, rho in
    g/cm^3. It is meant for 1 keV and more and gives an order of magnitude below; the stopping power feels the
    cutoff's logarithm.
    """
    range_at_1_keV_nm = (
        27.6 * material.molar_mass_g_mol / (material.charge_number**0.889 * material.density_g_cm3)
    )
    return (np.asarray(size_nm, dtype=float) / range_at_1_keV_nm) ** (1.0 / 1.67)
