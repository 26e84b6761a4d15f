"""The recipe of the first structures to be labelled, and of their disorder."""

from __future__ import annotations

from dataclasses import dataclass

from beamheat_fw.errors import InputError
from beamheat_fw.physics.structures.recipes.checks import STRICT, check_finite, check_positive
from beamheat_fw.physics.structures.recipes.particles import ParticleRecipe
from beamheat_fw.physics.structures.recipes.supports import SupportRecipe


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

    __pydantic_config__ = STRICT

    temperatures_K: tuple[float, ...] = (300.0, 600.0, 1500.0)
    weights: tuple[float, ...] = (0.4, 0.4, 0.2)
    strain: float = 0.01
    breathing: float = 0.02
    tilt_deg: float = 6.0
    buckling_A: float = 0.08

    def __post_init__(self) -> None:
        check_positive(self, "temperatures_K", "weights")
        check_finite(self, "strain", "breathing", "tilt_deg", "buckling_A")
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

    __pydantic_config__ = STRICT

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
        check_positive(self, "frames", "max_atoms", "heights_A", "vacuum_A", "min_image_gap_A")
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
