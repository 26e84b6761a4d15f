"""A small campaign with documents of every kind, made by the code that makes real ones."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
from ase import Atoms

from beamheat_fw.campaign import Campaign, load_campaign
from beamheat_fw.firetasks.judgement import Judgement
from beamheat_fw.firetasks.prediction import energy_loss, heat_flow
from beamheat_fw.firetasks.spectrum import spectrum_document
from beamheat_fw.physics.committee.calibration import Calibration, calibrate
from beamheat_fw.physics.committee.convergence import RoundNumbers, Targets, judge_convergence
from beamheat_fw.physics.committee.force_errors import ForceErrors, error_quantiles
from beamheat_fw.physics.committee.gate import Thresholds
from beamheat_fw.physics.eels.analysis import EelsSettings, analyse
from beamheat_fw.physics.eels.spectra import LowLossSpectra
from beamheat_fw.physics.eels.thickest import thickest_spectrum
from beamheat_fw.physics.eels.thickness import Thickness
from beamheat_fw.physics.interface.conductance import Contact, HeatedSystem, relaxation_conductance
from beamheat_fw.physics.interface.relaxation import TwoBodies
from beamheat_fw.physics.interface.series import TemperatureSeries
from beamheat_fw.physics.interface.two_body_draws import Experiment, draw
from beamheat_fw.physics.rise.measured import Measured
from beamheat_fw.physics.rise.predicting import predict
from beamheat_fw.physics.rise.sweep import sweep
from beamheat_fw.report.page import render
from beamheat_fw.store.campaigns import save_campaign
from beamheat_fw.store.database import Store
from beamheat_fw.store.datasets import create_dataset
from beamheat_fw.store.documents import (
    Committee,
    Conductance,
    LabelRequest,
    LabelResult,
    MDRun,
    Potential,
    Prediction,
)
from beamheat_fw.store.documents.base import Analysis
from beamheat_fw.store.documents.records import Reference
from beamheat_fw.store.labels import Level, complete, fail, plan_labels
from beamheat_fw.store.provenance import Maker, Source, record_sources, save_with_sources
from beamheat_fw.store.rounds import upsert_round
from beamheat_fw.store.schema.versions import ensure_schema

if TYPE_CHECKING:
    from pymongo import MongoClient

WORKFLOWS = Path(__file__).parents[2] / "workflows"
MEMBERS, SEEDS, LABELS_A_ROUND, ROUNDS = 3, 3, 6, 2
FAILURE = {"kind": "CalculationError", "what": "The SCF did not converge", "fix": "Mix less.", "values": {}}
BREAKDOWN = ("budget", "bounds_K", "parts_K", "cooling_time_ps", "events_per_tau", "kick_K")
MAKER = Maker(7, 9, {"gpaw": "26.7.0", "nequip": "0.19.0"}, "node042")


class FilledCampaign:
    """Fills a database with one campaign, as far as a test wants it.

    Attributes
    ----------
    store : Store
    campaign : Campaign
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.campaign: Campaign = load_campaign(WORKFLOWS / "quickstart.yaml")
        self.id = self.campaign.campaign_id
        save_campaign(store, self.campaign)
        self.newest_dataset = ""

    def save(self, document, *sources: Source) -> str:
        """Save a document with its sources."""
        return save_with_sources(self.store, document, sources, MAKER)

    def label(self, round_number: int) -> list[str]:
        """Plan the labels of a round, complete all but one, which fails."""
        random = np.random.default_rng(round_number)
        structures = [_cluster(random) for _ in range(LABELS_A_ROUND)]
        roles = (
            ["initial"] * LABELS_A_ROUND if round_number == 0 else ["candidate"] * 4 + ["random", "holdout"]
        )
        requests = [LabelRequest(campaign_id=self.id, round=round_number, role=role) for role in roles]
        ids = plan_labels(
            self.store, structures, requests, Level("gpaw-PBE-lcao-d3bj", {"xc": "PBE"})
        ).label_ids
        for label_id in ids[:-1]:
            forces = tuple(tuple(row) for row in random.normal(size=(4, 3)))
            complete(
                self.store,
                label_id,
                LabelResult(energy_eV=-8.0, forces_eV_A=forces, run_stats={"wall_s": 7.5}),
            )
        fail(self.store, ids[-1], FAILURE)
        upsert_round(self.store, self.id, round_number, label_ids=ids, state="labelled")
        return list(ids)

    def train(self, round_number: int, label_ids: list[str]) -> str:
        """Save a dataset, its potentials and their committee; return the committee's id."""
        dataset_id = create_dataset(self.store, {"train": label_ids[:-1]}, campaign_id=self.id)
        self.newest_dataset = dataset_id
        rounds = [Source("rounds", upsert_round(self.store, self.id, round_number), "selection")]
        record_sources(self.store, Reference(collection="datasets", id=dataset_id), rounds, MAKER)
        ids = [self._member(round_number, member, dataset_id) for member in range(MEMBERS)]
        judgement = _judgement(80 + round_number, earlier=None)
        committee = Committee(
            metrics=judgement.metrics,
            calibration=judgement.calibration.to_dict(),
            coverage=judgement.coverage,
            campaign_id=self.id,
            round=round_number,
            potential_ids=tuple(ids),
            dataset_id=dataset_id,
        )
        committee_id = self.save(committee, *(Source("potentials", each, "member") for each in ids))
        upsert_round(self.store, self.id, round_number, dataset_id=dataset_id, committee_id=committee_id)
        return committee_id

    def _member(self, round_number: int, member: int, dataset_id: str) -> str:
        potential = Potential(
            campaign_id=self.id, round=round_number, member=member, dataset_id=dataset_id,
            model_seed=1, data_seed=2,
            metrics={
                "force_mae_eV_A": 0.12 / (round_number + 1),
                "force_rmse_eV_A": (0.16 + 0.01 * member) / (round_number + 1),
                "energy_mae_eV_atom": 0.004,
            },
        )  # fmt: skip
        return self.save(potential, Source("datasets", dataset_id, "training-set"))

    def judge(self, round_number: int, verdict: str) -> None:
        """Let a round explore and be judged, its calibration fitted and examined by the real code."""
        earlier = calibrate(_force_errors(round_number))
        judgement = _judgement(round_number + 50, earlier)
        targets = Targets(accurate_share=0.9, force_error_eV_A=0.3)
        numbers = RoundNumbers(round_number, 60 * round_number, 156, error_quantiles(judgement.errors, 0.68))
        counts = {"accurate": 60 * round_number, "candidate": 90 - 30 * round_number, "failed": 6}
        run = MDRun(
            campaign_id=self.id, run_key=f"explore-r{round_number}", kind="exploration", state="completed"
        )
        run_id = self.save(run)
        upsert_round(
            self.store, self.id, round_number, counts=counts, verdict=verdict, md_run_ids=(run_id,),
            state="judged", thresholds=Thresholds(0.3).to_dict(),
            calibration=judgement.calibration.to_dict(), coverage=judgement.coverage,
            verdict_details=judge_convergence([numbers], targets).to_dict(),
        )  # fmt: skip

    def learn(self, verdict: str) -> None:
        """Go through all rounds; the last one ends in `verdict`."""
        seen: list[str] = []
        for round_number in range(ROUNDS + 1):
            if round_number:
                self.judge(round_number, verdict if round_number == ROUNDS else "not converged")
            ids = self.label(round_number)
            seen += ids[:-1]
            self.committee_id = self.train(round_number, seen)

    def heat(self, tau_ps: float = 18.0) -> Conductance:
        """Relax hot particles, drawn with their thermal noise, and find G from them."""
        bodies = TwoBodies(341 * 2.6e-4, 1500 * 2.6e-4, 341, 1500)
        experiment = Experiment(bodies, tau_ps=tau_ps, T_particle_K=600.0, duration_ps=36.0, interval_ps=0.1)
        runs, run_ids = [], []
        for member in range(MEMBERS):
            drawn = [
                replace(series, member=f"potential-{member}", seed=seed)
                for seed, series in enumerate(draw(experiment, member, SEEDS))
            ]
            runs += drawn
            run_ids.append(
                self.save(
                    self._heating_run(member, drawn[0]), Source("committees", self.committee_id, "audit")
                )
            )
        result = relaxation_conductance(runs, HeatedSystem(341, 1500, Contact(8.0, "hull")))
        return self._save_conductance(result, run_ids)

    def _heating_run(self, member: int, series: TemperatureSeries) -> MDRun:
        return MDRun(
            campaign_id=self.id, run_key=f"heat-m{member}", kind="heating", state="completed", ranks=2,
            temperatures={
                "time_ps": series.time_ps[::2].tolist(),
                "particle_K": series.T_particle_K[::2].tolist(),
                "support_K": series.T_support_K[::2].tolist(),
            },
        )  # fmt: skip

    def _save_conductance(self, result, run_ids: list[str]) -> Conductance:
        fit = result.to_dict()
        g = fit["conductance_MW_m2K"]
        conductance = Conductance(
            campaign_id=self.id, result_key="relaxation", method="relaxation",
            conductance_MW_m2K=g["value"],
            conductance_low_MW_m2K=g["interval"][0], conductance_high_MW_m2K=g["interval"][1],
            compatible_with_zero=result.compatible_with_zero,
            area_definition=result.contact.definition, area_nm2=result.contact.area_nm2,
            temperature_K=result.T_interface_K,
            breakdown={
                "statistical": fit["statistical_MW_m2K"]["error"],
                "potential": fit["potential_error_MW_m2K"],
                "heat_capacity": result.heat_capacity_error_MW_m2K,
            },
            fit=fit, md_run_ids=tuple(run_ids), analysis=Analysis(warnings=result.warnings),
        )  # fmt: skip
        self.save(conductance, *(Source("md_runs", run_id, "relaxation") for run_id in run_ids))
        return conductance

    def measure(self):
        """Analyse a simulated line scan."""
        settings = EelsSettings(support_positions=(0, 1, 2, 3, 20, 21, 22, 23))
        scan = _line_scan()
        result = analyse(scan, settings, Thickness(thickest_nm=Measured(12.0, 0.6)))
        stage = self.campaign.eels.model_copy(update={"sha256": "ab" * 32})
        spectrum = spectrum_document(
            stage, {**result.to_dict(), "spectrum": thickest_spectrum(scan, result)}
        ).model_copy(update={"campaign_id": self.id})
        self.save(spectrum, Source("campaigns", self.id, "campaign"))
        return spectrum

    def predict(self, conductance: Conductance, spectrum, *, converged: bool) -> Prediction:
        """Predict the temperature rise."""
        stage, loss = self.campaign.prediction, energy_loss(spectrum)
        flow = heat_flow(stage, conductance)
        rise = predict(flow, loss).to_dict()
        table = sweep(flow, lambda energy: loss.at_energy(flow.particle.material, 80.0, energy),
                      stage.beam_energies_keV, stage.dose_rates_e_A2_s).rows()  # fmt: skip
        prediction = Prediction(
            campaign_id=self.id, result_key="rise", converged=converged,
            delta_T_K=rise["delta_T_K"]["value"],
            delta_T_error_K=rise["delta_T_K"]["error"],
            delta_T_low_K=rise["delta_T_K"]["lower"], delta_T_high_K=rise["delta_T_K"]["upper"],
            dose_rate_e_A2_s=stage.dose_rates_e_A2_s[-1], beam_energy_keV=stage.beam_energies_keV[0],
            power_nW=rise["power_nW"]["value"], power_error_nW=rise["power_nW"]["error"],
            breakdown={name: rise[name] for name in BREAKDOWN},
            table=tuple(table), conductance_id=conductance.id, spectrum_id=spectrum.id,
            analysis=Analysis(warnings=tuple(rise["warnings"])), formula_pretty="Au", nsites=190521,
        )  # fmt: skip
        self.save(
            prediction,
            Source("conductances", conductance.id, "interface"),
            Source("spectra", spectrum.id, "energy-loss"),
        )
        return prediction

    def finish(self, verdict: str = "converged") -> Prediction:
        """Do everything."""
        self.learn(verdict)
        return self.predict(self.heat(), self.measure(), converged=verdict == "converged")


