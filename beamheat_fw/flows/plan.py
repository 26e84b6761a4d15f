"""What a campaign will do and about what it will cost, before anything is submitted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from beamheat_fw.campaign import Campaign, GpawSettings

#: Core seconds of one GPAW label of 40 atoms: LCAO with a minimal basis, as measured on two ranks of a
#: 2.5 GHz Xeon (docs/measurements.md). The other modes are scaled from it by the readings there.
CORE_S_LCAO_SZ_40_ATOMS = 24.0
MODE_FACTOR = {"sz": 1.0, "dzp": 3.0, "pw": 6.0}
#: Labels grow between quadratically and cubically with size at these sizes.
LABEL_EXPONENT = 2.3
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


def plan(campaign: Campaign, label_atoms: Sequence[int], heated_atoms: int) -> Plan:
    """Estimate a campaign.

    Parameters
    ----------
    campaign : Campaign
    label_atoms : sequence of int
        Atoms of each initial structure.
    heated_atoms : int
        Atoms of the heated system.
    """
    rounds = campaign.convergence.max_rounds
    stages = (
        _labelling(campaign, label_atoms, rounds),
        _training(campaign, label_atoms, rounds),
        _exploration(campaign, rounds, max(label_atoms)),
        _heating(campaign, heated_atoms),
        StagePlan("light", 4 + 5 * rounds, 0, 0.005 * (4 + 5 * rounds)),
    )
    return Plan(rounds, stages)


def _labelling(campaign: Campaign, label_atoms: Sequence[int], rounds: int) -> StagePlan:
    stage = campaign.labelling
    per_round = campaign.selection.labels_per_round
    chunks = math.ceil(len(label_atoms) / stage.chunk_size) + rounds * math.ceil(per_round / stage.chunk_size)
    mean_cost = sum(label_core_seconds(campaign, atoms) for atoms in label_atoms) / len(label_atoms)
    labels = len(label_atoms) + rounds * per_round
    return StagePlan("labels", chunks, labels, labels * mean_cost / 3600.0)


def label_core_seconds(campaign: Campaign, atoms: int) -> float:
    """Estimate the core seconds of one label."""
    reference = campaign.labelling.reference
    if not isinstance(reference, GpawSettings):
        return 0.05
    mode = "pw" if reference.mode == "pw" else "sz" if reference.basis.startswith("sz") else "dzp"
    k_points = math.ceil(math.prod(reference.kpts) / 2)
    return CORE_S_LCAO_SZ_40_ATOMS * MODE_FACTOR[mode] * k_points * (atoms / 40.0) ** LABEL_EXPONENT


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
    trajectories = len(stage.systems) * len(stage.temperatures_K)
    steps = trajectories * stage.steps * atoms * campaign.training.members
    hours = rounds * steps * CORE_S_PER_ATOM_STEP * _model_size(campaign) / 3600.0
    return StagePlan("exploration", rounds, rounds * trajectories, hours)


def _heating(campaign: Campaign, atoms: int) -> StagePlan:
    stage = campaign.heating
    replicas = campaign.training.members * stage.ranks * stage.replicas_per_rank
    steps = (stage.equilibrate_ps + stage.relax_ps) / (stage.timestep_fs * PS_PER_FS)
    hours = replicas * steps * atoms * CORE_S_PER_ATOM_STEP * _model_size(campaign) / 3600.0
    return StagePlan("heating", campaign.training.members, replicas, hours)


def _model_size(campaign: Campaign) -> float:
    """Cost of a model against the one of 16 features and 2 layers whose cost was measured."""
    stage = campaign.training
    return (stage.num_features / 16.0) * (stage.num_layers / 2.0) * (2.0 if stage.l_max > 1 else 1.0)
