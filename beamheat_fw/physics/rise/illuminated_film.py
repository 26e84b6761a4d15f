"""A support film that the beam heats itself."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beamheat_fw.physics.rise.beam import deposited_power_nW
from beamheat_fw.physics.rise.materials import Material
from beamheat_fw.physics.rise.stopping_power import cutoff_for_size_keV, restricted_eV_nm


@dataclass(frozen=True)
class IlluminatedFilm:
    """A support film of which enough is known for the power that the beam leaves in it.

    Attributes
    ----------
    material : Material
    thickness_nm : float
    hole_radius_nm : float or None
        Needed for its rise.
    beam_diameter_nm : float
        Of a uniform disc, at most the hole's; or the 1/e diameter of a Gaussian.
    """

    material: Material
    thickness_nm: float
    hole_radius_nm: float | None
    beam_diameter_nm: float

    def power_nW(self, dose_rate_e_A2_s: ArrayLike, beam_energy_keV: ArrayLike) -> NDArray[np.float64]:
        """Return what the beam, of this dose rate at its centre, leaves in the film."""
        loss = support_loss_eV_nm(self.material, beam_energy_keV, self.thickness_nm)
        volume_nm3 = self.thickness_nm * math.pi * self.beam_diameter_nm**2 / 4.0
        return deposited_power_nW(dose_rate_e_A2_s, loss, volume_nm3)


def support_loss_eV_nm(
    material: Material, beam_energy_keV: ArrayLike, thickness_nm: float
) -> NDArray[np.float64]:
    """Return what the beam leaves in a film: the stopping power from secondaries that stay in it."""
    return restricted_eV_nm(material, beam_energy_keV, cutoff_for_size_keV(material, thickness_nm))
