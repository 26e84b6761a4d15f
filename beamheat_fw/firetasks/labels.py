"""Firetasks that propose the first structures and label structures with the reference calculator."""

from __future__ import annotations

import json
import time
from collections.abc import ItemsView, Iterable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pymongo.client_session import ClientSession

from beamheat_fw.campaign import Campaign, GpawSettings, SevennSettings
from beamheat_fw.errors import Interrupted
from beamheat_fw.firetasks.context import Context, Site
from beamheat_fw.firetasks.job import CampaignTask, JobTask
from beamheat_fw.firetasks.label_bounds import refusal
from beamheat_fw.launch.job_folder import JobFolder
from beamheat_fw.store.database import Store
from beamheat_fw.store.documents import LabelRequest, LabelResult, MadeBy
from beamheat_fw.store.documents.base import Analysis
from beamheat_fw.store.labels import (
    Level,
    claim,
    complete,
    count_states,
    fail,
    label_atoms,
    load_labels,
    plan_labels,
    record_attempts,
    renew,
)
from beamheat_fw.store.labels.alike import find_known
from beamheat_fw.store.rounds import upsert_round

if TYPE_CHECKING:
    from beamheat_fw.drivers.labelling.results import LabelResult as Calculated

#: Seconds between looks at labels that another worker computes.
WAIT_S = 5.0


def level_of(campaign: Campaign) -> Level:
    """Return the level of theory of a campaign's labels."""
    reference = campaign.labelling.reference
    name: str = reference.calculator
    if isinstance(reference, GpawSettings):
        name = f"gpaw-{reference.xc}-{reference.mode}-{reference.dispersion}"
    if isinstance(reference, SevennSettings):
        name = f"sevenn-{reference.model}-{reference.dispersion}"
    return Level(name, reference.model_dump(mode="json"))


class ProposeStructures(CampaignTask):
    """Build the first structures of a campaign and plan their labels."""

    _fw_name = "{{beamheat_fw.firetasks.ProposeStructures}}"

    def act(self, context: Context) -> dict[str, Any]:
        """Plan the labels of round 0; those that exist are reused."""
        from beamheat_fw.physics.structures import build_training_set

        structures = build_training_set(context.campaign.structures)
        held_out = _held_out(context.campaign, len(structures))
        requests = [
            LabelRequest(
                campaign_id=context.campaign_id,
                round=0,
                role="holdout" if number in held_out else "initial",
                source=str(atoms.info.get("origin", "")),
            )
            for number, atoms in enumerate(structures)
        ]
        level = level_of(context.campaign)
        known = find_known(context.store, structures, level.settings_hash)
        planned = plan_labels(
            context.store,
            structures,
            requests,
            level,
            tags=context.campaign.tags,
            fw_id=context.fw_id,
        )
        label_ids = tuple(dict.fromkeys(planned.label_ids))
        context.write(
            lambda session: upsert_round(
                context.store,
                context.campaign_id,
                0,
                session=session,
                label_ids=label_ids,
                analysis=Analysis(warnings=known.warnings()).model_dump(),
                fw_id=context.fw_id,
            )
        )
        return {"labels": len(label_ids), "reused": len(planned.reused)}


def _held_out(campaign: Campaign, structures: int) -> set[int]:
    """Draw the first structures that are never trained on: the first committee is calibrated on them."""
    number = round(campaign.selection.holdout_fraction * structures)
    return set(np.random.default_rng(campaign.seed).choice(structures, number, replace=False).tolist())


