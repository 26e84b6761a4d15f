"""A whole campaign."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, field_validator

from beamheat_fw.campaign.committee import (
    ConvergenceStage,
    ExplorationStage,
    GateStage,
    SelectionStage,
    TrainingStage,
)
from beamheat_fw.campaign.labelling import LabellingStage
from beamheat_fw.campaign.results import EelsStage, HeatingStage, PredictionStage
from beamheat_fw.campaign.stage import Stage
from beamheat_fw.identity import content_hash
from beamheat_fw.physics.structures import TrainingSetRecipe
from beamheat_fw.queue_resources import RESOURCES, is_resource

#: Which workers take a firework.
Category = Literal["dft", "train", "md", "light"]


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
