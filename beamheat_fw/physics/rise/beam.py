"""The beam: its dose rate, how much of a particle it illuminates, and the power it leaves there."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beamheat_fw.errors import InputError
from beamheat_fw.physics.rise.measured import Measured, exact, from_causes
from beamheat_fw.units import A2_PER_NM2, ELEMENTARY_CHARGE_C, NW_PER_EV_PER_S

Profile = Literal["uniform", "gaussian"]
#: A particle that gets less than this share of the dose at the beam's centre counts as missed.
_MISSED = 1e-3


@dataclass(frozen=True)
class Beam:
    """The illumination at the particle.

    Attributes
    ----------
    energy_keV : float
    dose_rate_e_A2_s : Measured
        Electrons per A^2 and second at the beam's centre; for a scanned beam, the mean over the scanned area.
    diameter_nm : float, optional
        Diameter of a uniform disc, 1/e diameter of a Gaussian. Without it the beam is wider than everything.
    profile : {'uniform', 'gaussian'}
    position_nm : tuple of 2 float
        The beam's centre relative to the particle's, in the plane normal to the beam.
    """

    energy_keV: float
    dose_rate_e_A2_s: Measured
    diameter_nm: float | None = None
    profile: Profile = "uniform"
    position_nm: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        if not all(map(math.isfinite, self.position_nm)):
            raise InputError(
                "The beam's position is not a finite number",
                "Give its two coordinates in nm.",
                {"position_nm": list(self.position_nm)},
            )
        if self.dose_rate_e_A2_s.value <= 0.0 or (self.diameter_nm is not None and self.diameter_nm <= 0.0):
            raise InputError(
                "The beam has no dose rate or no diameter",
                "Give a dose rate and, where the beam is narrow, a diameter above zero.",
                {"dose_rate_e_A2_s": self.dose_rate_e_A2_s.value, "diameter_nm": self.diameter_nm},
            )


def dose_rate_e_A2_s(
    current_nA: Measured, diameter_nm: float | Measured, profile: Profile = "uniform"
) -> Measured:
    """Return the dose rate at the beam's centre in e A^-2 s^-1 from a current and a diameter.

    Parameters
    ----------
    current_nA : Measured
    diameter_nm : float or Measured
        Of the uniform disc, or the 1/e diameter of the Gaussian: both hold the area pi d^2/4 at the central
        rate. Its error becomes a cause of its own, ``beam_diameter``.
    profile : {'uniform', 'gaussian'}

    Raises
    ------
    InputError
        The current or the diameter is not above zero.
    """
    diameter = exact(diameter_nm)
    if current_nA.value <= 0.0 or diameter.value <= 0.0:
        raise InputError(
            "A beam needs a current and a diameter above zero",
            "Give both in nA and nm.",
            {"current_nA": current_nA.value, "diameter_nm": diameter.value, "profile": profile},
        )
    rate = scanned_dose_rate_e_A2_s(current_nA, math.pi * diameter.value**2 / 4.0)
    if diameter.error == 0.0:
        return rate
    of_diameter = 2.0 * rate.value * diameter.error / diameter.value
    return from_causes(rate.value, dict(rate.shares("current")) | {"beam_diameter": of_diameter})


def scanned_dose_rate_e_A2_s(current_nA: Measured, area_nm2: float) -> Measured:
    """Return the dose rate in e A^-2 s^-1 that a current leaves on an area, averaged over the scan."""
    return current_nA.scaled(1e-9 / ELEMENTARY_CHARGE_C / (area_nm2 * A2_PER_NM2))


def illuminated_fraction(beam: Beam, points_nm: ArrayLike) -> float:
    """Return the mean dose rate over a particle relative to that at the beam's centre.

    Parameters
    ----------
    beam : Beam
    points_nm : array, shape (n, 2)
        Where the particle's volume projects to in the plane normal to the beam (its atoms, or
        `sphere_points`), relative to any origin: its mean is the particle's centre.

    Raises
    ------
    InputError
        The beam misses the particle.
    """
    if beam.diameter_nm is None:
        return 1.0
    points = np.asarray(points_nm, dtype=float)
    squared = ((points - points.mean(axis=0) - np.asarray(beam.position_nm)) ** 2).sum(axis=1)
    reduced = squared / (0.5 * beam.diameter_nm) ** 2
    relative = np.exp(-reduced) if beam.profile == "gaussian" else (reduced <= 1.0).astype(float)
    fraction = float(relative.mean())
    if fraction < _MISSED:
        raise InputError(
            "The beam misses the particle",
            "Move the beam's position towards the particle's centre, or widen the beam.",
            {"position_nm": list(beam.position_nm), "diameter_nm": beam.diameter_nm, "fraction": fraction},
        )
    return fraction


def sphere_points_nm(volume_nm3: float, number: int = 4096) -> NDArray[np.float64]:
    """Return points, shape (number, 2), in nm, over which a sphere of a given volume projects evenly.

    Each stands for the same volume: within r of the axis lies the share 1 - (1 - r^2/R^2)^(3/2) of the
    sphere. The points are laid on a golden-angle spiral, so that the answer does not depend on a seed.
    """
    radius = (3.0 * volume_nm3 / (4.0 * math.pi)) ** (1.0 / 3.0)
    share = (np.arange(number) + 0.5) / number
    distance = radius * np.sqrt(1.0 - (1.0 - share) ** (2.0 / 3.0))
    angle = math.pi * (3.0 - math.sqrt(5.0)) * np.arange(number)
    return np.stack([distance * np.cos(angle), distance * np.sin(angle)], axis=1)


def deposited_power_nW(
    dose_rate_e_A2_s: ArrayLike, energy_loss_eV_nm: ArrayLike, volume_nm3: ArrayLike
) -> NDArray[np.float64]:
    """Return P = D V <E>/lambda in nW.

    Parameters
    ----------
    dose_rate_e_A2_s : float or array
        D; where the beam is narrow, its mean over the particle's volume.
    energy_loss_eV_nm : float or array
        <E>/lambda, the mean energy an electron loses per length; one quantity, since the errors of <E> and
        lambda are strongly correlated.
    volume_nm3 : float or array
        V. The thickness integrated over the projected area is the volume, so that the shape does not matter;
        side area times mean thickness is the paper's P = D <E> (t/lambda) S.
    """
    electrons_nm2_s = np.asarray(dose_rate_e_A2_s, dtype=float) * A2_PER_NM2
    return electrons_nm2_s * np.asarray(energy_loss_eV_nm) * np.asarray(volume_nm3) * NW_PER_EV_PER_S