class LabelStructures(JobTask):
    """Label one chunk of structures in one process of the reference calculator."""

    _fw_name = "{{beamheat_fw.firetasks.LabelStructures}}"
    required_params = ["label_ids"]  # noqa: RUF012

    def act(self, context: Context) -> dict[str, Any]:
        """Label what is free, then wait for what others are labelling."""
        try:
            summary = super().act(context)
        except Interrupted:
            self._record_attempts(context)
            raise
        while True:
            states = count_states(context.store, self["label_ids"])
            if not states.get("planned") and not states.get("running"):
                return summary | states
            may_go_on = not (context.site.stop() or context.only_ingests)
            if not may_go_on or any(claim(context.store, self["label_ids"], _owner(context.fw_id))):
                raise Interrupted(
                    "Labels of this chunk are left", "Nothing to mend: the next launch takes them.", states
                )
            time.sleep(WAIT_S)

    def _record_attempts(self, context: Context) -> None:
        """Keep what was tried in vain with the labels: whoever goes on may do so on another machine."""
        from beamheat_fw.drivers.labelling.folder import LabellingFolder

        folder = LabellingFolder(JobFolder(context.worker.scratch, context.job_key).work)
        for label_id, attempts in folder.earlier().items():
            told = [asdict(attempt) for attempt in attempts]
            record_attempts(context.store, label_id, told, _owner(context.fw_id))

    def inputs(self, context: Context, staged: dict[str, Any] | None) -> dict[str, Any]:
        """Claim the chunk's free labels; a folder that holds them all already is gone on with.

        A folder from before a label was planned anew is not: it holds the failure.
        """
        claimed = list(claim(context.store, self["label_ids"], _owner(context.fw_id)))
        ids = [label.id for label in claimed]
        retries = {label.id: label.retries for label in claimed if label.retries}
        if staged and set(ids) <= set(staged["label_ids"]) and retries.items() <= _retries(staged):
            return staged
        return {
            "label_ids": ids,
            "settings_hash": level_of(context.campaign).settings_hash,
            "retries": retries,
        }

    def stage(self, context: Context, folder: Path, inputs: dict[str, Any]) -> None:
        """Write the structures, the settings, and what was tried with a structure elsewhere."""
        from ase.io import write

        from beamheat_fw.drivers.labelling.folder import LabellingFolder
        from beamheat_fw.drivers.labelling.results import Attempt

        stage = context.campaign.labelling
        structures = []
        labelling = LabellingFolder(folder)
        for label in load_labels(context.store, inputs["label_ids"]):
            if attempts := label.analysis.details.get("attempts"):
                labelling.record(label.id, [Attempt(**attempt) for attempt in attempts])
            atoms = label_atoms(label)
            atoms.calc = None
            structures.append(atoms)
        if structures:
            write(folder / "structures.extxyz", structures, format="extxyz")
        (folder / "settings.json").write_text(stage.reference.model_dump_json())
        (folder / "job.json").write_text(json.dumps({"ranks": stage.ranks}))

    def run(self, folder: Path, site: Site) -> Iterable[Any]:
        """Yield each label's result as it is written."""
        from beamheat_fw.drivers.labelling.driver import label_structures

        job = json.loads((folder / "job.json").read_text())
        if not (folder / "structures.extxyz").exists():
            return
        cores = site.worker.cores
        yield from label_structures(
            folder, ranks=min(job["ranks"], cores), launcher=site.mpi, stop=site.stop, most_ranks=cores
        )

    def keep(self, context: Context, result: Calculated) -> None:
        """Save one label, or why it failed; the claims on the others are renewed."""
        context.write(partial(_save, context, result))
        renew(context.store, self["label_ids"], _owner(context.fw_id))

    def hold(self, store: Store, fw_id: int) -> None:
        """Renew the claims on the labels, which a node without database cannot."""
        renew(store, self["label_ids"], _owner(fw_id))

    def ingest(self, context: Context, folder: Path) -> dict[str, Any]:
        """Save every result of the folder; those that are saved already stay."""
        from beamheat_fw.drivers.labelling.results import LabelResult

        for path in sorted((folder / "results").glob("*.json")):
            result = LabelResult.read(path)
            context.write(partial(_save, context, result))
        return dict(count_states(context.store, self["label_ids"]))


def _retries(staged: Mapping[str, Any]) -> ItemsView[str, int]:
    """Return how often each label had been retried when a folder was staged, perhaps by an older release."""
    return staged.get("retries", {}).items()


def _owner(fw_id: int) -> str:
    """Name the firework, not the launch: its next rocket takes the labels of a dead one up at once."""
    return f"fw-{fw_id}"


def _save(context: Context, result: Calculated, session: ClientSession) -> None:
    analysis = Analysis(
        errors=result.errors, warnings=result.warnings, details={"attempts": result.analysis["attempts"]}
    )
    reason = refusal(context.store, result, context.campaign.labelling)
    if reason is not None or result.evaluation is None:
        fail(
            context.store,
            result.label_id,
            reason or {},
            analysis=analysis.model_dump(),
            run_stats=result.run_stats,
            fw_id=context.fw_id,
            session=session,
        )
        return
    evaluation = result.evaluation
    run_stats = dict(result.run_stats) | {
        "energy_zero_smearing_eV": evaluation.energy_zero_smearing_eV,
        "dispersion_eV": evaluation.dispersion_eV,
        "iterations": evaluation.iterations,
        "start": evaluation.start,
    }
    maker = context.maker
    found = LabelResult(
        energy_eV=evaluation.energy_eV,
        forces_eV_A=evaluation.forces_eV_A.tolist(),
        stress_eV_A3=None if evaluation.stress_eV_A3 is None else tuple(evaluation.stress_eV_A3.tolist()),
        run_stats=run_stats,
        analysis=analysis,
        made_by=MadeBy(launch_id=maker.launch_id, host=maker.host, versions=maker.versions),
    )
    complete(context.store, result.label_id, found, fw_id=context.fw_id, session=session)
