"""A small finished campaign in the database, from its labels to its temperature."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from beamheat_fw.campaign import load_campaign
from beamheat_fw.store import labels
from beamheat_fw.store.artifacts import put_artifact
from beamheat_fw.store.campaigns import save_campaign
from beamheat_fw.store.database import Store, make
from beamheat_fw.store.datasets import create_dataset
from beamheat_fw.store.documents import (
    Committee,
    Conductance,
    LabelRequest,
    LabelResult,
    MDRun,
    Potential,
    Prediction,
    Spectrum,
)
from beamheat_fw.store.provenance import Maker, Source, save_with_sources
from beamheat_fw.store.rounds import upsert_round

QUICKSTART = Path(__file__).resolve().parents[2] / "workflows" / "quickstart.yaml"
_MAKER = Maker(fw_id=1, launch_id=1, versions={"gpaw": "26.7.0"}, host="node1")
_GOLD = {"formula_pretty": "Au", "chemsys": "Au", "elements": ["Au"], "nsites": 2}


@dataclass(frozen=True)
class Finished:
    """Ids of the finished campaign."""

    campaign_id: str
    label_ids: tuple[str, ...]
    spectrum_id: str
    prediction_id: str


@pytest.fixture
def finished(store: Store) -> Finished:
    return finished_campaign(store)


def finished_campaign(store: Store) -> Finished:
    """Write a small finished campaign into a database."""
    campaign = load_campaign(QUICKSTART)
    save_campaign(store, campaign)
    name = campaign.campaign_id
    label_ids = _labels(store, name)
    dataset_id = create_dataset(store, {"train": label_ids[:3], "holdout": label_ids[3:5]}, campaign_id=name)
    committee_id = _committee(store, name, dataset_id)
    upsert_round(store, name, 0, label_ids=label_ids, verdict="not converged", counts={"accurate": 1})
    run = make(MDRun, campaign_id=name, run_key="heat-0", kind="heating", committee_id=committee_id, **_GOLD)
    save_with_sources(store, run, [Source("committees", committee_id, "forces")], _MAKER)
    spectrum_id, prediction_id = _results(store, name, run.id)
    return Finished(name, label_ids, spectrum_id, prediction_id)


def _labels(store: Store, campaign_id: str) -> tuple[str, ...]:
    made = [Atoms("Au2", positions=[[4, 4, 4], [4, 4, 6.3 + 0.1 * step]], cell=[9] * 3) for step in range(6)]
    request = LabelRequest(campaign_id=campaign_id)
    ids = labels.plan_labels(store, made, [request] * 6, labels.Level("emt", {"calculator": "emt"})).label_ids
    for identifier in ids[:5]:
        result = LabelResult(energy_eV=-1.0, forces_eV_A=np.full((2, 3), 0.1))
        labels.complete(store, identifier, result)
    labels.fail(store, ids[5], {"kind": "CalculationError", "what": "did not converge"})
    return ids


def _committee(store: Store, campaign_id: str, dataset_id: str) -> str:
    members = [
        make(
            Potential,
            campaign_id=campaign_id,
            round=0,
            member=member,
            dataset_id=dataset_id,
            model_seed=member,
            data_seed=member,
            metrics={"val_force_mae_eV_A": 0.1},
            artifact_sha256=put_artifact(store, f"model {member}".encode()),
        )
        for member in range(2)
    ]
    for member in members:
        save_with_sources(store, member, [Source("datasets", dataset_id, "training-set")], _MAKER)
    ids = [member.id for member in members]
    committee = make(Committee, campaign_id=campaign_id, round=0, potential_ids=ids, dataset_id=dataset_id)
    return save_with_sources(store, committee, [Source("potentials", each, "member") for each in ids], _MAKER)


def _results(store: Store, campaign_id: str, run_id: str) -> tuple[str, str]:
    conductance = make(
        Conductance,
        campaign_id=campaign_id,
        result_key="interface",
        conductance_MW_m2K=30.0,
        conductance_low_MW_m2K=20.0,
        conductance_high_MW_m2K=None,
        compatible_with_zero=False,
        method="relaxation",
        area_definition="hull",
        area_nm2=1.5,
        md_run_ids=[run_id],
        **_GOLD,
    )
    save_with_sources(store, conductance, [Source("md_runs", run_id, "relaxation")], _MAKER)
    spectrum = make(
        Spectrum,
        campaign_id=campaign_id,
        file_name="scan.hspy",
        file_sha256="ab" * 32,
        beam_energy_keV=80.0,
        t_over_lambda=0.3,
        t_over_lambda_error=0.01,
        mean_loss_eV=25.0,
        mean_loss_error_eV=1.0,
    )
    store.save(spectrum)
    prediction = make(
        Prediction,
        campaign_id=campaign_id,
        result_key="rise",
        delta_T_K=1.0,
        delta_T_error_K=None,
        delta_T_low_K=0.5,
        delta_T_high_K=None,
        dose_rate_e_A2_s=1e4,
        beam_energy_keV=80.0,
        power_nW=0.1,
        power_error_nW=0.01,
        conductance_id=conductance.id,
        spectrum_id=spectrum.id,
        **_GOLD,
    )
    sources = [
        Source("conductances", conductance.id, "conductance"),
        Source("spectra", spectrum.id, "energy loss"),
    ]
    return spectrum.id, save_with_sources(store, prediction, sources, _MAKER)
