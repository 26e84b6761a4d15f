"""The particle's heat on its way out: every part of the temperature rise for given numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beamheat_fw.errors import InputError
from beamheat_fw.physics.rise import support_heating, temperature
from beamheat_fw.physics.rise.beam import Beam, deposited_power_nW
from beamheat_fw.physics.rise.electron_phonon import ElectronPhonon, electron_phonon_K_per_nW
from beamheat_fw.physics.rise.illuminated_film import IlluminatedFilm
from beamheat_fw.physics.rise.materials import Material
from beamheat_fw.physics.rise.measured import Measured
from beamheat_fw.physics.rise.support_heating import FilmAverage, Support


@dataclass(frozen=True)
class Particle:
    """The particle that is heated.

    Attributes
    ----------
    volume_nm3 : Measured
        Atoms times atomic volume (exact), or side area times mean thickness (the paper's recipe).
    contact_area_nm2 : Measured
    material : Material
    illuminated_fraction : float
        Mean dose rate over the particle relative to the beam's centre.
    area_definition : {'hull', 'atoms'}
        What the contact area is: the hull of the bottom layer, or its atoms times the area of one.
    """

    volume_nm3: Measured
    contact_area_nm2: Measured
    material: Material
    illuminated_fraction: float = 1.0
    area_definition: str = "hull"

    def __post_init__(self) -> None:
        if self.volume_nm3.value <= 0.0 or self.contact_area_nm2.value <= 0.0:
            raise InputError(
                "The particle has no volume or no contact area",
                "Give a volume and a contact area above zero.",
                {"volume_nm3": self.volume_nm3.value, "contact_area_nm2": self.contact_area_nm2.value},
            )

    @property
    def atoms(self) -> float:
        """The number of atoms in the volume."""
        return self.volume_nm3.value / self.material.atomic_volume_nm3

    @property
    def size_nm(self) -> float:
        """Diameter of the sphere of the same volume."""
        return (6.0 * self.volume_nm3.value / math.pi) ** (1.0 / 3.0)

    @property
    def height_nm(self) -> float:
        """Height of the prism of the same volume over the contact."""
        return self.volume_nm3.value / self.contact_area_nm2.value

    def scaled(self, size: float = 1.0, slenderness: float = 1.0) -> Particle:
        """Return the particle with every length times `size`, and its contact area over `slenderness`."""
        if size <= 0.0 or slenderness <= 0.0:
            raise InputError(
                "A particle is scaled by a factor that is not above zero",
                "Give factors above zero.",
                {"size": size, "slenderness": slenderness},
            )
        return replace(
            self,
            volume_nm3=self.volume_nm3.scaled(size**3),
            contact_area_nm2=self.contact_area_nm2.scaled(size**2 / slenderness),
        )


@dataclass(frozen=True)
class Interface:
    """The interface that the heat has to cross.

    Attributes
    ----------
    conductance_MW_m2K : Measured
        G. Its causes (``conductance_statistical``, ``conductance_potential``, ...) become lines of the
        budget; its interval may be asymmetric or reach zero.
    area_definition : {'hull', 'atoms'}
        The contact area that G was divided by.
    slope_per_K : float
        Relative change of G per kelvin of the interface's temperature, the mean of its two sides.
    reference_K : float
        The interface temperature at which G was found.
    electron_phonon : ElectronPhonon, optional
        The electron-phonon resistance, which MD of the nuclei leaves out.
    """

    conductance_MW_m2K: Measured
    area_definition: str = "hull"
    slope_per_K: float = 0.0
    reference_K: float = 300.0
    electron_phonon: ElectronPhonon | None = None

    def __post_init__(self) -> None:
        if self.conductance_MW_m2K.value <= 0.0:
            raise InputError(
                "The interface conductance is not above zero",
                "Give the best estimate in MW m^-2 K^-1; its error may be as large as it is.",
                {"conductance_MW_m2K": self.conductance_MW_m2K.value},
            )
        if not (math.isfinite(self.slope_per_K) and math.isfinite(self.reference_K)):
            raise InputError(
                "The conductance's slope or its reference temperature is not a finite number",
                "Give the relative change per kelvin, and the temperature in kelvin.",
                {"slope_per_K": self.slope_per_K, "reference_K": self.reference_K},
            )


@dataclass(frozen=True)
class HeatFlow:
    """Everything that stays fixed while errors are carried and sweeps are made.

    Attributes
    ----------
    particle : Particle
    beam : Beam
    interface : Interface
    support : Support, optional
        Without it the interface alone stands between particle and ambient.
    ambient_K : float
    """

    particle: Particle
    beam: Beam
    interface: Interface
    support: Support | None = None
    ambient_K: float = 300.0

    def __post_init__(self) -> None:
        if self.particle.area_definition != self.interface.area_definition:
            raise InputError(
                "The particle's contact area and the conductance's are defined differently",
                "Measure the contact area by the definition that the conductance was found with.",
                {"particle": self.particle.area_definition, "conductance": self.interface.area_definition},
            )
        if not (math.isfinite(self.ambient_K) and self.ambient_K >= 0.0):
            raise InputError(
                "The ambient temperature is below zero kelvin, or no number",
                "Give it in kelvin.",
                {"ambient_K": self.ambient_K},
            )

    def inputs(self, energy_loss_eV_nm: Measured) -> dict[str, Measured]:
        """Return the quantities that carry errors; the names are the causes of the budget."""
        given = {
            "dose_rate": self.beam.dose_rate_e_A2_s,
            "energy_loss": energy_loss_eV_nm,
            "volume": self.particle.volume_nm3,
            "contact_area": self.particle.contact_area_nm2,
            "conductance": self.interface.conductance_MW_m2K,
        }
        if self.interface.electron_phonon is not None:
            given["electron_phonon"] = self.interface.electron_phonon.coupling_W_m3K
            given["electron_phonon_share"] = self.interface.electron_phonon.share
        if self.support is not None:
            given["support_conductivity"] = self.support.conductivity_W_mK
            if self.support.conductivity_across_W_mK is not None:
                given["support_conductivity_across"] = self.support.conductivity_across_W_mK
        return given


@dataclass(frozen=True)
class RiseParts:
    """The parts of a temperature rise in K, and the power in nW; arrays where the inputs were.

    Attributes
    ----------
    power_nW : array
        Left in the particle.
    interface_K : array
        Across the interface.
    electron_phonon_K : array
        Between electrons and lattice at the interface.
    spreading_K : array
        In the support under the particle: constriction or film.
    support_beam_K : array
        Of the support by the beam that it takes itself.
    resistance_K_per_nW : array
        Between the particle and the ambient.
    """

    power_nW: NDArray[np.float64]
    interface_K: NDArray[np.float64]
    electron_phonon_K: NDArray[np.float64]
    spreading_K: NDArray[np.float64]
    support_beam_K: NDArray[np.float64]

    @property
    def support_K(self) -> NDArray[np.float64]:
        """The support's surface under the particle above ambient."""
        return self.spreading_K + self.support_beam_K

    @property
    def total_K(self) -> NDArray[np.float64]:
        """The particle above ambient."""
        return self.interface_K + self.electron_phonon_K + self.support_K

    @property
    def resistance_K_per_nW(self) -> NDArray[np.float64]:
        """Between the particle and the ambient."""
        return (self.total_K - self.support_beam_K) / self.power_nW


def rise_parts(flow: HeatFlow, values: Mapping[str, Any]) -> RiseParts:
    """Return the parts of the temperature rise for one set of values, or arrays of them.

    Parameters
    ----------
    flow : HeatFlow
    values : mapping of str to float or array
        By the names of `HeatFlow.inputs`, in their units, and ``beam_energy`` in keV where it is not that
        of the flow; arrays broadcast.
    """
    dose_rate = np.asarray(values["dose_rate"], dtype=float)
    power = deposited_power_nW(
        dose_rate * flow.particle.illuminated_fraction, values["energy_loss"], values["volume"]
    )
    spreading = power * _spreading_K_per_nW(flow, values)
    own = dose_rate * _support_beam_K_per_dose_rate(flow, values)
    return RiseParts(
        power,
        _interface_K(flow, values, power, spreading + own),
        power * _electron_phonon_K_per_nW(flow, values),
        spreading,
        own,
    )


def _interface_K(
    flow: HeatFlow, values: Mapping[str, Any], power_nW: NDArray[np.float64], support_K: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Solve x = r/(b + s x/2): G = G0 (1 + s (T_i - T_ref)), T_i midway between the sides."""
    at_reference = power_nW * temperature.interface_K_per_nW(values["conductance"], values["contact_area"])
    slope = flow.interface.slope_per_K
    if slope == 0.0:
        return at_reference
    base = 1.0 + slope * (flow.ambient_K + support_K - flow.interface.reference_K)
    discriminant = base**2 + 2.0 * slope * at_reference
    if np.any(base <= 0.0) or np.any(discriminant < 0.0):
        raise InputError(
            "The conductance's dependence on temperature leaves no steady state",
            "Give a slope that keeps the conductance above zero at the temperatures reached.",
            {"slope_per_K": slope, "reference_K": flow.interface.reference_K},
        )
    return 2.0 * at_reference / (base + np.sqrt(discriminant))


def _electron_phonon_K_per_nW(flow: HeatFlow, values: Mapping[str, Any]) -> NDArray[np.float64]:
    known = flow.interface.electron_phonon
    if known is None:
        return np.asarray(0.0)
    height_nm = values["volume"] / values["contact_area"]
    return values["electron_phonon_share"] * electron_phonon_K_per_nW(
        values["electron_phonon"], known.phonon_conductivity_W_mK, height_nm, values["contact_area"]
    )


def _spreading_K_per_nW(flow: HeatFlow, values: Mapping[str, Any]) -> NDArray[np.float64]:
    if flow.support is None:
        return np.asarray(0.0)
    along = values["support_conductivity"]
    radius_nm = support_heating.contact_radius_nm(values["contact_area"])
    rim_nm = flow.support.film_rim_nm(float(np.max(radius_nm)))
    if rim_nm is not None:
        return support_heating.film_K_per_nW(
            2.0 * radius_nm, rim_nm, along, flow.support.thickness_nm or 0.0, "disc mean"
        )
    across = values.get("support_conductivity_across", along)
    return support_heating.half_space_K_per_nW(values["contact_area"], along, across)


def _support_beam_K_per_dose_rate(flow: HeatFlow, values: Mapping[str, Any]) -> NDArray[np.float64]:
    """Return the support's own rise at the beam's centre for 1 e A^-2 s^-1."""
    film = illuminated_film(flow)
    if film is None or film.hole_radius_nm is None:
        return np.asarray(0.0)
    power_nW = film.power_nW(1.0, values.get("beam_energy", flow.beam.energy_keV))
    average: FilmAverage = "gaussian centre" if flow.beam.profile == "gaussian" else "disc centre"
    conductivity = values["support_conductivity"]
    return power_nW * support_heating.film_K_per_nW(
        film.beam_diameter_nm, film.hole_radius_nm, conductivity, film.thickness_nm, average
    )


def illuminated_film(flow: HeatFlow) -> IlluminatedFilm | None:
    """Return the film that the beam heats; None where material, thickness or the beam's size is unknown."""
    support, diameter_nm = flow.support, flow.beam.diameter_nm
    if support is None or support.material is None or diameter_nm is None:
        return None
    if support.thickness_nm is None:
        return None
    if support.hole_radius_nm is not None and flow.beam.profile == "uniform":
        diameter_nm = min(diameter_nm, 2.0 * support.hole_radius_nm)
    return IlluminatedFilm(support.material, support.thickness_nm, support.hole_radius_nm, diameter_nm)
