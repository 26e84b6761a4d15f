"""The campaign file: one frozen model per stage, checked before anything is submitted.

Units stand in the field names, or are ASE's (eV, Å). Every model refuses unknown keys.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from beamheat_fw.errors import InputError
from beamheat_fw.identity import content_hash, file_sha256
from beamheat_fw.physics.structures import ParticleRecipe, SystemRecipe, TrainingSetRecipe
from beamheat_fw.queue_resources import RESOURCES, is_resource
from beamheat_fw.yaml_files import read_mapping

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[float, Field(gt=0.0)]
Count = Annotated[int, Field(ge=1)]
#: Which workers take a firework.
Category = Literal["dft", "train", "md", "light"]


class Stage(BaseModel):
    """What all stages share: frozen, no unknown keys, no infinities."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class GpawSettings(Stage):
    """What a GPAW label's energy means; its hash is part of the label's identity.

    Attributes
    ----------
    mode : {'lcao', 'pw'}
        The basis: numerical atomic orbitals or plane waves.
    basis : str
        The LCAO basis set, such as ``dzp`` or ``sz(dzp)``.
    cutoff_eV : float
        The plane-wave cutoff; used in ``pw`` mode only.
    h_A : float
        The grid spacing; used in ``lcao`` mode only. No direction of any cell has a coarser one.
    potential : {'grid', 'fourier'}
        Where ``lcao`` mode makes density and potential: on the grid, or by plane waves of the same spacing,
        which costs half as much again and frees forces of most of the grid's noise (see measurements.md).
    xc : str
        The exchange-correlation functional.
    dispersion : {'d3bj', 'd3zero', 'none'}
        Grimme's D3 correction, with Becke-Johnson or zero damping, added to `xc`.
    kpts : tuple of 3 int
        The Monkhorst-Pack grid, Gamma-centred.
    smearing_eV : float
        The width of the Fermi-Dirac occupation.
    energy_convergence_eV : float
        SCF convergence of the energy, per valence electron.
    density_convergence : float
        SCF convergence of the density, in electrons per valence electron.
    maxiter : int
        The SCF iterations allowed before the label counts as unconverged.
    """

    calculator: Literal["gpaw"] = "gpaw"
    mode: Literal["lcao", "pw"] = "lcao"
    basis: str = "dzp"
    cutoff_eV: Positive = 400.0
    h_A: Positive = 0.2
    potential: Literal["grid", "fourier"] = "grid"
    xc: str = "PBE"
    dispersion: Literal["d3bj", "d3zero", "none"] = "d3bj"
    kpts: tuple[Count, Count, Count] = (1, 1, 1)
    smearing_eV: Positive = 0.1
    energy_convergence_eV: Positive = 5e-4
    density_convergence: Positive = 1e-4
    maxiter: Count = 200


class EmtSettings(Stage):
    """ASE's effective medium theory: a reference for development and tests, not for results."""

    calculator: Literal["emt"] = "emt"


ReferenceSettings = Annotated[GpawSettings | EmtSettings, Field(discriminator="calculator")]


#: Settings by name. A name stands for its settings and nothing else: the label's identity holds these.
PRESETS: Mapping[str, GpawSettings] = {
    "smoke-lcao": GpawSettings(
        basis="sz(dzp)", h_A=0.22, dispersion="none", energy_convergence_eV=1e-3, density_convergence=1e-3
    ),
    "standard-lcao": GpawSettings(basis="dzp", h_A=0.2, potential="fourier"),
    "tight-lcao": GpawSettings(
        basis="dzp", h_A=0.16, potential="fourier", energy_convergence_eV=1e-5, density_convergence=1e-5
    ),
    "smoke-pw": GpawSettings(
        mode="pw", cutoff_eV=250, dispersion="none", energy_convergence_eV=1e-3, density_convergence=1e-3
    ),
    "standard-pw": GpawSettings(mode="pw", cutoff_eV=500),
    "tight-pw": GpawSettings(mode="pw", cutoff_eV=700, energy_convergence_eV=1e-5, density_convergence=1e-5),
}


class LabellingStage(Stage):
    """How structures are labelled.

    Attributes
    ----------
    reference : GpawSettings or EmtSettings
        What the labels mean: settings, or the name of a preset such as ``standard-pw``.
    ranks : int
        MPI ranks of one calculation.
    chunk_size : int
        Labels in one firework: one process works them off, so that start-up is paid once.
    max_failed_fraction : float
        The share of failed labels of a round above which the campaign stops.
    max_force_eV_A : float
        A label with a larger force on any atom is refused as unphysical.
    """

    reference: ReferenceSettings
    ranks: Count = 2
    chunk_size: Count = 16
    max_failed_fraction: Fraction = 0.2
    max_force_eV_A: Positive = 100.0

    @field_validator("reference", mode="before")
    @classmethod
    def _named(cls, reference: Any) -> Any:
        if not isinstance(reference, str):
            return reference
        if reference not in PRESETS:
            raise ValueError(f"no preset has this name; there are {', '.join(PRESETS)}")
        return PRESETS[reference]


