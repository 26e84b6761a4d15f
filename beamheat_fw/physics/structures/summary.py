"""What a system is, in numbers: shown before anything is submitted, and kept with the results."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms

from beamheat_fw.errors import InputError
from beamheat_fw.physics.structures.assembly import build_system, closest_pair, describe, image_gap_A
from beamheat_fw.physics.structures.contact import contact_area_nm2, contact_perimeter_nm
from beamheat_fw.physics.structures.recipes import (
    ParticleRecipe,
    SystemRecipe,
    TrainingSetRecipe,
)
from beamheat_fw.physics.structures.supports import support_elements
from beamheat_fw.physics.structures.training_set import plan_training_set


@dataclass(frozen=True)
class SystemSummary:
    """A particle on its support.

    Attributes
    ----------
    description : str
        The recipe in one line.
    n_particle, n_support : int
        Atoms of each body.
    elements : tuple of str
        Chemical symbols of both, sorted.
    cell_A : tuple of 3 float
        Lengths of the cell's vectors.
    facet_down : str
        The particle's facet on the support.
    angle_deg : float
        The particle's in-plane angle.
    strain : tuple of 2 float
        The support's in-plane strain along x and y, as a fraction. The particle is not strained: it need not
        match the cell.
    height_A : float
        From the highest support atom to the lowest particle atom.
    contact_hull_nm2, contact_atoms_nm2 : float or None
        Contact area by both definitions of `contact`; None where the bottom layer spans no area.
    contact_perimeter_nm : float or None
        Perimeter of the hull.
    closest_pair : str
        The two nearest atoms and their distance, such as ``B-N 1.446 A``.
    image_gap_A : float
        Shortest distance between the particle and its periodic images; infinity beyond 20 Å.
    """

    description: str
    n_particle: int
    n_support: int
    elements: tuple[str, ...]
    cell_A: tuple[float, float, float]
    facet_down: str
    angle_deg: float
    strain: tuple[float, float]
    height_A: float
    contact_hull_nm2: float | None
    contact_atoms_nm2: float | None
    contact_perimeter_nm: float | None
    closest_pair: str
    image_gap_A: float


def summarise_system(recipe: SystemRecipe) -> SystemSummary:
    """Build a system and describe it; raises as `assembly.build_system`."""
    atoms = build_system(recipe)
    particle = atoms[atoms.arrays["body"] == 1]
    support = atoms[atoms.arrays["body"] == 0]
    hull, contact, perimeter = _contact(atoms)
    lengths = atoms.cell.lengths()
    return SystemSummary(
        description=describe(recipe),
        n_particle=len(particle),
        n_support=len(support),
        elements=tuple(sorted(set(atoms.get_chemical_symbols()))),
        cell_A=(float(lengths[0]), float(lengths[1]), float(lengths[2])),
        facet_down=facet_down(recipe.particle),
        angle_deg=recipe.angle_deg,
        strain=recipe.support.strain,
        height_A=float(particle.positions[:, 2].min() - support.positions[:, 2].max()),
        contact_hull_nm2=hull,
        contact_atoms_nm2=contact,
        contact_perimeter_nm=perimeter,
        closest_pair=_closest_pair(atoms),
        image_gap_A=image_gap_A(atoms),
    )


@dataclass(frozen=True)
class TrainingSetSummary:
    """The initial training set.

    Attributes
    ----------
    frames, on_supports, bare, free : int
        All frames, and those of each kind.
    elements : tuple of str
        Chemical symbols, sorted.
    pairs : int
        Different pairs of particle and support.
    """

    frames: int
    on_supports: int
    bare: int
    free: int
    elements: tuple[str, ...]
    pairs: int


def summarise_training_set(recipe: TrainingSetRecipe) -> TrainingSetSummary:
    """Count what a training set shows, without drawing it; raises as `training_set.plan_training_set`."""
    plans = plan_training_set(recipe)
    pairs = [(plan.particle, plan.support) for plan in plans if plan.particle and plan.support]
    elements = {particle.element for particle in recipe.particles}
    for support in recipe.supports:
        elements.update(support_elements(support))
    return TrainingSetSummary(
        frames=len(plans),
        on_supports=len(pairs),
        bare=sum(plan.particle is None for plan in plans),
        free=sum(plan.support is None for plan in plans),
        elements=tuple(sorted(elements)),
        pairs=len(set(pairs)),
    )


def facet_down(recipe: ParticleRecipe) -> str:
    """Return the facet a particle turns to its support, such as ``(-1 -1 -1)``."""
    indices = getattr(recipe, "facet_down", (-1, -1, -1))
    return f"({' '.join(str(index) for index in indices)})"


def _contact(atoms: Atoms) -> tuple[float | None, float | None, float | None]:
    try:
        return contact_area_nm2(atoms, "hull"), contact_area_nm2(atoms, "atoms"), contact_perimeter_nm(atoms)
    except InputError:
        return None, None, None


def _closest_pair(atoms: Atoms) -> str:
    pair = closest_pair(atoms)
    if pair is None:
        return "none within 3.5 A"
    i, j, distance = pair
    first, second = np.sort(np.array([atoms.symbols[i], atoms.symbols[j]]))
    return f"{first}-{second} {distance:.3f} A"
