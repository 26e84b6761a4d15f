"""Structures from recipes: particles, supports, particles on supports, and the first training set.

The recipes are imported with the package. The functions are looked up when first used: they bring ASE's
builders with them, which reading a campaign file does not need.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from beamheat_fw.physics.structures.assembly import build_free_particle, build_system, describe
    from beamheat_fw.physics.structures.contact import contact_area_nm2, contact_perimeter_nm
    from beamheat_fw.physics.structures.particles import build_particle
    from beamheat_fw.physics.structures.summary import summarise_system, summarise_training_set
    from beamheat_fw.physics.structures.supports import build_support, support_elements
    from beamheat_fw.physics.structures.training_set import build_training_set

_HOME = {
    "build_free_particle": "assembly",
    "build_particle": "particles",
    "build_support": "supports",
    "build_system": "assembly",
    "build_training_set": "training_set",
    "contact_area_nm2": "contact",
    "contact_perimeter_nm": "contact",
    "describe": "assembly",
    "summarise_system": "summary",
    "summarise_training_set": "summary",
    "support_elements": "supports",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


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
    "build_training_set",
    "contact_area_nm2",
    "contact_perimeter_nm",
    "describe",
    "summarise_system",
    "summarise_training_set",
    "support_elements",
]
