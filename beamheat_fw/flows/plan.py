"""What a campaign will do and about what it will cost, before anything is submitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from beamheat_fw.campaign import Campaign
from beamheat_fw.flows.label_cost import prior_cost
from beamheat_fw.physics.labels.chunks import share_into_chunks
from beamheat_fw.physics.labels.label_cost import LabelCost

#: Core seconds of one training frame atom and epoch, of a model of 16 features and 2 layers.
CORE_S_PER_ATOM_EPOCH = 1.2e-4
#: Core seconds of one atom and MD step with such a model.
CORE_S_PER_ATOM_STEP = 4e-5
PS_PER_FS = 1e-3


@dataclass(frozen=True)
class StagePlan:
    """What one kind of work amounts to.

    Attributes
    ----------
    stage : str
    fireworks : int
        In the whole campaign, if every round takes place.
    items : int
        Labels, members, trajectories or replicas.
    core_hours : float
        An estimate, good to a factor of three.
    """

    stage: str
    fireworks: int
    items: int
    core_hours: float


@dataclass(frozen=True)
class Plan:
    """The plan of a campaign.

    Attributes
    ----------
    rounds : int
        The most rounds after the initial training.
    stages : tuple of StagePlan
    """

    rounds: int
    stages: tuple[StagePlan, ...]

    @property
    def core_hours(self) -> float:
        """The sum over all stages."""
        return sum(stage.core_hours for stage in self.stages)

    @property
    def fireworks(self) -> int:
        """The sum over all stages."""
        return sum(stage.fireworks for stage in self.stages)


@dataclass(frozen=True)
class Sizes:
    """How large the structures of a campaign are.

    Attributes
    ----------
    label_atoms, label_electrons : sequence of int
        Atoms and valence electrons of each initial structure.
    heated_atoms : int
        Atoms of the heated system.
    """

    label_atoms: Sequence[int]
    label_electrons: Sequence[int]
    heated_atoms: int


def plan(campaign: Campaign, sizes: Sizes, cost: LabelCost | None = None) -> Plan:
    """Estimate a campaign.

    Parameters
    ----------
    campaign : Campaign
    sizes : Sizes
    cost : LabelCost, optional
        Learned from labels that were made; by default what is assumed before.
    """
    rounds = campaign.convergence.max_rounds
    stages = (
        _labelling(campaign, sizes.label_electrons, cost or prior_cost(campaign.labelling.reference)),
        _training(campaign, sizes.label_atoms, rounds),
        _exploration(campaign, rounds, max(sizes.label_atoms)),
        _heating(campaign, sizes.heated_atoms),
        StagePlan("light", 4 + 5 * rounds, 0, 0.005 * (4 + 5 * rounds)),
    )
    return Plan(rounds, stages)


def _labelling(campaign: Campaign, electrons: Sequence[int], cost: LabelCost) -> StagePlan:
    rounds, per_round = campaign.convergence.max_rounds, campaign.selection.labels_per_round
    core_s = [cost.core_seconds(each) for each in electrons]
    # The structures of later rounds are not known yet: they are taken to be like the first.
    mean = sum(core_s) / len(core_s)
    chunks = len(chunks_of(campaign, core_s)) + rounds * len(chunks_of(campaign, [mean] * per_round))
    total = sum(core_s) + rounds * per_round * mean
    return StagePlan("labels", chunks, len(core_s) + rounds * per_round, total / 3600.0)


def chunks_of(campaign: Campaign, core_seconds: Sequence[float]) -> list[list[int]]:
    """Return how labels that take so long are shared out into fireworks."""
    stage = campaign.labelling
    seconds = [each / stage.ranks for each in core_seconds]
    return share_into_chunks(seconds, stage.chunk_wall_s, stage.chunk_size)


def _training(campaign: Campaign, label_atoms: Sequence[int], rounds: int) -> StagePlan:
    stage = campaign.training
    atoms_per_frame = sum(label_atoms) / len(label_atoms)
    size = _model_size(campaign)
    seconds = 0.0
    for number in range(rounds + 1):
        frames = len(label_atoms) + number * campaign.selection.labels_per_round
        epochs = (stage.first_max_epochs or stage.max_epochs) if number == 0 else stage.max_epochs
        seconds += frames * atoms_per_frame * epochs * CORE_S_PER_ATOM_EPOCH * size
    members = stage.members * (rounds + 1)
    return StagePlan("members", members, members, stage.members * seconds / 3600.0)


def _exploration(campaign: Campaign, rounds: int, atoms: int) -> StagePlan:
    stage = campaign.exploration
    trajectories = stage.trajectories * (1 + len(stage.bias_eV))
    steps = trajectories * stage.steps * atoms * campaign.training.members
    hours = rounds * steps * CORE_S_PER_ATOM_STEP * _model_size(campaign) / 3600.0
    return StagePlan("exploration", rounds, rounds * trajectories, hours)


def _heating(campaign: Campaign, atoms: int) -> StagePlan:
    stage = campaign.heating
    replicas = campaign.training.members * stage.replicas
    steps = (stage.anneal_ps + stage.equilibrate_ps + stage.relax_ps) / (stage.timestep_fs * PS_PER_FS)
    hours = replicas * steps * atoms * CORE_S_PER_ATOM_STEP * _model_size(campaign) / 3600.0
    return StagePlan("heating", campaign.training.members, replicas, hours)


def _model_size(campaign: Campaign) -> float:
    """Cost of a model against the one of 16 features and 2 layers whose cost was measured."""
    stage = campaign.training
    return (stage.num_features / 16.0) * (stage.num_layers / 2.0) * (2.0 if stage.l_max > 1 else 1.0)
