"""The document of a label: one structure calculated with one set of settings."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from beamheat_fw.identity import label_id
from beamheat_fw.store.documents.base import Analysis, MaterialDocument, Part, Vector

Role = Literal["initial", "candidate", "random", "holdout", "imported"]
LabelState = Literal["planned", "running", "completed", "failed"]


class LabelRequest(Part):
    """Who asked for a label.

    Attributes
    ----------
    campaign_id : str or None
        None for labels imported from a file.
    round : int
        The active-learning round; 0 is the initial training.
    role : {'initial', 'candidate', 'random', 'holdout', 'imported'}
        Why the structure was chosen; ``holdout`` is never trained on.
    source : str
        Where the structure comes from: a recipe, an md_run's id and frame, a file.
    """

    campaign_id: str | None = None
    round: int = 0
    role: Role = "initial"
    source: str = ""


class Lease(Part):
    """Who computes a label, and until when nobody else does."""

    owner: str
    expires_at: datetime


class MadeBy(Part):
    """Which launch calculated a label, with which codes, on which host.

    Attributes
    ----------
    launch_id : int or None
    host : str
    versions : dict of str to str
        Empty for labels of a release that did not record them.
    """

    launch_id: int | None = None
    host: str = ""
    versions: dict[str, str] = Field(default_factory=dict)


class LabelResult(Part):
    """What a calculator found for one structure.

    Attributes
    ----------
    energy_eV : float
        Total energy of the structure.
    forces_eV_A : (natoms, 3) tuple
        Forces in the order of the label's structure.
    stress_eV_A3 : (6,) tuple or None
        Voigt order xx, yy, zz, yz, xz, xy, as ASE has it.
    run_stats : dict
        Wall time, ranks, iterations.
    analysis : Analysis
        Attempts, corrections, warnings.
    dir_name : str or None
        Host and folder the calculation ran in.
    made_by : MadeBy or None
        Launch, host and code versions; None for imported labels.
    """

    energy_eV: float
    forces_eV_A: tuple[Vector, ...]
    stress_eV_A3: tuple[float, float, float, float, float, float] | None = None
    run_stats: dict[str, Any] = Field(default_factory=dict)
    analysis: Analysis = Analysis()
    dir_name: str | None = None
    made_by: MadeBy | None = None


class Label(MaterialDocument):
    """One reference calculation, planned, running, completed or failed.

    Attributes
    ----------
    structure : dict
        A pymatgen Structure; the site property ``body`` is 0 for the support and 1 for the particle.
    structure_hash, settings_hash : str
        Together they are the label's identity.
    settings : dict
        What the energy means.
    level : str
        The level of theory in short; levels are never mixed in a dataset.
    state : {'planned', 'running', 'completed', 'failed'}
    origin : LabelRequest
        The first request.
    requests : tuple of LabelRequest
        All requests; those that differ from `origin` reused the label.
    lease : Lease or None
        Set while it is running.
    attempts : int
        How many times it was claimed.
    retries : int
        How many times it was planned anew after it had failed.
    failures : tuple of str
        How each calculation failed that was planned anew, by `failure_kind`.
    reason : dict or None
        Why it failed: ``kind``, ``what``, ``fix``, ``values`` of the error.
    energy_eV, forces_eV_A, stress_eV_A3, run_stats, analysis, dir_name, made_by
        See `LabelResult`.
    """

    collection: ClassVar[str] = "labels"

    structure: dict[str, Any]
    structure_hash: str
    settings_hash: str
    settings: dict[str, Any]
    level: str
    state: LabelState = "planned"
    origin: LabelRequest
    requests: tuple[LabelRequest, ...] = ()
    lease: Lease | None = None
    attempts: int = 0
    retries: int = 0
    failures: tuple[str, ...] = ()
    reason: dict[str, Any] | None = None
    energy_eV: float | None = None
    forces_eV_A: tuple[Vector, ...] | None = None
    stress_eV_A3: tuple[float, float, float, float, float, float] | None = None
    run_stats: dict[str, Any] = Field(default_factory=dict)
    analysis: Analysis = Analysis()
    dir_name: str | None = None
    made_by: MadeBy | None = None

    def make_id(self) -> str:
        """Return the id that structure and settings stand for."""
        return label_id(self.structure_hash, self.settings_hash)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.state == "completed" and (self.energy_eV is None or self.forces_eV_A is None):
            raise ValueError("a completed label needs an energy and forces")
        if self.forces_eV_A is not None and len(self.forces_eV_A) != self.nsites:
            raise ValueError(f"{len(self.forces_eV_A)} forces for {self.nsites} atoms")
        return self