class TrainingStage(Stage):
    """The committee and how its members are trained.

    Attributes
    ----------
    members : int
        Members of the committee; they differ in model seed, data seed and split.
    r_max_A : float
        The model's cutoff radius.
    num_layers, l_max, num_features : int
        NequIP's interaction layers, maximum rotation order and features per irrep.
    parity : bool
        Whether the features carry both parities.
    max_epochs, batch_size, learning_rate
        The optimiser's settings in every round but the first, if `first_max_epochs` is given.
    first_max_epochs : int, optional
        Epochs of round 0, which has the fewest structures.
    validation_fraction : float
        The share of structures each member holds back for validation, drawn anew for each member.
    energy_weight, force_weight : float
        Coefficients of the per-atom energy and the force term of the loss.
    zbl : bool
        Whether to add the ZBL pair potential at short range.
    warm_start : bool
        Whether a member goes on from the same member of the round before, rather than from random weights.
    """

    members: Annotated[int, Field(ge=2)] = 4
    r_max_A: Positive = 5.0
    num_layers: Count = 3
    l_max: Annotated[int, Field(ge=0, le=4)] = 1
    num_features: Count = 32
    parity: bool = False
    max_epochs: Count = 500
    first_max_epochs: Count | None = None
    batch_size: Count = 5
    learning_rate: Positive = 0.01
    validation_fraction: Annotated[float, Field(gt=0.0, lt=0.9)] = 0.1
    energy_weight: Positive = 1.0
    force_weight: Positive = 1.0
    zbl: bool = True
    warm_start: bool = False


class ExplorationStage(Stage):
    """MD with the committee on systems small enough to be labelled.

    Attributes
    ----------
    systems : tuple of SystemRecipe
        The start systems; each runs once at every temperature.
    temperatures_K : tuple of float
        Langevin temperatures.
    steps : int
        Steps of one trajectory.
    timestep_fs : float
    friction_per_ps : float
        Langevin friction.
    frame_every : int
        Steps between frames that the gate looks at and selection may choose.
    ranks : int
        MPI ranks over which the trajectories are spread.
    """

    systems: tuple[SystemRecipe, ...] = Field(min_length=1)
    temperatures_K: tuple[Positive, ...] = (300.0, 600.0)
    steps: Count = 2000
    timestep_fs: Positive = 2.0
    friction_per_ps: Positive = 5.0
    frame_every: Count = 20
    ranks: Count = 2

    @property
    def trajectories(self) -> int:
        """How many trajectories a round runs."""
        return len(self.systems) * len(self.temperatures_K)

    @property
    def duration_ps(self) -> float:
        """How long each of them is."""
        return self.steps * self.timestep_fs * 1e-3


class GateStage(Stage):
    """Where the gate draws its lines; they derive from the target force error.

    Attributes
    ----------
    target_force_error_eV_A : float
        The error in a force (norm of the vector) that the campaign asks for.
    confidence : float
        The quantile of the calibrated error that is held against the target.
    """

    target_force_error_eV_A: Positive = 0.1
    confidence: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.68


class SelectionStage(Stage):
    """How many new labels a round may cost, and how they are shared out.

    Attributes
    ----------
    labels_per_round : int
        The budget of a round.
    random_fraction : float
        Share drawn at random from the frames, for an unbiased calibration.
    holdout_fraction : float
        Share drawn at random and never trained on: the verdict rests on it.
    """

    labels_per_round: Annotated[int, Field(ge=4)] = 40
    random_fraction: Fraction = 0.2
    holdout_fraction: Fraction = 0.1

    @model_validator(mode="after")
    def _leave_room_for_candidates(self) -> SelectionStage:
        if self.random_fraction + self.holdout_fraction > 0.8:
            raise ValueError("random_fraction + holdout_fraction must leave at least 0.2 for candidates")
        return self


class ConvergenceStage(Stage):
    """When the rounds end.

    Attributes
    ----------
    min_rounds, max_rounds : int
        Rounds of exploration, selection and retraining, the initial training not counted.
    accurate_share : float
        The share of explored frames that must be accurate.
    """

    min_rounds: Count = 2
    max_rounds: Count = 8
    accurate_share: Fraction = 0.95

    @model_validator(mode="after")
    def _ordered(self) -> ConvergenceStage:
        if self.max_rounds < self.min_rounds:
            raise ValueError(f"max_rounds {self.max_rounds} is less than min_rounds {self.min_rounds}")
        return self


