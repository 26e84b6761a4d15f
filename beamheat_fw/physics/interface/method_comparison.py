"""Whether two methods agree on one interface, and how G A grows with the particle's size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from beamheat_fw.errors import InputError
from beamheat_fw.physics.interface.conductance_result import Contact

#: Agreement within a wider combined error says nothing.
LARGEST_COMBINED_ERROR: Final = 0.10
#: Conductances further apart in interface temperature than this are not compared.
LARGEST_TEMPERATURE_GAP_K: Final = 30.0


@dataclass(frozen=True)
class Agreement:
    """How far two conductances are apart.

    Attributes
    ----------
    sigma : float
        Difference over its combined error.
    relative_error : float
        Combined error over the mean.
    conclusive : bool
        Whether the combined error is small enough for agreement to mean something.
    """

    sigma: float
    relative_error: float
    conclusive: bool

    @property
    def agrees(self) -> bool:
        """Whether they agree within two standard errors, and conclusively so."""
        return self.conclusive and abs(self.sigma) < 2.0


@dataclass(frozen=True)
class Determination:
    """A conductance and what it was measured at.

    Attributes
    ----------
    conductance_MW_m2K, error_MW_m2K : float
    contact : Contact
    T_interface_K : float
    """

    conductance_MW_m2K: float
    error_MW_m2K: float
    contact: Contact
    T_interface_K: float


def compare(one: Determination, other: Determination) -> Agreement:
    """Compare two determinations of one interface at one temperature.

    Raises
    ------
    InputError
        Their areas are defined differently, or their temperatures differ: G depends on both.
    """
    _same_area_definition([one, other])
    gap = abs(one.T_interface_K - other.T_interface_K)
    if gap > LARGEST_TEMPERATURE_GAP_K:
        raise InputError(
            "Conductances at different interface temperatures are not comparable",
            "Choose start temperatures or powers so that the interface has one mean temperature.",
            {"T_interface_K": [round(one.T_interface_K), round(other.T_interface_K)]},
        )
    error = float(np.hypot(one.error_MW_m2K, other.error_MW_m2K))
    mean = 0.5 * (one.conductance_MW_m2K + other.conductance_MW_m2K)
    sigma = (one.conductance_MW_m2K - other.conductance_MW_m2K) / error
    return Agreement(sigma, error / mean, error / mean <= LARGEST_COMBINED_ERROR)


@dataclass(frozen=True)
class SizeLaw:
    """G A = g0 A + g1 U over particle sizes, with contact area A and its perimeter U.

    Attributes
    ----------
    area_MW_m2K, area_error_MW_m2K : float
        g0: the conductance of a large contact.
    edge_W_mK, edge_error_W_mK : float
        g1: what each length of edge adds.
    area_definition : str
    """

    area_MW_m2K: float
    area_error_MW_m2K: float
    edge_W_mK: float
    edge_error_W_mK: float
    area_definition: str

    def conductance_MW_m2K(self, contact: Contact, perimeter_nm: float) -> float:
        """Return G of a contact of another size."""
        if contact.definition != self.area_definition:
            raise _mixed([contact.definition, self.area_definition])
        return self.area_MW_m2K + self.edge_W_mK * 1e3 * perimeter_nm / contact.area_nm2


def fit_size_law(sizes: Sequence[Determination], perimeters_nm: Sequence[float]) -> SizeLaw:
    """Fit the contact and its edge over at least two sizes, with weights.

    Parameters
    ----------
    sizes : sequence of Determination
        All with one area definition.
    perimeters_nm : sequence of float
        Of the contacts, by the same definition.
    """
    _same_area_definition(sizes)
    edge_over_area = np.array([u / s.contact.area_nm2 for u, s in zip(perimeters_nm, sizes, strict=True)])
    if len(np.unique(edge_over_area.round(9))) < 2:
        raise InputError("One size tells no size law", "Give at least two sizes.", {"sizes": len(sizes)})
    errors = np.array([one.error_MW_m2K for one in sizes])
    values = np.array([one.conductance_MW_m2K for one in sizes])
    # 1 W/(m K) over 1 nm is 1e9 W/(m^2 K), which is 1e3 MW/(m^2 K).
    matrix = np.stack([np.ones(len(sizes)), 1e3 * edge_over_area], axis=1) / errors[:, None]
    covariance = np.linalg.inv(matrix.T @ matrix)
    area, edge = covariance @ matrix.T @ (values / errors)
    area_error, edge_error = np.sqrt(np.diag(covariance))
    definition = sizes[0].contact.definition
    return SizeLaw(float(area), float(area_error), float(edge), float(edge_error), definition)


def _same_area_definition(determinations: Sequence[Determination]) -> None:
    definitions = {one.contact.definition for one in determinations}
    if len(definitions) > 1:
        raise _mixed(sorted(definitions))


def _mixed(definitions: Sequence[str]) -> InputError:
    return InputError(
        "Conductances of different contact areas cannot be mixed",
        "Use one definition of the area throughout: the hull is 76 to 84 % of atoms times area per atom.",
        {"definitions": list(definitions)},
    )
