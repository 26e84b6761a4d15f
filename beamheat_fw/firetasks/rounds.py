"""Firetasks of the active-learning round: explore, select, judge the committee, assemble the next one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pymongo.client_session import ClientSession

from beamheat_fw.firetasks.committee_files import stage_committee, stage_known, trained_on
from beamheat_fw.firetasks.context import Context, Site
from beamheat_fw.firetasks.heating import load_committee
from beamheat_fw.firetasks.job import JobTask
from beamheat_fw.firetasks.judgement import thresholds_of
from beamheat_fw.firetasks.labels import level_of
from beamheat_fw.firetasks.selection import choose, judge_explored, labelled_piece
from beamheat_fw.identity import key_id
from beamheat_fw.physics.committee.disagreement import bias_width_eV
from beamheat_fw.physics.committee.gate import ACCURATE, CANDIDATE, FAILED
from beamheat_fw.store.artifacts import fetch_artifact, put_artifact
from beamheat_fw.store.documents import LabelRequest, MDRun, Round
from beamheat_fw.store.documents.base import Analysis
from beamheat_fw.store.documents.labels import Role
from beamheat_fw.store.documents.records import Reference
from beamheat_fw.store.labels import plan_labels
from beamheat_fw.store.labels.alike import find_known
from beamheat_fw.store.provenance import Source, record_sources
from beamheat_fw.store.rounds import load_round, upsert_round

if TYPE_CHECKING:
    from ase import Atoms

EXPLORED_FILE = "explored.extxyz"


class ExploreWithCommittee(JobTask):
    """Run MD on label-sized systems with the committee's mean force, stopped by the gate."""

    _fw_name = "{{beamheat_fw.firetasks.ExploreWithCommittee}}"

    def inputs(self, context: Context, staged: dict[str, Any] | None) -> dict[str, Any]:
        """Return the committee and the protocol."""
        return {
            "committee_id": load_committee(context, context.round - 1).id,
            "stage": context.campaign.exploration.model_dump(mode="json"),
            "seed": 1000 * context.campaign.seed + context.round,
        }

    def stage(self, context: Context, folder: Path, inputs: dict[str, Any]) -> None:
        """Write start structures, protocol and committee."""
        from beamheat_fw.drivers.md.exploration.job import stage_explore
        from beamheat_fw.drivers.md.protocols import COMMITTEE_FILE, CommitteeFile, ExplorationProtocol

        exploration = context.campaign.exploration
        committee = load_committee(context, context.round - 1)
        stage_committee(context, folder, committee)
        stage_known(context, folder, committee)
        stage_explore(
            folder,
            _starts(context, inputs["seed"]),
            ExplorationProtocol.from_stage(
                exploration, bias_width_eV=bias_width_eV(context.campaign.gate.target_force_error_eV_A)
            ),
            CommitteeFile.read(folder / COMMITTEE_FILE),
        )
        (folder / "job.json").write_text(json.dumps({"ranks": exploration.ranks}))

    def run(self, folder: Path, site: Site) -> Iterable[Any]:
        """Run the trajectories, or go on with them."""
        from beamheat_fw.drivers.md.exploration.job import explore

        ranks = json.loads((folder / "job.json").read_text())["ranks"]
        explore(folder, ranks=ranks, launcher=site.mpi, stop=site.stop)
        return ()

    def ingest(self, context: Context, folder: Path) -> dict[str, Any]:
        """Save the run and its frames, and begin the round."""
        from beamheat_fw.drivers.md.exploration.job import ExplorationResult, read_frames
        from beamheat_fw.drivers.md.inputs import write_structures
        from beamheat_fw.drivers.md.launching import OUTCOME_FILE

        result = ExplorationResult(**json.loads((folder / OUTCOME_FILE).read_text()))
        write_structures(folder / "all-frames.extxyz", read_frames(folder))
        committee = load_committee(context, context.round - 1)
        run = MDRun(
            campaign_id=context.campaign_id,
            run_key=f"explore-r{context.round}",
            kind="exploration",
            state="completed",
            ranks=context.campaign.exploration.ranks,
            protocol=context.campaign.exploration.model_dump(mode="json", exclude={"systems"}),
            committee_id=committee.id,
            audit={"verdicts": result.verdicts, "failed_trajectories": result.failed_trajectories},
            frames_sha256=put_artifact(context.store, folder / "all-frames.extxyz", kind="frames"),
            run_stats={"ended": result.ended, "trajectories": result.trajectories},
        )
        context.save(run, [Source("committees", committee.id, "driver")])
        context.write(
            lambda session: upsert_round(
                context.store, context.campaign_id, context.round, session=session, md_run_ids=(run.id,)
            )
        )
        return {"md_run_id": run.id, **result.verdicts}


