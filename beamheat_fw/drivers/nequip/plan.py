"""What one member's training starts from, as it stands in its job folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from beamheat_fw.campaign import TrainingStage
from beamheat_fw.errors import InputError
from beamheat_fw.whole_files import write_whole

DATASET_FILE = "train.extxyz"
PLAN_FILE = "training.json"
WARM_START_FILE = "warm_start.nequip.zip"


@dataclass(frozen=True)
class Seeds:
    """The random numbers by which members of a committee differ."""

    model: int
    data: int
    split: int


@dataclass(frozen=True)
class TrainingPlan:
    """One member's training.

    Attributes
    ----------
    stage : TrainingStage
        The campaign's settings.
    member : int
        Its place in the committee, from 0.
    seed : int
        The committee's seed; members draw theirs from it.
    first_round : bool
        Whether this is the campaign's first training, which has epochs of its own.
    other_level : bool
        Whether the model that it goes on from was trained at another level of theory, with other zeros of
        energy.
    """

    stage: TrainingStage
    member: int
    seed: int
    first_round: bool = False
    other_level: bool = False

    @property
    def epochs(self) -> int:
        """How many times the training set is gone through."""
        if self.first_round and self.stage.first_max_epochs is not None:
            return self.stage.first_max_epochs
        return self.stage.max_epochs

    @property
    def seeds(self) -> Seeds:
        """The member's own seeds; the same plan gives the same ones anywhere."""
        drawn = np.random.SeedSequence([self.seed, self.member]).generate_state(3)
        return Seeds(*(int(number) % 2**31 for number in drawn))

    def save(self, folder: Path) -> None:
        """Write the plan into a job folder."""
        document = {
            "stage": self.stage.model_dump(mode="json"),
            "member": self.member,
            "seed": self.seed,
            "first_round": self.first_round,
            "other_level": self.other_level,
        }
        write_whole(folder / PLAN_FILE, json.dumps(document, indent=1).encode())

    @classmethod
    def load(cls, folder: Path) -> TrainingPlan:
        """Read the plan of a job folder.

        Raises
        ------
        InputError
            There is none, or it is not a plan.
        """
        file = folder / PLAN_FILE
        try:
            document = json.loads(file.read_text())
            stage = TrainingStage.model_validate(document["stage"])
            return cls(
                stage,
                document["member"],
                document["seed"],
                document["first_round"],
                document.get("other_level", False),
            )
        except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
            raise InputError(
                "The training's plan cannot be read",
                "Stage the training again.",
                {"file": str(file), "reason": " ".join(str(error).split())[:200]},
            ) from None
