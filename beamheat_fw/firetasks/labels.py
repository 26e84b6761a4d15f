"""Firetasks that propose the first structures and label structures with the reference calculator."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from beamheat_fw.campaign import Campaign, GpawSettings
from beamheat_fw.errors import Interrupted
from beamheat_fw.firetasks.context import Context, Site
from beamheat_fw.firetasks.job import CampaignTask, JobTask
from beamheat_fw.store.documents import LabelRequest, LabelResult
from beamheat_fw.store.labels import (
    Level,
    claim,
    complete,
    count_states,
    fail,
    label_atoms,
    load_labels,
    plan_labels,
    renew,
)
from beamheat_fw.store.rounds import upsert_round

if TYPE_CHECKING:
    from beamheat_fw.drivers.labelling import LabelResult as DriverResult

#: Seconds between looks at labels that another worker computes.
WAIT_S = 5.0


def level_of(campaign: Campaign) -> Level:
    """Return the level of theory of a campaign's labels."""
    reference = campaign.labelling.reference
    name = reference.calculator
    if isinstance(reference, GpawSettings):
        name = f"gpaw-{reference.xc}-{reference.mode}-{reference.dispersion}"
    return Level(name, reference.model_dump(mode="json"))


class ProposeStructures(CampaignTask):
    """Build the first structures of a campaign and plan their labels."""

    _fw_name = "{{beamheat_fw.firetasks.ProposeStructures}}"

    def act(self, context: Context) -> dict[str, Any]:
        """Plan the labels of round 0; those that exist are reused."""
        from beamheat_fw.physics.structures import build_training_set

        structures = build_training_set(context.campaign.structures)
        requests = [
            LabelRequest(
                campaign_id=context.campaign_id, round=0, role="initial", source=str(atoms.info.get("origin", ""))
            )
            for atoms in structures
        ]
        planned = plan_labels(
            context.store,
            structures,
            requests,
            level_of(context.campaign),
            tags=context.campaign.tags,
            fw_id=context.fw_id,
        )
        label_ids = tuple(dict.fromkeys(planned.label_ids))
        context.write(
            lambda session: upsert_round(
                context.store, context.campaign_id, 0, session=session, label_ids=label_ids, fw_id=context.fw_id
            )
        )
        return {"labels": len(label_ids), "reused": len(planned.reused)}


class LabelStructures(JobTask):
    """Label one chunk of structures in one process of the reference calculator."""

    _fw_name = "{{beamheat_fw.firetasks.LabelStructures}}"
    required_params = ["label_ids"]  # noqa: RUF012

    def act(self, context: Context) -> dict[str, Any]:
        """Label what is free, then wait for what others are labelling."""
        summary = super().act(context)
        while True:
            states = count_states(context.store, self["label_ids"])
            if not states.get("planned") and not states.get("running"):
                return summary | states
            if context.site.stop() or any(claim(context.store, self["label_ids"], _owner(context))):
                raise Interrupted(
                    "Labels of this chunk are left", "Nothing to mend: the next launch takes them.", states
                )
            time.sleep(WAIT_S)

    def inputs(self, context: Context, staged: dict[str, Any] | None) -> dict[str, Any]:
        """Claim the chunk's free labels; a folder that holds them all already is gone on with."""
        claimed = [label.id for label in claim(context.store, self["label_ids"], _owner(context))]
        if staged and set(claimed) <= set(staged["label_ids"]):
            return staged
        return {"label_ids": claimed, "settings_hash": level_of(context.campaign).settings_hash}

    def stage(self, context: Context, folder: Path, inputs: dict[str, Any]) -> None:
        """Write the structures and the settings."""
        from ase.io import write

        stage = context.campaign.labelling
        structures = []
        for label in load_labels(context.store, inputs["label_ids"]):
            atoms = label_atoms(label)
            atoms.calc = None
            structures.append(atoms)
        if structures:
            write(folder / "structures.extxyz", structures, format="extxyz")
        (folder / "settings.json").write_text(stage.reference.model_dump_json())
        (folder / "job.json").write_text(
            json.dumps({"ranks": stage.ranks, "max_force_eV_A": stage.max_force_eV_A})
        )

    def run(self, folder: Path, site: Site) -> Iterable[Any]:
        """Yield each label's result as it is written."""
        from beamheat_fw.drivers.labelling import label_structures

        job = json.loads((folder / "job.json").read_text())
        if not (folder / "structures.extxyz").exists():
            return
        ranks = min(job["ranks"], site.worker.cores)
        yield from label_structures(folder, ranks=ranks, launcher=site.mpi, stop=site.stop)

    def keep(self, context: Context, result: DriverResult) -> None:
        """Save one label, or why it failed; the claims on the others are renewed."""
        context.write(lambda session: _save(context, result, session))
        renew(context.store, self["label_ids"], _owner(context))

    def ingest(self, context: Context, folder: Path) -> dict[str, Any]:
        """Save every result of the folder; those that are saved already stay."""
        from beamheat_fw.drivers.labelling import read_results

        for result in read_results(folder):
            context.write(lambda session, result=result: _save(context, result, session))
        return dict(count_states(context.store, self["label_ids"]))


def _owner(context: Context) -> str:
    """Name the firework, not the launch: its next rocket takes the labels of a dead one up at once."""
    return f"fw-{context.fw_id}"


def _save(context: Context, result: DriverResult, session: Any) -> None:
    analysis = asdict(result.analysis) if hasattr(result.analysis, "__dataclass_fields__") else result.analysis
    if result.state == "completed":
        complete(
            context.store,
            result.label_id,
            LabelResult(
                energy_eV=result.energy_eV,
                forces_eV_A=result.forces_eV_A,
                stress_eV_A3=result.stress_eV_A3,
                run_stats=result.run_stats,
                analysis=analysis,
            ),
            fw_id=context.fw_id,
            session=session,
        )
    else:
        fail(context.store, result.label_id, result.reason, analysis=analysis, fw_id=context.fw_id, session=session)
