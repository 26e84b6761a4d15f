"""What stopping powers, mean free paths and heat flow need to know of a material."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Final

from beamheat_fw.errors import InputError
from beamheat_fw.units import AVOGADRO_PER_MOL

#: Mean excitation energies in eV of the elements, hydrogen first: ICRU Report 37 (1984), as NIST tabulates
#: them (Hubbell and Seltzer, X-Ray Mass Attenuation Coefficients, table 1). Carbon is amorphous carbon
#: (ESTAR).
MEAN_EXCITATION_ENERGY_EV: Final = (
    *(19.2, 41.8, 40.0, 63.7, 76.0, 81.0, 82.0, 95.0, 115.0, 137.0, 149.0, 156.0, 166.0, 173.0, 173.0, 180.0),
    *(
        174.0,
        188.0,
        190.0,
        191.0,
        216.0,
        233.0,
        245.0,
        257.0,
        272.0,
        286.0,
        297.0,
        311.0,
        322.0,
        330.0,
        334.0,
    ),
    *(
        350.0,
        347.0,
        348.0,
        343.0,
        352.0,
        363.0,
        366.0,
        379.0,
        393.0,
        417.0,
        424.0,
        428.0,
        441.0,
        449.0,
        470.0,
    ),
    *(
        470.0,
        469.0,
        488.0,
        488.0,
        487.0,
        485.0,
        491.0,
        482.0,
        488.0,
        491.0,
        501.0,
        523.0,
        535.0,
        546.0,
        560.0,
    ),
    *(
        574.0,
        580.0,
        591.0,
        614.0,
        628.0,
        650.0,
        658.0,
        674.0,
        684.0,
        694.0,
        705.0,
        718.0,
        727.0,
        736.0,
        746.0,
    ),
    *(
        757.0,
        790.0,
        790.0,
        800.0,
        810.0,
        823.0,
        823.0,
        830.0,
        825.0,
        794.0,
        827.0,
        826.0,
        841.0,
        847.0,
        878.0,
    ),
    890.0,
)


@dataclass(frozen=True)
class Material:
    """A material as the beam and the heat see it.

    Attributes
    ----------
    name : str
    density_g_cm3 : float
    charge_number : float
        Z; for a compound the mean over its atoms.
    molar_mass_g_mol : float
        A; for a compound the mean over its atoms.
    excitation_energy_eV : float
        The mean excitation energy I of Bethe's formula.
    conductivity_W_mK : float, optional
        Thermal conductivity at 300 K; in the plane, for a layered material.
    conductivity_across_W_mK : float, optional
        Across the layers, where it differs.
    melting_K : float, optional
    """

    name: str
    density_g_cm3: float
    charge_number: float
    molar_mass_g_mol: float
    excitation_energy_eV: float
    conductivity_W_mK: float | None = None
    conductivity_across_W_mK: float | None = None
    melting_K: float | None = None

    @property
    def atomic_volume_nm3(self) -> float:
        """Volume of one atom, A / (rho N_A), in nm^3."""
        return self.molar_mass_g_mol / (self.density_g_cm3 * AVOGADRO_PER_MOL) * 1e21


#: Densities of rutile, hBN and MgO follow from their lattice parameters (rutile a = 4.594, c = 2.959 A; hBN a
#: = 2.504, c = 6.66 A; MgO a = 4.212 A). I: ESTAR for TiO2 and MgO, Bragg's rule for hBN. Thermal
#: conductivities: rutile, Thurber and Mante, Phys. Rev. 139, A1655 (1965); hBN, Jiang et al., Phys. Rev.
#: Mater. 2, 064005 (2018), thick flakes (across, thin flakes have much less); MgO, Slack, Phys. Rev. 126, 427
#: (1962); amorphous carbon as used for EM films.
COMPOUNDS: Final[Mapping[str, Material]] = MappingProxyType(
    {
        "TiO2": Material("TiO2", 4.248, 38 / 3, 79.866 / 3, 179.5, 7.0, 10.0, 2116.0),
        "hBN": Material("hBN", 2.279, 6.0, 24.82 / 2, 79.1, 400.0, 4.0),
        "MgO": Material("MgO", 3.582, 10.0, 40.304 / 2, 143.8, 55.0, None, 3125.0),
        "amorphous C": Material("amorphous C", 2.0, 6.0, 12.011, 81.0, 1.24),
    }
)
_ALIASES: Final = {
    "a-c": "amorphous C",
    "c": "amorphous C",
    "carbon": "amorphous C",
    "bn": "hBN",
    "rutile": "TiO2",
}


def material(name: str) -> Material:
    """Return a compound of `COMPOUNDS` or an element by its symbol.

    Raises
    ------
    InputError
        The name is neither.
    """
    by_lower_case = {known.lower(): found for known, found in COMPOUNDS.items()}
    lowered = _ALIASES.get(name.lower(), name).lower()
    return by_lower_case[lowered] if lowered in by_lower_case else element(name)


@cache
def element(symbol: str) -> Material:
    """Return an element with its density, mass, conductivity and melting point from pymatgen.

    Raises
    ------
    InputError
        There is no such element, its density as a solid is not known, or its mean excitation energy is not
        tabulated.
    """
    from pymatgen.core import Element  # slow to import, and a login node may never ask

    if not Element.is_valid_symbol(symbol):
        raise InputError(
            "The material is not known",
            f"Give an element's symbol or one of {', '.join(COMPOUNDS)}.",
            {"material": symbol},
        )
    found = Element(symbol)
    density_kg_m3 = found.density_of_solid
    if len(MEAN_EXCITATION_ENERGY_EV) < found.Z or not density_kg_m3:
        raise InputError(
            "The element has no tabulated density or mean excitation energy",
            "Build a physics.materials.Material with your own values.",
            {"material": symbol},
        )
    return Material(
        name=symbol,
        density_g_cm3=float(density_kg_m3) / 1000.0,
        charge_number=float(found.Z),
        molar_mass_g_mol=float(found.atomic_mass),
        excitation_energy_eV=MEAN_EXCITATION_ENERGY_EV[found.Z - 1],
        conductivity_W_mK=_positive(found.thermal_conductivity),
        melting_K=_positive(found.melting_point),
    )


def alloy(counts: Mapping[str, int]) -> Material:
    """Return the mixture of elements, volumes and Bragg's rule for ln I adding up.

    Parameters
    ----------
    counts : mapping of str to int
        Atoms of each element.

    Raises
    ------
    InputError
        An element is not known.
    """
    parts = [(element(symbol), number) for symbol, number in counts.items()]
    if len(parts) == 1:
        return parts[0][0]
    atoms = sum(number for _, number in parts)
    electrons = sum(part.charge_number * number for part, number in parts)
    volume_nm3 = sum(part.atomic_volume_nm3 * number for part, number in parts)
    mass = sum(part.molar_mass_g_mol * number for part, number in parts)
    log_excitation = sum(
        part.charge_number * number * math.log(part.excitation_energy_eV) for part, number in parts
    )
    melting = [part.melting_K for part, _ in parts if part.melting_K]
    return Material(
        name="".join(f"{part.name}{number}" for part, number in parts),
        density_g_cm3=mass / AVOGADRO_PER_MOL / volume_nm3 * 1e21,
        charge_number=electrons / atoms,
        molar_mass_g_mol=mass / atoms,
        excitation_energy_eV=math.exp(log_excitation / electrons),
        melting_K=min(melting) if melting else None,
    )


def _positive(value: float | None) -> float | None:
    return float(value) if value and math.isfinite(value) and value > 0 else None
