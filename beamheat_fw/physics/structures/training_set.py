"""The first structures to be labelled, before any potential exists."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from ase import Atoms

from beamheat_fw.errors import InputError
from beamheat_fw.physics.structures.assembly import (
    check_overlap,
    check_room,
    describe,
    describe_particle,
    describe_support,
    place,
)
from beamheat_fw.physics.structures.displacements import (
    SPRINGS,
    smooth_buckling,
    thermal_displacements,
)
from beamheat_fw.physics.structures.particles import build_particle
from beamheat_fw.physics.structures.recipes import (
    DisorderRecipe,
    ParticleRecipe,
    SupportRecipe,
    SystemRecipe,
    TrainingSetRecipe,
)
from beamheat_fw.physics.structures.supports import build_support

#: Draws of one frame before its recipe counts as impossible.
_ATTEMPTS = 50


@dataclass(frozen=True)
class FramePlan:
    """What one frame shows; without a particle a bare support, without a support a free particle."""

    particle: ParticleRecipe | None
    support: SupportRecipe | None


def plan_training_set(recipe: TrainingSetRecipe) -> list[FramePlan]:
    """Decide what each frame shows.

    Parameters
    ----------
    recipe : TrainingSetRecipe

    Returns
    -------
    list of FramePlan
        As many as `recipe.frames`: every particle on every support with room for it in turn, then supports
        alone, then particles of two atoms and more alone.

    Raises
    ------
    InputError
        A particle has room on no support within `max_atoms`, or the frames are too few to show every pair.
    """
    pairs = _fitting_pairs(recipe)
    molecules = [particle for particle in recipe.particles if len(_particle(particle)) > 1]
    bare = round(recipe.bare_share * recipe.frames)
    free = round(recipe.free_share * recipe.frames) if molecules else 0
    supported = recipe.frames - bare - free
    if 0 < supported < len(pairs):
        raise InputError(
            "The training set has too few frames to show every particle on every support",
            "Raise frames, or list fewer particles or supports.",
            {"frames": recipe.frames, "on_supports": supported, "pairs": len(pairs)},
        )
    return [
        *(FramePlan(*pairs[number % len(pairs)]) for number in range(supported)),
        *(FramePlan(None, recipe.supports[number % len(recipe.supports)]) for number in range(bare)),
        *(FramePlan(molecules[number % len(molecules)], None) for number in range(free)),
    ]


def build_training_set(recipe: TrainingSetRecipe) -> list[Atoms]:
    """Build the initial training set.

    Parameters
    ----------
    recipe : TrainingSetRecipe

    Returns
    -------
    list of ase.Atoms
        Displaced structures with ``body`` and ``info["origin"]``, the same for the same recipe.

    Raises
    ------
    InputError
        As `plan_training_set`; or a frame keeps overlapping however it is drawn.
    """
    return [
        _draw_frame(plan, recipe, np.random.default_rng([recipe.seed, number]))
        for number, plan in enumerate(plan_training_set(recipe))
    ]


def _fitting_pairs(recipe: TrainingSetRecipe) -> list[tuple[ParticleRecipe, SupportRecipe]]:
    pairs = []
    for particle in recipe.particles:
        fitting = [(particle, support) for support in recipe.supports if _fits(particle, support, recipe)]
        if not fitting:
            raise InputError(
                f"{describe_particle(particle)} has room on no support of the training set",
                "List a larger support, raise max_atoms, or leave the particle out.",
                {
                    "atoms": len(_particle(particle)),
                    "diameter_A": round(_diameter_A(particle), 2),
                    "max_atoms": recipe.max_atoms,
                    "min_image_gap_A": recipe.min_image_gap_A,
                },
            )
        pairs.extend(fitting)
    return pairs


def _fits(particle: ParticleRecipe, support: SupportRecipe, recipe: TrainingSetRecipe) -> bool:
    """Whether the particle, turned in any way, keeps clear of its images."""
    slab = _support(support)
    sides = np.array(slab.cell)[:2]
    translations = np.vstack([sides, sides.sum(axis=0), sides[0] - sides[1]])
    shortest = np.linalg.norm(translations, axis=1).min()
    enough_room = _diameter_A(particle) + recipe.min_image_gap_A <= shortest
    return bool(enough_room and len(slab) + len(_particle(particle)) <= recipe.max_atoms)


def _draw_frame(plan: FramePlan, recipe: TrainingSetRecipe, random: np.random.Generator) -> Atoms:
    for _ in range(_ATTEMPTS):
        atoms = _draw(plan, recipe, random)
        try:
            check_overlap(atoms)
            if plan.particle and plan.support:
                # Thermal motion, tilt and breathing may eat a little of the room left in the plan.
                check_room(atoms, 0.8 * recipe.min_image_gap_A)
        except InputError as error:
            problem = error
        else:
            return atoms
    raise InputError(
        f"A training structure cannot be drawn: {problem.what}",
        "Raise heights_A or lower the temperatures of disorder.",
        {"plan": repr(plan), **problem.values},
    )


def _draw(plan: FramePlan, recipe: TrainingSetRecipe, random: np.random.Generator) -> Atoms:
    disorder = recipe.disorder
    weights = np.array(disorder.weights) / sum(disorder.weights)
    temperature_K = float(random.choice(disorder.temperatures_K, p=weights))
    ending = f", displaced as at {temperature_K:g} K"
    if plan.particle is None:
        atoms = _disordered_support(_required(plan.support), recipe, temperature_K, random)
        atoms.info["origin"] = f"bare {describe_support(_required(plan.support))}{ending}"
        return atoms
    particle, angle_deg = _disordered_particle(plan.particle, disorder, temperature_K, random)
    if plan.support is None:
        particle.center(vacuum=recipe.vacuum_A)
        particle.info["origin"] = f"free {describe_particle(plan.particle)}{ending}"
        return particle
    support = _disordered_support(plan.support, recipe, temperature_K, random)
    height_A = float(random.uniform(*recipe.heights_A))
    offset = support.cell.cartesian_positions([*random.uniform(-0.5, 0.5, 2), 0.0])[:2]
    atoms = place(particle, support, height_A, (offset[0], offset[1]), recipe.vacuum_A)
    drawn = SystemRecipe(plan.particle, plan.support, height_A=height_A, angle_deg=angle_deg)
    atoms.info["origin"] = describe(drawn) + ending
    return atoms


def _disordered_support(
    recipe: SupportRecipe, training_set: TrainingSetRecipe, temperature_K: float, random: np.random.Generator
) -> Atoms:
    disorder = training_set.disorder
    extra = random.uniform(-disorder.strain, disorder.strain, 2)
    strained = replace(recipe, strain=(recipe.strain[0] + extra[0], recipe.strain[1] + extra[1]))
    atoms = build_support(strained, training_set.vacuum_A)
    displacements = thermal_displacements(atoms, temperature_K, SPRINGS[recipe.kind], random)
    atoms.positions += displacements + smooth_buckling(atoms, disorder.buckling_A, random)
    atoms.center(vacuum=training_set.vacuum_A, axis=2)
    return atoms


def _disordered_particle(
    recipe: ParticleRecipe, disorder: DisorderRecipe, temperature_K: float, random: np.random.Generator
) -> tuple[Atoms, float]:
    """Return a particle turned, tilted, scaled and displaced, and its in-plane angle in degrees."""
    atoms = build_particle(recipe)
    displacements = thermal_displacements(atoms, temperature_K, SPRINGS["particle"], random)
    atoms.positions *= 1.0 + random.uniform(-disorder.breathing, disorder.breathing)
    atoms.positions += displacements
    angle_deg, axis_deg = random.uniform(0.0, 360.0, 2)
    atoms.rotate(angle_deg, "z")
    axis = (np.cos(np.radians(axis_deg)), np.sin(np.radians(axis_deg)), 0.0)
    atoms.rotate(random.uniform(0.0, disorder.tilt_deg), axis)
    return atoms, float(angle_deg)


@cache
def _particle(recipe: ParticleRecipe) -> Atoms:
    return build_particle(recipe)


@cache
def _support(recipe: SupportRecipe) -> Atoms:
    return build_support(recipe)


def _diameter_A(recipe: ParticleRecipe) -> float:
    """Return the largest lateral distance between two atoms."""
    in_plane = _particle(recipe).positions[:, :2]
    return float(np.linalg.norm(in_plane[:, None] - in_plane[None, :], axis=-1).max())


def _required(support: SupportRecipe | None) -> SupportRecipe:
    assert support is not None
    return support
