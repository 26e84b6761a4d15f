"""From power to temperature: resistances in series, cooling time, single events and pulses."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beamheat_fw.units import A3_PER_NM3, BOLTZMANN_EV_PER_K, NW_PER_EV_PER_PS

#: K/nW of an interface of 1 MW m^-2 K^-1 and 1 nm^2.
_K_PER_NW = 1e3


def interface_K_per_nW(conductance_MW_m2K: ArrayLike, contact_area_nm2: ArrayLike) -> NDArray[np.float64]:
    """Return the interface's resistance 1/(G A) in K/nW: infinite where the conductance is zero or less."""
    conducted = np.asarray(conductance_MW_m2K, dtype=float) * np.asarray(contact_area_nm2, dtype=float)
    with np.errstate(divide="ignore"):
        return np.where(conducted > 0.0, _K_PER_NW / conducted, np.inf)


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
