"""What a structure is made from: frozen recipes of particles, supports, systems and training sets.

A recipe holds strings, numbers and tuples only, so that it can stand in a campaign file and in a database.
Its `kind` chooses the builder. Recipes check their own numbers; whether the parts fit together is seen when
the system is built.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from ase.data import atomic_numbers
from pydantic import Field

from beamheat_fw.errors import InputError

Miller = tuple[int, int, int]

#: Read by pydantic where a recipe stands in a campaign file: an unknown key is refused.
_STRICT: dict[str, Any] = {"extra": "forbid"}


def _check_element(symbol: str) -> None:
    if symbol not in atomic_numbers or symbol == "X":
        raise InputError("An element is unknown", "Give a chemical symbol such as Au.", {"element": symbol})


def _check_positive(recipe: object, *names: str) -> None:
    for name in names:
        value = getattr(recipe, name)
        numbers = value if isinstance(value, Iterable) else [] if value is None else [value]
        if (isinstance(value, Iterable) and not value) or not all(
            0.0 < number < float("inf") for number in numbers
        ):
            raise InputError(
                f"{name} is not positive and finite",
                f"Give a positive {name}.",
                {"recipe": type(recipe).__name__, name: value},
            )


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

    __pydantic_config__ = _STRICT

    layers: tuple[int, ...]
    surfaces: tuple[Miller, ...] = ((1, 1, 1), (-1, -1, -1), (1, 0, 0))
    element: str = "Au"
    lattice_constant_A: float | None = None
    facet_down: Miller = (-1, -1, -1)
    kind: Literal["layers"] = "layers"

    def __post_init__(self) -> None:
        _check_element(self.element)
        _check_positive(self, "lattice_constant_A")
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

    __pydantic_config__ = _STRICT

    atoms: int
    surfaces: tuple[Miller, ...]
    surface_energies_J_m2: tuple[float, ...]
    contact_energy_J_m2: float | None = None
    element: str = "Au"
    lattice_constant_A: float | None = None
    facet_down: Miller = (-1, -1, -1)
    kind: Literal["wulff"] = "wulff"

    def __post_init__(self) -> None:
        _check_element(self.element)
        _check_positive(self, "atoms", "surface_energies_J_m2", "contact_energy_J_m2", "lattice_constant_A")
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

    __pydantic_config__ = _STRICT

    length: int
    cutoff: int = 0
    element: str = "Au"
    lattice_constant_A: float | None = None
    facet_down: Miller = (-1, -1, -1)
    kind: Literal["octahedron"] = "octahedron"

    def __post_init__(self) -> None:
        _check_element(self.element)
        _check_positive(self, "length", "lattice_constant_A")
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

    __pydantic_config__ = _STRICT

    shells: int = 2
    element: str = "Au"
    lattice_constant_A: float | None = None
    kind: Literal["icosahedron"] = "icosahedron"

    def __post_init__(self) -> None:
        _check_element(self.element)
        _check_positive(self, "shells", "lattice_constant_A")


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

    __pydantic_config__ = _STRICT

    atoms_per_layer: tuple[int, ...]
    element: str = "Au"
    lattice_constant_A: float | None = None
    kind: Literal["flake"] = "flake"

    def __post_init__(self) -> None:
        _check_element(self.element)
        _check_positive(self, "atoms_per_layer", "lattice_constant_A")
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

    __pydantic_config__ = _STRICT

    radius_A: float
    layers: int = 2
    side_angle_deg: float = 70.5
    element: str = "Au"
    lattice_constant_A: float | None = None
    kind: Literal["island"] = "island"

    def __post_init__(self) -> None:
        _check_element(self.element)
        _check_positive(self, "radius_A", "layers", "side_angle_deg", "lattice_constant_A")
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

    __pydantic_config__ = _STRICT

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
        _check_positive(self, "repeat", "layers", "a_A", "c_A")
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
            _check_element(self.element)
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


@dataclass(frozen=True)
class SystemRecipe:
    """A particle on a support.

    Attributes
    ----------
    particle : ParticleRecipe
    support : SupportRecipe
    height_A : float
        From the highest support layer to the lowest particle layer.
    angle_deg : float
        Rotation of the particle about the surface normal, counter-clockwise seen from above.
    offset_A : tuple of 2 float
        The particle's lateral shift from the centre of the cell.
    vacuum_A : float
        Empty space below the lowest and above the highest atom.
    min_image_gap_A : float
        Least distance between the particle's atoms and those of its periodic images.
    """

    __pydantic_config__ = _STRICT

    particle: ParticleRecipe
    support: SupportRecipe
    height_A: float = 2.5
    angle_deg: float = 0.0
    offset_A: tuple[float, float] = (0.0, 0.0)
    vacuum_A: float = 8.0
    min_image_gap_A: float = 5.0

    def __post_init__(self) -> None:
        _check_positive(self, "height_A", "vacuum_A", "min_image_gap_A")


@dataclass(frozen=True)
class DisorderRecipe:
    """How far training structures are moved away from perfect crystals.

    Attributes
    ----------
    temperatures_K : tuple of float
        Temperatures of the random displacements (see `displacements.thermal_displacements`).
    weights : tuple of float
        How often each temperature is drawn.
    strain : float
        Largest in-plane strain of a support, each axis on its own.
    breathing : float
        Largest relative expansion or contraction of a particle.
    tilt_deg : float
        Largest tilt of a particle against its support.
    buckling_A : float
        Standard deviation of the height of a support's smooth random buckling.
    """

    __pydantic_config__ = _STRICT

    temperatures_K: tuple[float, ...] = (300.0, 600.0, 1500.0)
    weights: tuple[float, ...] = (0.4, 0.4, 0.2)
    strain: float = 0.01
    breathing: float = 0.02
    tilt_deg: float = 6.0
    buckling_A: float = 0.08

    def __post_init__(self) -> None:
        _check_positive(self, "temperatures_K", "weights")
        if len(self.temperatures_K) != len(self.weights):
            raise InputError(
                "The disorder needs one weight for each temperature",
                "Give as many weights as temperatures_K.",
                {"temperatures_K": self.temperatures_K, "weights": self.weights},
            )


@dataclass(frozen=True)
class TrainingSetRecipe:
    """The first structures to be labelled: particles on supports, supports alone, particles alone.

    Attributes
    ----------
    particles : tuple of ParticleRecipe
    supports : tuple of SupportRecipe
        Every particle is put on every support on which it has room, in turn.
    frames : int
        Number of structures.
    seed : int
        The same recipe and seed give the same structures.
    max_atoms : int
        Pairs of particle and support with more atoms are left out.
    heights_A : tuple of 2 float
        Range of the distance between particle and support.
    bare_share, free_share : float
        Shares of the frames that show a support alone and a particle alone.
    vacuum_A : float
        Empty space around what is not periodic.
    min_image_gap_A : float
        As in `SystemRecipe`.
    disorder : DisorderRecipe
    """

    __pydantic_config__ = _STRICT

    particles: tuple[ParticleRecipe, ...]
    supports: tuple[SupportRecipe, ...]
    frames: int = 60
    seed: int = 1
    max_atoms: int = 50
    heights_A: tuple[float, float] = (2.2, 4.0)
    bare_share: float = 0.1
    free_share: float = 0.15
    vacuum_A: float = 5.0
    min_image_gap_A: float = 3.2
    disorder: DisorderRecipe = DisorderRecipe()

    def __post_init__(self) -> None:
        _check_positive(self, "frames", "max_atoms", "heights_A", "vacuum_A", "min_image_gap_A")
        if not self.particles or not self.supports:
            raise InputError(
                "A training set needs at least one particle and one support",
                "List them under particles and supports.",
                {"particles": len(self.particles), "supports": len(self.supports)},
            )
        if min(self.bare_share, self.free_share) < 0.0 or self.bare_share + self.free_share > 1.0:
            raise InputError(
                "The shares of bare supports and free particles do not leave a share for the rest",
                "Give bare_share and free_share of at least 0 with a sum of at most 1.",
                {"bare_share": self.bare_share, "free_share": self.free_share},
            )
