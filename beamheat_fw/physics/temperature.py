"""From power to temperature: resistances in series, cooling time, single events and pulses."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beamheat_fw.units import A3_PER_NM3, BOLTZMANN_EV_PER_K, NW_PER_EV_PER_PS

#: K/nW of an interface of 1 MW m^-2 K^-1 and 1 nm^2.
_K_PER_NW = 1e3
#: Order of magnitude of gold's electron-phonon coupling in W m^-3 K^-1, to tell what leaving it out means.
GOLD_COUPLING_W_M3K = 2.5e16


def interface_K_per_nW(conductance_MW_m2K: ArrayLike, contact_area_nm2: ArrayLike) -> NDArray[np.float64]:
    """Return the interface's resistance 1/(G A) in K/nW: infinite where the conductance is zero or less."""
    conducted = np.asarray(conductance_MW_m2K, dtype=float) * np.asarray(contact_area_nm2, dtype=float)
    with np.errstate(divide="ignore"):
        return np.where(conducted > 0.0, _K_PER_NW / conducted, np.inf)


def electron_phonon_K_per_nW(
    coupling_W_m3K: ArrayLike,
    phonon_conductivity_W_mK: ArrayLike,
    height_nm: ArrayLike,
    contact_area_nm2: ArrayLike,
) -> NDArray[np.float64]:
    """Return the electron-phonon resistance in series with the interface, in K/nW.

    Parameters
    ----------
    coupling_W_m3K : float or array
        g; for gold 2 to 4 x 10^16.
    phonon_conductivity_W_mK : float or array
        k_p of the metal's lattice alone; for gold about 2.5.
    height_nm : float or array
        L, of the particle over its contact.
    contact_area_nm2 : float or array

    Notes
    -----
    R A = 1/(sqrt(g k_p) tanh(L/l)), l = sqrt(k_p/g): Majumdar and Reddy, Appl. Phys. Lett. 84, 4768 (2004),
    for a slab of finite thickness whose electrons carry no heat into the support.
    """
    coupling_nW_nm3K = np.asarray(coupling_W_m3K, dtype=float) * 1e-18
    conductivity = np.asarray(phonon_conductivity_W_mK, dtype=float)
    length_nm = np.sqrt(conductivity / coupling_nW_nm3K)
    per_area = 1.0 / (np.sqrt(coupling_nW_nm3K * conductivity) * np.tanh(np.asarray(height_nm) / length_nm))
    return per_area / np.asarray(contact_area_nm2, dtype=float)


def heat_capacity_eV_K(atoms: ArrayLike) -> NDArray[np.float64]:
    """Return the classical heat capacity, 3 k_B an atom; potentials and experiment have up to 15 % more."""
    return 3.0 * BOLTZMANN_EV_PER_K * np.asarray(atoms, dtype=float)


def cooling_time_ps(heat_capacity_eV_K: ArrayLike, resistance_K_per_nW: ArrayLike) -> NDArray[np.float64]:
    """Return tau = C/(G A) in ps, with 1/(G A) the resistance in K/nW."""
    return np.asarray(heat_capacity_eV_K, dtype=float) * NW_PER_EV_PER_PS * np.asarray(resistance_K_per_nW)


def events_per_second(
    dose_rate_e_A2_s: ArrayLike, volume_nm3: ArrayLike, mean_free_path_nm: ArrayLike
) -> NDArray[np.float64]:
    """Return how many inelastic events a second a particle takes, D V/lambda."""
    area_A2 = (
        np.asarray(volume_nm3, dtype=float) * A3_PER_NM3 / (np.asarray(mean_free_path_nm, dtype=float) * 10.0)
    )
    return np.asarray(dose_rate_e_A2_s, dtype=float) * area_A2


def kick_K(mean_energy_loss_eV: ArrayLike, heat_capacity_eV_K: ArrayLike) -> NDArray[np.float64]:
    """Return by how much one mean event heats the particle."""
    return np.asarray(mean_energy_loss_eV, dtype=float) / np.asarray(heat_capacity_eV_K, dtype=float)


def rise_after(time_ps: ArrayLike, steady_K: ArrayLike, cooling_time_ps: ArrayLike) -> NDArray[np.float64]:
    """Return the rise a time after the beam is switched on, Delta T (1 - exp(-t/tau))."""
    return -np.asarray(steady_K) * np.expm1(-np.asarray(time_ps, dtype=float) / np.asarray(cooling_time_ps))


def pulsed_extremes_K(
    steady_K: ArrayLike, cooling_time_ps: ArrayLike, on_ps: ArrayLike, period_ps: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the highest and lowest rise under a beam that comes back every period, once the cycle repeats
    itself.

    Parameters
    ----------
    steady_K : float or array
        Rise under the beam held on the particle.
    cooling_time_ps : float or array
    on_ps, period_ps : float or array
        How long the beam stays on the particle, and how long until it comes back (a scan's frame time).

    Notes
    -----
    Peak = Delta T (1 - exp(-t_on/tau))/(1 - exp(-T/tau)); trough = peak exp(-(T - t_on)/tau). Their mean over
    time is Delta T times the duty cycle t_on/T.
    """
    tau = np.asarray(cooling_time_ps, dtype=float)
    on, period = np.asarray(on_ps, dtype=float), np.asarray(period_ps, dtype=float)
    peak = np.asarray(steady_K) * np.expm1(-on / tau) / np.expm1(-period / tau)
    return peak, peak * np.exp(-(period - on) / tau)
