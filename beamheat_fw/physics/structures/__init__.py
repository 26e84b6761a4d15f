"""Structures from recipes: particles, supports, particles on supports, and the first training set.

The recipes stand here. Their builders are imported from `particles`, `supports`, `assembly` and
`training_set` where they are used, because they bring ASE's builders with them.
"""

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
]
