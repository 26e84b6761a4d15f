"""Structures: particles, supports, a particle on its support, and the first training set, all from recipes."""

from beamheat_fw.physics.structures.assembly import (
    build_free_particle,
    build_system,
    check_overlap,
    closest_pair,
    describe,
)
from beamheat_fw.physics.structures.particles import build_particle
from beamheat_fw.physics.structures.recipes import (
    DisorderRecipe,
    FlakeParticle,
    IcosahedralParticle,
    IslandParticle,
    LayeredParticle,
    OctahedralParticle,
    ParticleRecipe,
    SupportRecipe,
    SystemRecipe,
    TrainingSetRecipe,
    WulffParticle,
)
from beamheat_fw.physics.structures.supports import build_support, support_elements

__all__ = [
    "DisorderRecipe",
    "FlakeParticle",
    "IcosahedralParticle",
    "IslandParticle",
    "LayeredParticle",
    "OctahedralParticle",
    "ParticleRecipe",
    "SupportRecipe",
    "SystemRecipe",
    "TrainingSetRecipe",
    "WulffParticle",
    "build_free_particle",
    "build_particle",
    "build_support",
    "build_system",
    "check_overlap",
    "closest_pair",
    "describe",
    "support_elements",
]
