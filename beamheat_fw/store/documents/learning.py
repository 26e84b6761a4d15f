"""Documents of the active-learning loop: datasets, potentials, committees and rounds."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from beamheat_fw.identity import content_hash
from beamheat_fw.store.documents.base import Analysis, Document


class Dataset(Document):
    """An immutable training set; its id is the hash of members, split and settings.

    Attributes
    ----------
    split : dict of str to tuple of str
        Label ids by part, such as ``train`` and ``holdout``; the parts share none.
    label_ids : tuple of str
        All members, sorted.
    settings_hash, level : str
        The one level of theory of all members.
    elements : tuple of str
    nlabels : int
    """

    collection: ClassVar[str] = "datasets"

    split: dict[str, tuple[str, ...]]
    label_ids: tuple[str, ...] = ()
    settings_hash: str
    level: str
    elements: tuple[str, ...] = ()
    nlabels: int = 0

    def make_id(self) -> str:
        """Return the hash of members, split and settings."""
        parts = {name: sorted(ids) for name, ids in self.split.items()}
        return content_hash({"split": parts, "settings": self.settings_hash})

    @model_validator(mode="after")
    def _disjoint(self) -> Self:
        members = sorted(label for part in self.split.values() for label in part)
        if not members:
            raise ValueError("a dataset needs labels")
        if len(set(members)) != len(members):
            raise ValueError("the parts of the split share labels")
        object.__setattr__(self, "label_ids", tuple(members))
        object.__setattr__(self, "nlabels", len(members))
        return self


class Potential(Document):
    """One trained committee member.

    Attributes
    ----------
    round, member : int
        With the campaign its natural key.
    dataset_id : str
    model_seed, data_seed : int
        Seeds of the weights, and of the validation split and the batches.
    hyperparameters : dict
        What the training program was given.
    metrics : dict
        Errors with units in their names, such as ``val_force_mae_eV_A``.
    artifact_sha256 : str or None
        The packaged model.
    checkpoint_sha256 : str or None
        The training checkpoint, to refine it on more labels.
    elements : tuple of str
        The elements it knows, in the order of its types.
    settings_hash : str or None
        The level of theory it was trained on.
    state : {'running', 'completed', 'failed'}
    """

    collection: ClassVar[str] = "potentials"
    key: ClassVar[tuple[str, ...]] = ("campaign_id", "round", "member")

    campaign_id: str
    round: int
    member: int
    dataset_id: str
    model_seed: int
    data_seed: int
    hyperparameters: dict[str, Any] = Field(default_factory=dict)
    metrics: dict[str, Any] = Field(default_factory=dict)
    artifact_sha256: str | None = None
    checkpoint_sha256: str | None = None
    elements: tuple[str, ...] = ()
    settings_hash: str | None = None
    state: Literal["running", "completed", "failed"] = "completed"
    run_stats: dict[str, Any] = Field(default_factory=dict)
    analysis: Analysis = Analysis()
    dir_name: str | None = None


class Committee(Document):
    """The members of one round, and what their spread is worth.

    Attributes
    ----------
    round : int
        With the campaign its natural key.
    potential_ids : tuple of str
    dataset_id : str
    calibration : dict
        How spread becomes an error in force; empty until new labels are there to calibrate on.
    coverage : dict
        The share of true errors inside the calibrated bound, stated and found.
    metrics : dict
        Errors of the committee's mean, with units in their names.
    elements : tuple of str
    settings_hash : str or None
    """

    collection: ClassVar[str] = "committees"
    key: ClassVar[tuple[str, ...]] = ("campaign_id", "round")

    campaign_id: str
    round: int
    potential_ids: tuple[str, ...] = Field(min_length=1)
    dataset_id: str
    calibration: dict[str, Any] = Field(default_factory=dict)
    coverage: dict[str, Any] = Field(default_factory=dict)
    metrics: dict[str, Any] = Field(default_factory=dict)
    elements: tuple[str, ...] = ()
    settings_hash: str | None = None
    analysis: Analysis = Analysis()


class Round(Document):
    """One active-learning round; written piece by piece under its key (campaign, round).

    Attributes
    ----------
    round : int
        0 is the initial training; from 1 on the committee explores first.
    state : {'proposed', 'labelled', 'trained', 'judged', 'failed'}
    label_ids : tuple of str
        The labels the round asks for, in the order they were chosen.
    md_run_ids : tuple of str
        Where its structures come from.
    counts : dict of str to int
        Frames ``accurate``, ``candidate`` and ``failed``.
    thresholds : dict
        Where the gate drew its lines, units in the names.
    calibration, coverage : dict
        Of the committee that explored, on this round's labels, before training on them.
    dataset_id, committee_id : str or None
        What was trained at the round's end.
    verdict : str or None
        Whether the committee that explored has converged.
    verdict_details : dict
        The figures behind the verdict.
    """

    collection: ClassVar[str] = "rounds"
    key: ClassVar[tuple[str, ...]] = ("campaign_id", "round")

    campaign_id: str
    round: int
    state: Literal["proposed", "labelled", "trained", "judged", "failed"] = "proposed"
    label_ids: tuple[str, ...] = ()
    md_run_ids: tuple[str, ...] = ()
    counts: dict[str, int] = Field(default_factory=dict)
    thresholds: dict[str, Any] = Field(default_factory=dict)
    calibration: dict[str, Any] = Field(default_factory=dict)
    coverage: dict[str, Any] = Field(default_factory=dict)
    dataset_id: str | None = None
    committee_id: str | None = None
    verdict: str | None = None
    verdict_details: dict[str, Any] = Field(default_factory=dict)
    analysis: Analysis = Analysis()
