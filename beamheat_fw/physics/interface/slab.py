"""What a support of finite thickness and conductivity does to the relaxation, and when that is nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from beamheat_fw.errors import CalculationError, InputError
from beamheat_fw.units import ELEMENTARY_CHARGE_C


@dataclass(frozen=True)
class Slab:
    """An insulated slab that a lump of heat capacity C_p touches on one face.

    Attributes
    ----------
    thickness_nm : float
    conductivity_W_mK : float
        Of the simulated support, across: phonons of the potential, in a slab this thin.
    area_nm2 : float
        Of its face; heat is taken to spread over it at once.
    C_eV_per_K : float
        Heat capacity of the whole slab.
    """

    thickness_nm: float
    conductivity_W_mK: float
    area_nm2: float
    C_eV_per_K: float

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not (np.isfinite(value) and value > 0):
                raise InputError("A slab's dimensions must be positive", f"Mend {name}.", {name: value})

    @property
    def diffusion_rate_per_ps(self) -> float:
        """alpha/L^2, in 1/ps: k A/(L C_s)."""
        conductance_W_K = self.conductivity_W_mK * self.area_nm2 / self.thickness_nm * 1e-9
        return conductance_W_K / (self.C_eV_per_K * ELEMENTARY_CHARGE_C) * 1e-12


def slab_rate_per_ps(GA_eV_per_K_ps: float, C_particle_eV_per_K: float, slab: Slab) -> float:
    """Return the rate at which a lump and a slab come to one temperature.

    The slowest mode is T(z) = cos(u (1 - z/L)) exp(-rate t) with rate = (alpha/L^2) u^2 and the first u in
    (0, pi) of

        (C_s/C_p) (sin u/u) (1 - rate C_p/GA) + cos u = 0,

    from the heat equation with Newton's law at z = 0 and no flux at z = L.

    Parameters
    ----------
    GA_eV_per_K_ps : float
        Conductance of the interface times its area.
    C_particle_eV_per_K : float
    slab : Slab
    """
    ratio = slab.C_eV_per_K / C_particle_eV_per_K
    unit = slab.diffusion_rate_per_ps * C_particle_eV_per_K / GA_eV_per_K_ps

    def mismatch(u: float) -> float:
        return ratio * np.sinc(u / np.pi) * (1.0 - unit * u * u) + np.cos(u)

    return slab.diffusion_rate_per_ps * brentq(mismatch, 1e-9, np.pi) ** 2


def interface_conductance(rate_per_ps: float, C_particle_eV_per_K: float, slab: Slab) -> float:
    """Return G A in eV/(K ps) from a measured rate, the slab's own resistance taken out.

    The eigenvalue equation of `slab_rate_per_ps`, solved for G A = rate C_p/(1 + (C_p/C_s) u cot u) with
    u = sqrt(rate L^2/alpha).

    Raises
    ------
    CalculationError
        The slab alone is slower than the rate measured: thickness or conductivity are wrong.
    """
    u = float(np.sqrt(rate_per_ps / slab.diffusion_rate_per_ps))
    share = C_particle_eV_per_K / slab.C_eV_per_K
    passed = 1.0 + share * u / np.tan(u) if u > 1e-6 else 1.0 + share
    if not (u < np.pi and passed > 0):
        raise CalculationError(
            "Heat cannot cross this slab as fast as the temperatures met",
            "Check thickness and conductivity of the support; the interface is not what limits the rate.",
            {"rate_per_ps": rate_per_ps, "slab_rate_per_ps": slab.diffusion_rate_per_ps * (np.pi / 2) ** 2},
        )
    return rate_per_ps * C_particle_eV_per_K / passed


def biot_number(conductance_MW_m2K: float, length_nm: float, conductivity_W_mK: float) -> float:
    """Return G L/k: the body's own resistance over the interface's; well below 1 if it has one temperature.

    Give the phonon conductivity of the simulated metal (about 2.5 W/mK) for the simulation, and the real
    metal's for the experiment.
    """
    return conductance_MW_m2K * 1e6 * length_nm * 1e-9 / conductivity_W_mK
