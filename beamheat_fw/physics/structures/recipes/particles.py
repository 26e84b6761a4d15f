"""Recipes of particles: crystals cut by planes, free shapes, flakes and islands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from beamheat_fw.errors import InputError
from beamheat_fw.physics.structures.recipes.checks import STRICT, check_element, check_positive

Miller = tuple[int, int, int]


@dataclass(frozen=True)
class LayeredParticle:
    """An fcc particle cut by planes, each a number of atomic layers from the centre.

    Attributes
    ----------
    surfaces : tuple of Miller indices
        The planes; symmetry-equivalent ones follow unless named themselves.
    layers : tuple of int
        Layers from the centre to each of `surfaces`.
    element : str
        Chemical symbol.
    lattice_constant_A : float, optional
        Cubic lattice constant; ASE's tabulated one by default (Au 4.08 Å).
    facet_down : Miller indices
        The facet turned towards the support.
    """

    __pydantic_config__ = STRICT

    layers: tuple[int, ...]
    surfaces: tuple[Miller, ...] = ((1, 1, 1), (-1, -1, -1), (1, 0, 0))
    element: str = "Au"
    lattice_constant_A: float | None = None
    facet_down: Miller = (-1, -1, -1)
    kind: Literal["layers"] = "layers"

    def __post_init__(self) -> None:
        check_element(self.element)
        check_positive(self, "lattice_constant_A")
        if len(self.layers) != len(self.surfaces):
            raise InputError(
                "A layer recipe needs one number of layers for each surface",
                "Give as many layers as surfaces.",
                {"surfaces": self.surfaces, "layers": self.layers},
            )


@dataclass(frozen=True)
class WulffParticle:
    """The equilibrium shape of an fcc particle of about `atoms` atoms, free or on a support.

    Attributes
    ----------
    atoms : int
        Wanted number of atoms; the nearest shape of whole layers is built.
    surfaces : tuple of Miller indices
        Facets, one of each family.
    surface_energies_J_m2 : tuple of float
        Their energies; only the ratios matter.
    contact_energy_J_m2 : float, optional
        Surface energy of the contact facet less the adhesion energy, which truncates the shape at the support
        (Winterbottom, Acta Metall. 15, 303 (1967)); the free (Wulff) shape by default.
    element, lattice_constant_A, facet_down
        As in `LayeredParticle`.
    """

    __pydantic_config__ = STRICT

    atoms: int
    surfaces: tuple[Miller, ...]
    surface_energies_J_m2: tuple[float, ...]
    contact_energy_J_m2: float | None = None
    element: str = "Au"
    lattice_constant_A: float | None = None
    facet_down: Miller = (-1, -1, -1)
    kind: Literal["wulff"] = "wulff"

    def __post_init__(self) -> None:
        check_element(self.element)
        check_positive(self, "atoms", "surface_energies_J_m2", "contact_energy_J_m2", "lattice_constant_A")
        if len(self.surfaces) != len(self.surface_energies_J_m2):
            raise InputError(
                "A Wulff recipe needs one energy for each surface",
                "Give as many surface_energies_J_m2 as surfaces.",
                {"surfaces": self.surfaces, "surface_energies_J_m2": self.surface_energies_J_m2},
            )


@dataclass(frozen=True)
class OctahedralParticle:
    """A truncated fcc octahedron: 6 atoms (2, 0), 13 (3, 1), 38 (4, 1), 79 (5, 1), 201 (7, 2).

    Attributes
    ----------
    length : int
        Atoms along an edge of the complete octahedron.
    cutoff : int
        Layers cut off at each corner; 2 `cutoff` + 1 = `length` is a cuboctahedron.
    element, lattice_constant_A, facet_down
        As in `LayeredParticle`.
    """

    __pydantic_config__ = STRICT

    length: int
    cutoff: int = 0
    element: str = "Au"
    lattice_constant_A: float | None = None
    facet_down: Miller = (-1, -1, -1)
    kind: Literal["octahedron"] = "octahedron"

    def __post_init__(self) -> None:
        check_element(self.element)
        check_positive(self, "length", "lattice_constant_A")
        if not 0 <= 2 * self.cutoff < self.length:
            raise InputError(
                "An octahedron cannot be cut that deep",
                "Give a cutoff of at least 0 and less than half the length.",
                {"length": self.length, "cutoff": self.cutoff},
            )


@dataclass(frozen=True)
class IcosahedralParticle:
    """A Mackay icosahedron, a face down: 1, 13, 55, 147 ... atoms.

    Attributes
    ----------
    shells : int
        Shells, the central atom counted.
    element, lattice_constant_A
        As in `LayeredParticle`.
    """

    __pydantic_config__ = STRICT

    shells: int = 2
    element: str = "Au"
    lattice_constant_A: float | None = None
    kind: Literal["icosahedron"] = "icosahedron"

    def __post_init__(self) -> None:
        check_element(self.element)
        check_positive(self, "shells", "lattice_constant_A")


@dataclass(frozen=True)
class FlakeParticle:
    """A flat island of close-packed (111) layers, each as compact as its number of atoms allows.

    Attributes
    ----------
    atoms_per_layer : tuple of int
        From the support upwards: (7,) is a hexagon, (12, 7) a two-layer flake, (3, 1) a tetrahedron, (1,) an
        atom.
    element, lattice_constant_A
        As in `LayeredParticle`.
    """

    __pydantic_config__ = STRICT

    atoms_per_layer: tuple[int, ...]
    element: str = "Au"
    lattice_constant_A: float | None = None
    kind: Literal["flake"] = "flake"

    def __post_init__(self) -> None:
        check_element(self.element)
        check_positive(self, "atoms_per_layer", "lattice_constant_A")
        if list(self.atoms_per_layer) != sorted(self.atoms_per_layer, reverse=True):
            raise InputError(
                "A flake has a layer larger than the one below it",
                "Give atoms_per_layer from the support upwards, never increasing.",
                {"atoms_per_layer": self.atoms_per_layer},
            )


@dataclass(frozen=True)
class IslandParticle:
    """A round island of close-packed (111) layers with sloping sides.

    Attributes
    ----------
    radius_A : float
        Radius of the lowest layer, through nuclei.
    layers : int
        Number of (111) layers.
    side_angle_deg : float
        Angle between the sides and the support; 90 is a cylinder, 70.5 a {111} side facet of an fcc crystal.
    element, lattice_constant_A
        As in `LayeredParticle`.
    """

    __pydantic_config__ = STRICT

    radius_A: float
    layers: int = 2
    side_angle_deg: float = 70.5
    element: str = "Au"
    lattice_constant_A: float | None = None
    kind: Literal["island"] = "island"

    def __post_init__(self) -> None:
        check_element(self.element)
        check_positive(self, "radius_A", "layers", "side_angle_deg", "lattice_constant_A")
        if self.side_angle_deg > 90.0:
            raise InputError(
                "An island cannot overhang",
                "Give a side_angle_deg of at most 90.",
                {"side_angle_deg": self.side_angle_deg},
            )


ParticleRecipe = Annotated[
    LayeredParticle
    | WulffParticle
    | OctahedralParticle
    | IcosahedralParticle
    | FlakeParticle
    | IslandParticle,
    Field(discriminator="kind"),
]