class Finished(NamedTuple):
    """A finished campaign that did not converge, and its page."""

    campaign: FilledCampaign
    prediction: Prediction
    page: str


@pytest.fixture(scope="session")
def finished(mongo_client: MongoClient) -> Iterator[Finished]:
    """A finished campaign in a database of its own."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    store = Store(mongo_client[name])
    ensure_schema(store)
    campaign = FilledCampaign(store)
    prediction = campaign.finish("not converged")
    yield Finished(campaign, prediction, render(store, campaign.id))
    mongo_client.drop_database(name)


@pytest.fixture
def filled(store: Store) -> FilledCampaign:
    """A campaign that is in the database and has nothing yet."""
    return FilledCampaign(store)


def _cluster(random: np.random.Generator) -> Atoms:
    atoms = Atoms(
        "Au4", positions=np.array([[0, 0, 0], [2.8, 0, 0], [0, 2.8, 0], [0, 0, 2.8]]) + 4, cell=[12] * 3
    )
    atoms.positions += random.uniform(0, 0.3, (4, 3))
    atoms.set_array("body", np.ones(4, dtype=int))
    return atoms


def _force_errors(seed: int) -> ForceErrors:
    """Heavy-tailed errors that the spread under-predicts, on frames of three environments."""
    random = np.random.default_rng(seed)
    frame = np.repeat(np.arange(20), 30)
    spread = 0.03 * np.exp(0.7 * random.normal(size=len(frame)))
    deviation = 1.6 * spread[:, None] * random.standard_t(4, size=(len(frame), 3)) / np.sqrt(3)
    places = np.tile(np.repeat(["particle", "interface", "support"], 10), 20)
    return ForceErrors(spread, deviation, np.full(len(frame), "Au"), places, frame)


def _judgement(seed: int, earlier: Calibration | None) -> Judgement:
    """What a firetask makes of labels and the committee's forces on them."""
    errors = _force_errors(seed)
    reference = np.random.default_rng(seed).normal(size=errors.deviation_eV_A.shape)
    return Judgement(errors, calibrate(errors), earlier, reference)


def _line_scan() -> LowLossSpectra:
    """A particle on its support: single losses around 25 eV, plural ones by Poisson statistics."""
    energy = np.arange(-10.0, 200.0, 0.5)
    thickness = 0.05 + 0.3 * np.sqrt(np.clip(1 - ((np.arange(24) - 11.5) / 7.0) ** 2, 0, None))
    counts = np.zeros((24, len(energy)))
    for order, factorial in enumerate((1, 1, 2, 6)):
        width = 0.5 if order == 0 else 5.0 * np.sqrt(order)
        peak = np.exp(-0.5 * ((energy - 25.0 * order) / width) ** 2) / width
        counts += np.outer(np.exp(-thickness) * thickness**order / factorial, peak)
    return LowLossSpectra(
        energy, np.random.default_rng(0).poisson(2e5 * counts).astype(float), (24,), 1.0, 80.0
    )
