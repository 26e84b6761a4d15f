"""How warm the support gets: under the particle's heat, and from the beam that it takes itself."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import exp1

from beamheat_fw.errors import InputError
from beamheat_fw.physics.rise.materials import Material
from beamheat_fw.physics.rise.measured import Measured

_EULER_GAMMA = 0.5772156649015329
#: At the centre of a Gaussian source, at the centre of a uniform disc, and the mean over a uniform disc.
FilmAverage = Literal["gaussian centre", "disc centre", "disc mean"]
_FILM_CONSTANT: dict[FilmAverage, float] = {
    "gaussian centre": _EULER_GAMMA,
    "disc centre": 1.0,
    "disc mean": 0.5,
}


@dataclass(frozen=True)
class Support:
    """What the particle stands on.

    Attributes
    ----------
    conductivity_W_mK : Measured
        In the plane.
    conductivity_across_W_mK : Measured, optional
        Normal to the surface, where it differs.
    thickness_nm : float, optional
        Without it the support is a half-space.
    hole_radius_nm : float, optional
        Radius of the hole that a film spans; its rim is at the ambient temperature.
    material : Material, optional
        Lets the beam heat the support itself.
    """

    conductivity_W_mK: Measured
    conductivity_across_W_mK: Measured | None = None
    thickness_nm: float | None = None
    hole_radius_nm: float | None = None
    material: Material | None = None

    def __post_init__(self) -> None:
        given = {
            "conductivity_W_mK": self.conductivity_W_mK.value,
            "conductivity_across_W_mK": self.across.value,
            "thickness_nm": self.thickness_nm,
            "hole_radius_nm": self.hole_radius_nm,
        }
        if any(value is not None and not 0.0 < value < math.inf for value in given.values()):
            raise InputError(
                "A property of the support is zero or negative, or not a finite number",
                "Give values above zero, or leave them out.",
                given,
            )

    @property
    def across(self) -> Measured:
        """The conductivity normal to the surface."""
        return self.conductivity_across_W_mK or self.conductivity_W_mK

    def film_rim_nm(self, contact_radius_nm: float) -> float | None:
        """Return the radius of a film's rim; None where heat spreads from the contact as in a half-space.

        A film is thinner than the contact's radius. Film or half-space, never both: their resistances
        describe the same spreading and do not add up.

        Raises
        ------
        InputError
            It spreads as in a film, but the film has no rim.
        """
        if self.thickness_nm is None or self.thickness_nm >= contact_radius_nm:
            return None
        if self.hole_radius_nm is None:
            raise InputError(
                "The support is a film thinner than the contact's radius, but where it is held is not known",
                "Give the radius of the hole that it spans.",
                {"thickness_nm": self.thickness_nm, "contact_radius_nm": contact_radius_nm},
            )
        return self.hole_radius_nm


def contact_radius_nm(contact_area_nm2: ArrayLike) -> NDArray[np.float64]:
    """Return the radius of the disc of the same area."""
    return np.sqrt(np.asarray(contact_area_nm2, dtype=float) / math.pi)


def half_space_K_per_nW(
    contact_area_nm2: ArrayLike, conductivity_W_mK: ArrayLike, across_W_mK: ArrayLike
) -> NDArray[np.float64]:
    """Return the constriction resistance of a half-space under a disc of uniform flux, averaged over the
    disc.

    R = 8/(3 pi^2 k a), and k = sqrt(k_r k_z) where the conductivity is not isotropic (Carslaw and Jaeger,
    Conduction of Heat in Solids, 2nd ed., section 8.2). 1 W/(m K) is 1 nW/(nm K).
    """
    mean = np.sqrt(np.asarray(conductivity_W_mK, dtype=float) * np.asarray(across_W_mK, dtype=float))
    return 8.0 / (3.0 * math.pi**2 * mean * contact_radius_nm(contact_area_nm2))


def isothermal_half_space_K_per_nW(
    contact_area_nm2: ArrayLike, conductivity_W_mK: ArrayLike
) -> NDArray[np.float64]:
    """Return 1/(4 k a), the constriction resistance under an isothermal disc: the least there can be."""
    return 1.0 / (4.0 * np.asarray(conductivity_W_mK, dtype=float) * contact_radius_nm(contact_area_nm2))


def film_K_per_nW(
    diameter_nm: ArrayLike,
    hole_radius_nm: ArrayLike,
    conductivity_W_mK: ArrayLike,
    thickness_nm: ArrayLike,
    average: FilmAverage,
) -> NDArray[np.float64]:
    """Return the resistance of a film from a round source to the rim of its hole.

    R = [c + 2 ln(2 R0/d)]/(4 pi k t), c = Euler's gamma at the centre of a Gaussian of 1/e diameter d (plus
    the exponential integral E1((2 R0/d)^2), where it reaches the rim), 1 at the centre of a uniform disc, 1/2
    for the mean over it.

    Raises
    ------
    InputError
        The disc is wider than the hole.
    """
    ratio = 2.0 * np.asarray(hole_radius_nm, dtype=float) / np.asarray(diameter_nm, dtype=float)
    if average != "gaussian centre" and np.any(ratio < 1.0):
        raise InputError(
            "The heat source is wider than the hole that the film spans",
            "Give a hole wider than the beam and the particle.",
            {"diameter_nm": np.max(diameter_nm).item(), "hole_radius_nm": np.min(hole_radius_nm).item()},
        )
    spread = _FILM_CONSTANT[average] + 2.0 * np.log(ratio)
    if average == "gaussian centre":
        spread = spread + exp1(ratio**2)
    return spread / (4.0 * math.pi * np.asarray(conductivity_W_mK, dtype=float) * np.asarray(thickness_nm))
