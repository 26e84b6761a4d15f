"""Metal particles from recipes: atoms in vacuum, centred on the origin, the contact facet down."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from ase import Atoms
from ase.cluster import FaceCenteredCubic, Icosahedron, Octahedron, wulff_construction

from beamheat_fw.errors import InputError
from beamheat_fw.physics.structures.lattice import fcc_constant_A
from beamheat_fw.physics.structures.recipes import (
    FlakeParticle,
    IcosahedralParticle,
    IslandParticle,
    LayeredParticle,
    OctahedralParticle,
    ParticleRecipe,
    WulffParticle,
)


def build_particle(recipe: ParticleRecipe) -> Atoms:
    """Build a particle.

    Parameters
    ----------
    recipe : ParticleRecipe

    Returns
    -------
    ase.Atoms
        The particle with its mean in-plane position at the origin and its lowest atom at z = 0; no cell,
        ``pbc`` false, ``body`` 1.

    Raises
    ------
    InputError
        The recipe describes no particle, or no lattice constant is tabulated for the element.
    """
    a = recipe.lattice_constant_A or fcc_constant_A(recipe.element)
    atoms = _BUILDERS[type(recipe)](recipe, a)
    if len(atoms) == 0:
        raise InputError(
            "The particle recipe yields no atoms", "Give more layers or atoms.", {"recipe": repr(recipe)}
        )
    positions = atoms.positions - atoms.positions.mean(axis=0)
    positions[:, 2] -= positions[:, 2].min()
    particle = Atoms(atoms.symbols, positions=positions)
    particle.set_array("body", np.ones(len(particle), dtype=int))
    return particle


def _layered(recipe: LayeredParticle, a: float) -> Atoms:
    atoms = FaceCenteredCubic(recipe.element, recipe.surfaces, recipe.layers, latticeconstant=a)
    return _turned(atoms, recipe.facet_down)


def _wulff(recipe: WulffParticle, a: float) -> Atoms:
    surfaces, energies = list(recipe.surfaces), list(recipe.surface_energies_J_m2)
    if recipe.contact_energy_J_m2 is not None:
        surfaces.append(recipe.facet_down)
        energies.append(recipe.contact_energy_J_m2)
    atoms = wulff_construction(
        recipe.element, surfaces, energies, recipe.atoms, "fcc", rounding="closest", latticeconstant=a
    )
    return _turned(atoms, recipe.facet_down)


def _octahedron(recipe: OctahedralParticle, a: float) -> Atoms:
    atoms = Octahedron(recipe.element, recipe.length, recipe.cutoff, latticeconstant=a)
    return _turned(atoms, recipe.facet_down)


def _icosahedron(recipe: IcosahedralParticle, a: float) -> Atoms:
    # (1, 1, 1) is a threefold axis of ASE's icosahedron: a face lies down.
    return _turned(Icosahedron(recipe.element, recipe.shells, latticeconstant=a), (-1, -1, -1))


def _flake(recipe: FlakeParticle, a: float) -> Atoms:
    """Stack (111) layers of given numbers of atoms about the site that makes them most compact."""
    stacks = [_layers_about(site, recipe.atoms_per_layer, a) for site in _SITES]
    inertia = [sum(np.sum(layer[:, :2] ** 2) for layer in stack) for stack in stacks]
    # Rounded, so that the choice between sites of equal compactness does not hang on the last bit.
    best = stacks[int(np.argmin(np.round(inertia, 6)))]
    return Atoms(f"{recipe.element}{sum(recipe.atoms_per_layer)}", positions=np.vstack(best))


def _island(recipe: IslandParticle, a: float) -> Atoms:
    """Cut round (111) layers about an atom of the lowest layer."""
    inset = (a / np.sqrt(3.0)) / np.tan(np.radians(recipe.side_angle_deg))
    rows = []
    for level in range(recipe.layers):
        layer = _layer_points(level, recipe.radius_A, a)
        rows.append(layer[np.hypot(layer[:, 0], layer[:, 1]) <= recipe.radius_A - level * inset + 1e-6])
    positions = np.vstack(rows)
    return Atoms(f"{recipe.element}{len(positions)}", positions=positions)


#: Stacking sites, in units of the primitive vectors of a (111) layer: on top, the two hollows, a bridge.
_SITES = ((0.0, 0.0), (1 / 3, 1 / 3), (2 / 3, 2 / 3), (0.5, 0.0))


def _layers_about(site: tuple[float, float], counts: tuple[int, ...], a: float) -> list[np.ndarray]:
    radius = a / np.sqrt(2.0) * (1.5 + np.sqrt(max(counts)))
    centre = np.append(_in_plane_vectors(a).T @ np.array(site), 0.0)
    return [
        _nearest_to_axis(_layer_points(level, radius, a) - centre, count)
        for level, count in enumerate(counts)
    ]


def _nearest_to_axis(points: np.ndarray, count: int) -> np.ndarray:
    """Choose the `count` points nearest to the z axis; of equal ones, neighbours going counter-clockwise."""
    distance = np.hypot(points[:, 0], points[:, 1]).round(6)
    angle = np.arctan2(points[:, 1], points[:, 0]).round(6)
    return points[np.lexsort((angle, distance))[:count]]


def _layer_points(level: int, radius: float, a: float) -> np.ndarray:
    """Return the sites of (111) layer `level` (shape (n, 3), Å), out to at least `radius` from the origin."""
    vectors = _in_plane_vectors(a)
    reach = int(np.ceil(radius / (a / np.sqrt(2.0)) * 2.0 / np.sqrt(3.0))) + 2
    steps = np.arange(-reach, reach + 1)
    lattice = np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1).reshape(-1, 2)
    in_plane = (lattice + (level % 3) / 3.0) @ vectors
    return np.column_stack([in_plane, np.full(len(in_plane), level * a / np.sqrt(3.0))])


def _in_plane_vectors(a: float) -> np.ndarray:
    """Return the primitive vectors of an fcc (111) layer as rows (shape (2, 2), Å), 60 degrees apart."""
    return a / np.sqrt(2.0) * np.array([[1.0, 0.0], [0.5, np.sqrt(3.0) / 2.0]])


def _turned(atoms: Atoms, facet_down: tuple[int, int, int]) -> Atoms:
    if not any(facet_down):
        raise InputError(
            "(0, 0, 0) is no facet", "Give Miller indices such as [-1, -1, -1].", {"facet_down": facet_down}
        )
    turned = atoms.copy()
    turned.rotate(tuple(-index for index in facet_down), (0, 0, 1))
    return turned


_BUILDERS: dict[type, Callable[..., Atoms]] = {
    LayeredParticle: _layered,
    WulffParticle: _wulff,
    OctahedralParticle: _octahedron,
    IcosahedralParticle: _icosahedron,
    FlakeParticle: _flake,
    IslandParticle: _island,
}
