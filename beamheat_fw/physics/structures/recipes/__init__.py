"""What a structure is made from: frozen recipes of particles, supports, systems and training sets.

A recipe holds strings, numbers and tuples only, so that it can stand in a campaign file and in a database.
Its `kind` chooses the builder. Recipes check their own numbers; whether the parts fit together is seen when
the system is built.
"""

from beamheat_fw.physics.structures.recipes.particles import (
    FlakeParticle,
    IcosahedralParticle,
    IslandParticle,
    LayeredParticle,
    Miller,
    OctahedralParticle,
    ParticleRecipe,
    WulffParticle,
)
from beamheat_fw.physics.structures.recipes.supports import (
    SupportKind,
    SupportRecipe,
)
from beamheat_fw.physics.structures.recipes.systems import (
    SystemRecipe,
)
from beamheat_fw.physics.structures.recipes.training_set import (
    DisorderRecipe,
    TrainingSetRecipe,
)

__all__ = [
    "DisorderRecipe",
    "FlakeParticle",
    "IcosahedralParticle",
    "IslandParticle",
    "LayeredParticle",
    "Miller",
    "OctahedralParticle",
    "ParticleRecipe",
    "SupportKind",
    "SupportRecipe",
    "SystemRecipe",
    "TrainingSetRecipe",
    "WulffParticle",
]