class HeatingStage(Stage):
    """Relaxation of a hot (or cold) particle on its support, in NVE, over MPI ranks.

    Attributes
    ----------
    system : SystemRecipe
        The particle on its support.
    particle_K, support_K : float
        Temperatures of the two bodies at the end of equilibration.
    timestep_fs : float
    friction_per_ps : float
        Langevin friction during equilibration.
    equilibrate_ps, relax_ps : float
        Lengths of the Langevin and of the NVE part.
    ranks : int
        MPI ranks; each runs replicas of its own seeds.
    replicas_per_rank : int
        Replicas that one rank advances side by side in one batch.
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
    equilibrate_ps: Positive = 2.0
    relax_ps: Positive = 100.0
    ranks: Count = 2
    replicas_per_rank: Count = 1
    sample_every: Count = 5
    audit_every: Count = 500
    checkpoint_every: Count = 1000
    max_wall_s: Positive | None = None
    contact_definition: Literal["hull", "atoms"] = "hull"

    @model_validator(mode="after")
    def _has_a_difference_to_relax(self) -> HeatingStage:
        if abs(self.particle_K - self.support_K) < 20.0:
            raise ValueError("particle_K and support_K must differ by at least 20 K to relax")
        return self


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


class Campaign(Stage):
    """A whole campaign, from structures to kelvin."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,63}$")]
    description: str = ""
    tags: tuple[str, ...] = ()
    seed: Annotated[int, Field(ge=0)] = 1
    structures: TrainingSetRecipe
    labelling: LabellingStage
    training: TrainingStage
    exploration: ExplorationStage
    gate: GateStage = GateStage()
    selection: SelectionStage = SelectionStage()
    convergence: ConvergenceStage = ConvergenceStage()
    heating: HeatingStage
    eels: EelsStage
    prediction: PredictionStage
    queue: Mapping[Category, dict[str, str | int]] = Field(default_factory=dict)

    @field_validator("queue")
    @classmethod
    def _asks_for_resources(
        cls, queue: Mapping[Category, dict[str, str | int]]
    ) -> Mapping[Category, dict[str, str | int]]:
        for category, asked in queue.items():
            if wrong := next((key for key, value in asked.items() if not is_resource(key, value)), None):
                known = ", ".join(sorted(RESOURCES))
                raise ValueError(f"{category}.{wrong} is no plain resource of the queue; these are: {known}")
        return queue

    @property
    def campaign_id(self) -> str:
        """The content hash of the validated file: the same file is the same campaign."""
        return content_hash(self.model_dump(mode="json"))


def load_campaign(path: Path) -> Campaign:
    """Read and validate a campaign file.

    Parameters
    ----------
    path : Path
        A YAML file; file names in it are relative to its folder.

    Raises
    ------
    InputError
        The file is missing, is not YAML, or does not describe a campaign.
    """
    document = read_mapping(path, "campaign file", "Start from workflows/quickstart.yaml.")
    campaign = parse_campaign(document, source=str(path))
    return campaign.model_copy(update={"eels": _with_content_hash(campaign.eels, path)})


def spectrum_path(campaign_file: Path, eels: EelsStage) -> Path:
    """Return where the spectrum of a campaign file lies on this machine."""
    return (campaign_file.parent / eels.file).resolve()


def _with_content_hash(eels: EelsStage, campaign_file: Path) -> EelsStage:
    spectrum = spectrum_path(campaign_file, eels)
    if not spectrum.is_file():
        raise InputError(
            "The campaign's spectrum is not there",
            "Give eels.file as a path relative to the campaign file.",
            {"campaign": str(campaign_file), "eels.file": eels.file, "looked_for": str(spectrum)},
        )
    found = file_sha256(spectrum)
    if eels.sha256 not in (None, found):
        raise InputError(
            "The campaign's spectrum is not the one it names",
            "Restore the file, or remove eels.sha256 for a new campaign with this one.",
            {"eels.file": str(spectrum), "eels.sha256": eels.sha256, "found": found},
        )
    return eels.model_copy(update={"sha256": found})


def parse_campaign(document: Mapping[str, Any], source: str = "campaign") -> Campaign:
    """Validate a campaign given as plain data.

    Raises
    ------
    InputError
        Names the first wrong field, its value, and for an unknown key the nearest known one.
    """
    try:
        return Campaign.model_validate(document)
    except ValidationError as error:
        raise _readable(error, source) from None


def _readable(error: ValidationError, source: str) -> InputError:
    problem = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in problem["loc"])
    more = len(error.errors()) - 1
    values: dict[str, Any] = {"file": source, "field": where}
    if problem["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        key = str(problem["loc"][-1])
        nearest = difflib.get_close_matches(key, sorted(_known_keys()), n=1, cutoff=0.5)
        fix = f"Did you mean {nearest[0]!r}?" if nearest else "Remove it."
        return InputError("The campaign file has an unknown key", fix, values)
    if problem["type"] != "missing":
        values["value"] = repr(problem.get("input"))[:200]
    fix = f"{problem['msg']}{f' ({more} more problems after this one)' if more else ''}."
    return InputError(
        "The campaign file has a wrong value"
        if problem["type"] != "missing"
        else "The campaign file lacks a field",
        fix,
        values,
    )


def _known_keys() -> set[str]:
    from dataclasses import fields, is_dataclass

    keys: set[str] = set()
    waiting: list[Any] = [Campaign]
    seen: set[Any] = set()
    while waiting:
        kind = waiting.pop()
        if kind in seen:
            continue
        seen.add(kind)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            keys.update(kind.model_fields)
            waiting.extend(field.annotation for field in kind.model_fields.values())
        elif is_dataclass(kind):
            keys.update(field.name for field in fields(kind))
        else:
            waiting.extend(getattr(kind, "__args__", ()))
    return keys
