"""The recipe of a particle on a support."""

from __future__ import annotations

from dataclasses import dataclass

from beamheat_fw.physics.structures.recipes.checks import STRICT, check_finite, check_positive
from beamheat_fw.physics.structures.recipes.particles import ParticleRecipe
from beamheat_fw.physics.structures.recipes.supports import SupportRecipe


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

    __pydantic_config__ = STRICT

    particle: ParticleRecipe
    support: SupportRecipe
    height_A: float = 2.5
    angle_deg: float = 0.0
    offset_A: tuple[float, float] = (0.0, 0.0)
    vacuum_A: float = 8.0
    min_image_gap_A: float = 5.0

    def __post_init__(self) -> None:
        check_positive(self, "height_A", "vacuum_A", "min_image_gap_A")
        check_finite(self, "angle_deg", "offset_A")