class SelectStructures(JobTask):
    """Judge the explored frames with the whole gate, and choose which to label."""

    _fw_name = "{{beamheat_fw.firetasks.SelectStructures}}"

    def inputs(self, context: Context, staged: dict[str, Any] | None) -> dict[str, Any]:
        """Return the exploration, the committee and the structures that are labelled already."""
        committee = load_committee(context, context.round - 1)
        return {
            "md_run_id": load_round(context.store, context.campaign_id, context.round).md_run_ids[0],
            "committee_id": committee.id,
            "dataset_id": committee.dataset_id,
        }

    def stage(self, context: Context, folder: Path, inputs: dict[str, Any]) -> None:
        """Write the labelled structures, then the explored frames, and the committee."""
        from beamheat_fw.drivers.md.inputs import read_structures, write_structures
        from beamheat_fw.drivers.nequip.evaluate import FRAMES_FILE

        run = context.store.load(MDRun, inputs["md_run_id"])
        explored = read_structures(
            fetch_artifact(context.store, run.frames_sha256 or "", folder / EXPLORED_FILE)
        )
        known = trained_on(context, inputs["dataset_id"])
        write_structures(folder / FRAMES_FILE, [*known, *explored])
        stage_committee(context, folder, load_committee(context, context.round - 1))

    def run(self, folder: Path, site: Site) -> Iterable[Any]:
        """Evaluate committee and descriptors in a child program."""
        from beamheat_fw.drivers.nequip.evaluate import evaluate_folder

        evaluate_folder(folder, stop=site.stop)
        return ()

    def ingest(self, context: Context, folder: Path) -> dict[str, Any]:
        """Plan the chosen structures' labels and save the gate's counts."""
        from beamheat_fw.drivers.md.inputs import read_structures
        from beamheat_fw.drivers.nequip.evaluate import EVALUATION_FILE, FRAMES_FILE, FolderEvaluation

        explored = read_structures(folder / EXPLORED_FILE)
        frames = read_structures(folder / FRAMES_FILE)
        committee = load_committee(context, context.round - 1)
        judged = judge_explored(
            frames, explored, FolderEvaluation.load(folder / EVALUATION_FILE), committee, context.campaign
        )
        chosen = choose(judged, context.campaign, seed=1000 * context.campaign.seed + context.round)
        md_run_id = self.inputs(context, None)["md_run_id"]
        level = level_of(context.campaign)
        structures = [labelled_piece(explored[number], role, context.campaign) for number, role in chosen]
        known = find_known(context.store, structures, level.settings_hash)
        planned = plan_labels(
            context.store,
            structures,
            [_request(context, explored[number], role, md_run_id) for number, role in chosen],
            level,
            tags=context.campaign.tags,
            fw_id=context.fw_id,
        )
        counts = judged.unbiased_counts()
        document = make_round(
            context,
            label_ids=tuple(dict.fromkeys(planned.label_ids)),
            counts={name: counts.get(name, 0) for name in (ACCURATE, CANDIDATE, FAILED)},
            thresholds=thresholds_of(context.campaign).to_dict(),
            analysis=Analysis(warnings=known.warnings()).model_dump(),
        )
        sources = [Source("md_runs", md_run_id, "exploration"), Source("committees", committee.id, "gate")]
        context.write(partial(_save_round, context, document, sources))
        return {**counts, "labels": len(planned.label_ids), "reused": len(planned.reused)}


def make_round(context: Context, **fields: Any) -> dict[str, Any]:
    """Return fields of this firework's round."""
    return {"fw_id": context.fw_id, "tags": context.campaign.tags, **fields}


def _save_round(
    context: Context, fields: dict[str, Any], sources: Sequence[Source], session: ClientSession
) -> None:
    identifier = key_id(Round.collection, context.campaign_id, context.round)
    target = Reference(collection=Round.collection, id=identifier)
    record_sources(context.store, target, sources, context.maker, session)
    upsert_round(context.store, context.campaign_id, context.round, session=session, **fields)


def _request(context: Context, atoms: Atoms, role: Role, md_run_id: str) -> LabelRequest:
    source = f"{md_run_id} trajectory {atoms.info['trajectory']} step {atoms.info['step']}"
    return LabelRequest(campaign_id=context.campaign_id, round=context.round, role=role, source=source)


def _starts(context: Context, seed: int) -> list[Atoms]:
    from beamheat_fw.physics.structures import build_system

    stage = context.campaign.exploration
    starts: list[Atoms] = []
    for number, system in enumerate(stage.systems):
        for temperature_K, bias_eV in product(stage.temperatures_K, (0.0, *stage.bias_eV)):
            atoms = build_system(system)
            biased = f"-biased-{bias_eV:g}eV" if bias_eV else ""
            atoms.info.update(
                trajectory=f"{number}-{temperature_K:g}K{biased}",
                temperature_K=temperature_K,
                bias_eV=bias_eV,
                seed=seed + 100 * len(starts),
            )
            starts.append(atoms)
    return starts
