"""Documents from the heated particle to its temperature: md_runs, conductances, spectra, predictions."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from beamheat_fw.identity import content_hash
from beamheat_fw.store.documents.base import Analysis, Document, MaterialDocument, Part


class Segment(Part):
    """A stretch of an MD run done by one launch.

    Attributes
    ----------
    start_step, end_step : int
    wall_s : float
    launch_id : int or None
    host : str
    """

    start_step: int
    end_step: int
    wall_s: float
    launch_id: int | None = None
    host: str = ""


class Checkpoint(Part):
    """A state from which an MD run goes on on any machine.

    Attributes
    ----------
    step : int
        Steps done, added up over the ranks or replicas that count for themselves.
    sha256 : str
        The artifact that holds it.
    made_from : str
        The hash of the run's inputs: it serves no other run.
    """

    step: int
    sha256: str
    made_from: str = ""


class MDRun(MaterialDocument):
    """One MD run.

    Attributes
    ----------
    run_key : str
        What the run is within its campaign, such as ``heat-seed3``; with it its natural key.
    kind : {'exploration', 'heating', 'injection'}
    state : {'running', 'completed', 'failed', 'stopped'}
    engine : str
        The MD engine.
    ranks : int
        MPI ranks.
    system, protocol : dict
        What was simulated and how; units in the names.
    committee_id : str or None
        Whose forces.
    segments : tuple of Segment
    checkpoints : tuple of Checkpoint
        The last two of a run under way; the newest is the one with the largest step.
    energy_ledger : dict
        Work done on the system against the change of its energy, eV.
    audit : dict
        What the gate said of the run's frames.
    temperatures : dict
        Short series: ``time_ps``, ``particle_K``, ``support_K``.
    series_sha256, frames_sha256 : str or None
        Long series and frames as artifacts.
    """

    collection: ClassVar[str] = "md_runs"
    key: ClassVar[tuple[str, ...]] = ("campaign_id", "run_key")

    campaign_id: str
    run_key: str
    kind: Literal["exploration", "heating", "injection"]
    state: Literal["running", "completed", "failed", "stopped"] = "running"
    engine: str = "native"
    ranks: int = 1
    system: dict[str, Any] = Field(default_factory=dict)
    protocol: dict[str, Any] = Field(default_factory=dict)
    committee_id: str | None = None
    segments: tuple[Segment, ...] = ()
    checkpoints: tuple[Checkpoint, ...] = ()
    energy_ledger: dict[str, Any] = Field(default_factory=dict)
    audit: dict[str, Any] = Field(default_factory=dict)
    temperatures: dict[str, Any] = Field(default_factory=dict)
    series_sha256: str | None = None
    frames_sha256: str | None = None
    run_stats: dict[str, Any] = Field(default_factory=dict)
    analysis: Analysis = Analysis()
    dir_name: str | None = None


class Conductance(MaterialDocument):
    """An interface thermal conductance with its 68 % interval.

    Attributes
    ----------
    result_key : str
        What was measured within its campaign; with it its natural key.
    conductance_MW_m2K : float
    conductance_low_MW_m2K : float
        Lower end of the 68 % interval.
    conductance_high_MW_m2K : float or None
        Upper end; None where the runs set no upper bound.
    compatible_with_zero : bool
        Whether no heat flow at all would explain the runs too.
    method : str
        How it was found, such as ``relaxation``.
    area_definition : str
        What the area is.
    area_nm2 : float
    temperature_K : float or None
        Mean temperature of the two bodies.
    breakdown : dict
        Error by cause, MW m^-2 K^-1.
    fit : dict
        The fitted quantities, units in the names.
    md_run_ids : tuple of str
    """

    collection: ClassVar[str] = "conductances"
    key: ClassVar[tuple[str, ...]] = ("campaign_id", "result_key")

    campaign_id: str
    result_key: str
    conductance_MW_m2K: float
    conductance_low_MW_m2K: float
    conductance_high_MW_m2K: float | None
    compatible_with_zero: bool
    method: str
    area_definition: str
    area_nm2: float = Field(gt=0.0)
    temperature_K: float | None = None
    breakdown: dict[str, Any] = Field(default_factory=dict)
    fit: dict[str, Any] = Field(default_factory=dict)
    md_run_ids: tuple[str, ...] = ()
    analysis: Analysis = Analysis()

    @property
    def heat_balances(self) -> bool:
        """Whether the heat that one body lost is what the other gained, for every potential."""
        return all(balance["is_closed"] for balance in self.fit.get("heat_balance", ()))


class Spectrum(Document):
    """One EELS measurement and what follows from it; its id is the hash of file and settings.

    Attributes
    ----------
    file_name : str
    file_sha256 : str
        The file's hash; the file itself is the artifact of that hash.
    settings : dict
        How it was analysed.
    beam_energy_keV : float
    t_over_lambda, t_over_lambda_error : float
        Thickness in mean free paths; at the thickest position of a line scan.
    mean_free_path_nm, mean_free_path_error_nm : float or None
        None when no thickness is known.
    mean_loss_eV, mean_loss_error_eV : float
        Mean energy lost in one inelastic event.
    windows : dict
        Energy windows, eV, and the values at every position of a spectrum or line scan.
    positions_sha256 : str or None
        The values at every position of a map, as an artifact: see `store.positions`.
    """

    collection: ClassVar[str] = "spectra"

    file_name: str
    file_sha256: str
    settings: dict[str, Any] = Field(default_factory=dict)
    beam_energy_keV: float = Field(gt=0.0)
    t_over_lambda: float
    t_over_lambda_error: float
    mean_free_path_nm: float | None = None
    mean_free_path_error_nm: float | None = None
    mean_loss_eV: float
    mean_loss_error_eV: float
    windows: dict[str, Any] = Field(default_factory=dict)
    positions_sha256: str | None = None
    analysis: Analysis = Analysis()

    def make_id(self) -> str:
        """Return the hash of the file and of how it was analysed."""
        return content_hash({"file": self.file_sha256, "settings": self.settings})


class Prediction(MaterialDocument):
    """A temperature rise, with its 68 % interval and its causes.

    Attributes
    ----------
    result_key : str
        What was predicted within its campaign; with it its natural key.
    delta_T_K, delta_T_error_K : float
        For the quoted beam; the error is the standard error, None where it is unbounded.
    delta_T_low_K, delta_T_high_K : float or None
        The 68 % interval; None where there is no upper bound.
    dose_rate_e_A2_s, beam_energy_keV : float
        The quoted beam.
    power_nW, power_error_nW : float
        Heat deposited in the particle.
    breakdown : dict
        Error in K by cause.
    table : tuple of dict
        The rise for every dose rate and beam energy.
    conductance_id, spectrum_id : str or None
    converged : bool
        Whether the committee behind the conductance had passed its gate.
    """

    collection: ClassVar[str] = "predictions"
    key: ClassVar[tuple[str, ...]] = ("campaign_id", "result_key")

    campaign_id: str
    result_key: str
    delta_T_K: float
    delta_T_error_K: float | None
    delta_T_low_K: float
    delta_T_high_K: float | None
    dose_rate_e_A2_s: float
    beam_energy_keV: float
    power_nW: float
    power_error_nW: float
    breakdown: dict[str, Any] = Field(default_factory=dict)
    table: tuple[dict[str, Any], ...] = ()
    conductance_id: str | None = None
    spectrum_id: str | None = None
    converged: bool = False
    analysis: Analysis = Analysis()
