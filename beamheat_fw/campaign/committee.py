"""The committee: training, exploration, gate, selection and when the rounds end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from beamheat_fw.campaign.stage import Count, Fraction, Positive, Stage
from beamheat_fw.physics.structures import SystemRecipe

#: Model settings by architecture and size; a size stands for these where the campaign does not give them.
SIZES: Mapping[str, Mapping[str, Mapping[str, int]]] = {
    "nequip": {
        "S": {"num_layers": 2, "l_max": 1, "num_features": 16},
        "M": {"num_layers": 3, "l_max": 1, "num_features": 32},
        "L": {"num_layers": 4, "l_max": 2, "num_features": 32},
    },
    "allegro": {
        "S": {"num_layers": 1, "l_max": 1, "num_features": 8},
        "M": {"num_layers": 2, "l_max": 2, "num_features": 16},
        "L": {"num_layers": 2, "l_max": 3, "num_features": 32},
    },
}


class TrainingStage(Stage):
    """The committee and how its members are trained.

    Attributes
    ----------
    members : int
        Members of the committee; they differ in model seed, data seed and split.
    architecture : {'nequip', 'allegro'}
        NequIP passes messages; Allegro is strictly local, which scales to many MPI ranks.
    size : {'S', 'M', 'L'}
        Stands for `num_layers`, `l_max` and `num_features` (`SIZES`); one that is given counts instead.
    r_max_A : float
        The model's cutoff radius.
    num_layers, l_max, num_features : int
        Interaction layers, maximum rotation order and features per irrep; Allegro has four times as many
        scalar features.
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
    pretrained : str, optional
        The id of a committee, of any level of theory, that round 0 refines instead of starting anew; elements
        and architecture must be its own.
    """

    members: Annotated[int, Field(ge=2)] = 4
    architecture: Literal["nequip", "allegro"] = "nequip"
    size: Literal["S", "M", "L"] = "M"
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
    pretrained: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _of_size(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        sizes = SIZES.get(str(given.get("architecture", "nequip")), {})
        return {**sizes.get(str(given.get("size", "M")), {}), **given}


class ExplorationStage(Stage):
    """MD with the committee on systems small enough to be labelled.

    Attributes
    ----------
    systems : tuple of SystemRecipe
        The start systems; each runs once at every temperature.
    temperatures_K : tuple of float
        Langevin temperatures.
    bias_eV : tuple of float
        For each depth of a bias energy, every system runs once more at every temperature, drawn towards
        structures about which the members disagree. Biased frames are candidates for labels, and never part
        of the random sample or of the share of accurate frames.
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
    bias_eV: tuple[Positive, ...] = ()
    steps: Count = 2000
    timestep_fs: Positive = 2.0
    friction_per_ps: Positive = 5.0
    frame_every: Count = 20
    ranks: Count = 2

    @property
    def trajectories(self) -> int:
        """How many unbiased trajectories a round runs."""
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
    diversity : {'farthest', 'covering'}
        How the rest is chosen among the gate's candidates: the farthest from all known frames, or those that
        stand for the most uncertain atoms. Written only where it is not the default, so that campaigns from
        before it keep their identity.
    max_label_atoms : int, optional
        A chosen frame with more atoms is cut down to the surroundings of its worst atom.
    shell_A : float
        Thickness of the outer shell of such a cut-out, which is left out of the loss.
    """

    labels_per_round: Annotated[int, Field(ge=4)] = 40
    random_fraction: Fraction = 0.2
    holdout_fraction: Fraction = 0.1
    diversity: Annotated[
        Literal["farthest", "covering"], Field(exclude_if=lambda chosen: chosen == "farthest")
    ] = "farthest"
    max_label_atoms: Annotated[int, Field(ge=20)] | None = None
    shell_A: Positive = 4.0

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
