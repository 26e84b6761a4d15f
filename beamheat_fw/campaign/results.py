"""Results: heating, measured energy deposition and the predicted temperature rise."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from beamheat_fw.campaign.stage import Count, Positive, Stage
from beamheat_fw.physics.structures import ParticleRecipe, SystemRecipe

#: Words of a LAMMPS command; no quotes, variables or line ends that could begin another one.
ScriptLine = Annotated[str, Field(pattern=r"^[\w./*+ {}-]+$")]

#: Pair styles that a campaign may ask for: they read tables or models and run no code of their own.
PairKind = Literal["eam", "eam/alloy", "eam/fs", "mliap", "allegro"]


class LammpsStage(Stage):
    """What LAMMPS calculates forces with; its ``lmp`` is named by the worker.

    ``{potential}`` stands for a file made from the driving member, ``{species}`` for all elements in the
    order of their types, ``{Au}`` for an element's type. Tables are found where LAMMPS looks for them, by its
    environment variable LAMMPS_POTENTIALS.

    Attributes
    ----------
    pair_style : str
        Such as ``mliap unified {potential} 0`` or ``eam``.
    pair_coeff : tuple of str
        Such as ``* * {species}``.
    """

    pair_style: ScriptLine
    pair_coeff: tuple[ScriptLine, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _is_a_known_style(self) -> LammpsStage:
        if self.pair_style.split()[0] not in get_args(PairKind):
            raise ValueError(f"pair_style must begin with one of {', '.join(get_args(PairKind))}")
        return self


class HeatingStage(Stage):
    """A particle on its support between two temperatures, over MPI ranks: relaxing, or steadily heated.

    Attributes
    ----------
    system : SystemRecipe
        The particle on its support.
    particle_K, support_K : float
        Temperatures of the two bodies at the end of equilibration.
    timestep_fs : float
    friction_per_ps : float
        Langevin friction during annealing and equilibration.
    anneal_K : float, optional
        Temperature of both bodies in an annealing before equilibration.
    anneal_ps : float
        Its length; zero for none. Written only where one is asked for, so that campaigns from before it keep
        their identity.
    equilibrate_ps, relax_ps : float
        Lengths of equilibration and of relaxation or injection.
    method : {'relaxation', 'injection'}
        Whether the particle is let alone after equilibration, or heated at constant power while a bath holds
        what of the support is farthest from it.
    powers_nW : tuple of float
        Three powers or more for an injection; the replicas take them in turn.
    engine : {'replicas', 'decomposed', 'lammps'}
        Whether each rank moves replicas of its own, or all ranks share the atoms of one system, here or in
        LAMMPS.
    lammps : LammpsStage, optional
        For the engine of that name.
    ranks : int
        MPI ranks.
    replicas_per_rank : int
        Replicas of their own seeds, which a rank advances side by side in one batch; where all ranks share
        a system, which follow each other.
    sample_every, audit_every, checkpoint_every : int
        Steps between samples of the temperatures, committee audits and checkpoints.
    max_wall_s : float, optional
        Wall time after which a member's run ends with what it has.
    contact_definition : {'hull', 'atoms'}
        What the contact area is: the hull of the bottom layer, or atoms near the support.
    """

    system: SystemRecipe
    particle_K: Positive = 600.0
    support_K: Positive = 300.0
    timestep_fs: Positive = 2.0
    friction_per_ps: Positive = 5.0
    anneal_K: Annotated[Positive | None, Field(exclude_if=lambda kelvin: kelvin is None)] = None
    anneal_ps: Annotated[float, Field(ge=0.0, exclude_if=lambda length: length == 0.0)] = 0.0
    equilibrate_ps: Positive = 2.0
    relax_ps: Positive = 100.0
    method: Literal["relaxation", "injection"] = "relaxation"
    powers_nW: tuple[Positive, ...] = ()
    engine: Literal["replicas", "decomposed", "lammps"] = "replicas"
    lammps: LammpsStage | None = None
    ranks: Count = 2
    replicas_per_rank: Count = 1
    sample_every: Count = 5
    audit_every: Count = 500
    checkpoint_every: Count = 1000
    max_wall_s: Positive | None = None
    contact_definition: Literal["hull", "atoms"] = "hull"

    @model_validator(mode="after")
    def _has_a_difference_to_relax(self) -> HeatingStage:
        if self.method == "relaxation" and abs(self.particle_K - self.support_K) < 20.0:
            raise ValueError("particle_K and support_K must differ by at least 20 K to relax")
        return self

    @model_validator(mode="after")
    def _anneals_to_some_use(self) -> HeatingStage:
        if (self.anneal_K is not None) != (self.anneal_ps > 0.0):
            raise ValueError("anneal_K and an anneal_ps above 0 need each other; give both or neither")
        if self.anneal_K is not None and self.anneal_K < min(self.particle_K, self.support_K):
            raise ValueError(
                f"anneal_K ({self.anneal_K:g}) is below both particle_K and support_K; give one above "
                "what the interface is to bear, or no annealing"
            )
        return self

    @model_validator(mode="after")
    def _has_powers_to_inject(self) -> HeatingStage:
        if self.method == "relaxation" and self.powers_nW:
            raise ValueError("powers_nW belong to method: injection")
        if self.method == "injection" and len(set(self.powers_nW)) < 3:
            raise ValueError("injection needs three different powers_nW at least, to extrapolate to none")
        if self.powers_nW and self.replicas % len(self.powers_nW):
            raise ValueError(
                f"{self.replicas} replicas cannot take {len(self.powers_nW)} powers in equal shares; "
                "ask for a multiple by ranks and replicas_per_rank"
            )
        return self

    @model_validator(mode="after")
    def _has_a_pair_style(self) -> HeatingStage:
        if (self.lammps is not None) != (self.engine == "lammps"):
            raise ValueError(
                "engine: lammps and the part lammps, with pair_style and pair_coeff, need each other"
            )
        return self

    @property
    def replicas(self) -> int:
        """How many replicas one member drives."""
        return self.replicas_per_rank * (self.ranks if self.engine == "replicas" else 1)


class EelsStage(Stage):
    """The measured energy deposition.

    Attributes
    ----------
    file : str
        A low-loss spectrum HyperSpy reads; relative to the campaign file.
    sha256 : str, optional
        Its content hash. Filled in when the campaign file is read; a file that does not match it is refused.
    beam_energy_keV : float
        The energy it was measured at.
    support_positions : tuple of int
        Navigation positions that show the support alone; their mean is subtracted.
    thickness_nm, thickness_error_nm : float, optional
        The particle's thickness at its thickest place, and its standard error; else half of its apparent
        width along the scan is taken.
    """

    file: str
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    beam_energy_keV: Positive
    support_positions: tuple[int, ...] = ()
    thickness_nm: Positive | None = None
    thickness_error_nm: Annotated[float, Field(ge=0.0)] = 0.0


class PredictionStage(Stage):
    """For which particle and which beams the temperature rise is predicted.

    Attributes
    ----------
    particle : ParticleRecipe
        The particle in the microscope, its contact facet down; the beam runs along `beam_axis`.
    beam_axis : {'x', 'y', 'z'}
        z is the support's normal; y looks edge-on, as in the paper.
    dose_rates_e_A2_s : tuple of float
        Electrons per Å² and second; the last is the one quoted.
    beam_energies_keV : tuple of float
        The first is the one quoted.
    """

    particle: ParticleRecipe
    beam_axis: Literal["x", "y", "z"] = "y"
    dose_rates_e_A2_s: tuple[Positive, ...] = Field(default=(1e4, 1e5, 1e6, 1e7), min_length=1)
    beam_energies_keV: tuple[Positive, ...] = Field(default=(80.0, 300.0), min_length=1)
