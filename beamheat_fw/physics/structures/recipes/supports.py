"""Recipes of supports: slabs, periodic in their plane."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from beamheat_fw.errors import InputError
from beamheat_fw.physics.structures.recipes.checks import STRICT, check_element, check_finite, check_positive

SupportKind = Literal["hbn", "graphite", "mgo001", "rutile101", "anatase101", "fcc111", "fcc001"]


@dataclass(frozen=True)
class SupportRecipe:
    """A slab, periodic in its plane.

    Attributes
    ----------
    kind : str
        Crystal and surface: ``hbn`` and ``graphite`` (0001), ``mgo001``, ``rutile101`` and ``anatase101``
        (TiO2), ``fcc111`` and ``fcc001`` (a metal).
    repeat : tuple of 2 int
        Surface unit cells along the two in-plane vectors.
    layers : int
        Sheets (hBN, graphite), atomic layers (MgO, metals) or stoichiometric layers (TiO2).
    element : str, optional
        The metal of ``fcc111`` and ``fcc001``.
    a_A, c_A : float, optional
        Lattice constants in place of the tabulated ones of `supports`.
    strain : tuple of 2 float
        In-plane strain along x and y, as a fraction of the unstrained lengths.
    vacancy_fraction : float
        Share of the outermost oxygen atoms of each face that is missing.
    vacancy_seed : int
        Chooses which ones.
    rectangular : bool
        Whether hexagonal surfaces take their rectangular cell (a by sqrt(3) a, twice the atoms).
    """

    __pydantic_config__ = STRICT

    kind: SupportKind
    repeat: tuple[int, int]
    layers: int = 1
    element: str | None = None
    a_A: float | None = None
    c_A: float | None = None
    strain: tuple[float, float] = (0.0, 0.0)
    vacancy_fraction: float = 0.0
    vacancy_seed: int = 0
    rectangular: bool = False

    def __post_init__(self) -> None:
        check_positive(self, "repeat", "layers", "a_A", "c_A")
        check_finite(self, "strain")
        metal = self.kind.startswith("fcc")
        if metal != (self.element is not None):
            raise InputError(
                "A metal support needs its element"
                if metal
                else "This support's elements are fixed by its kind",
                "Give element, such as Cu." if metal else "Remove element, or choose fcc111 or fcc001.",
                {"kind": self.kind, "element": self.element},
            )
        if self.element is not None:
            check_element(self.element)
        if not 0.0 <= self.vacancy_fraction < 1.0:
            raise InputError(
                "The fraction of vacancies is not a fraction",
                "Give a vacancy_fraction of at least 0 and less than 1, such as 0.05.",
                {"vacancy_fraction": self.vacancy_fraction},
            )
        if max(abs(strain) for strain in self.strain) > 0.2:
            raise InputError(
                "The support's strain is not a small fraction",
                "Give strain as fractions of the length, such as [0.01, 0.01] for one percent.",
                {"strain": self.strain},
            )
