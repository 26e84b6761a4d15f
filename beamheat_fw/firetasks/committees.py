"""Firetasks that assemble a committee and judge it on labels that it was not trained on."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from beamheat_fw.errors import CalculationError
from beamheat_fw.firetasks.committee_files import stage_committee
from beamheat_fw.firetasks.context import Context, Site
from beamheat_fw.firetasks.heating import load_committee
from beamheat_fw.firetasks.job import JobTask
from beamheat_fw.firetasks.judgement import judge_rounds, read_judgement
from beamheat_fw.firetasks.training import HOLDOUT, role_in
from beamheat_fw.identity import key_id
from beamheat_fw.physics.committee.convergence import independent_frames
from beamheat_fw.store.documents import Committee, Dataset, Label, Potential
from beamheat_fw.store.labels import label_atoms, load_labels
from beamheat_fw.store.provenance import Source
from beamheat_fw.store.rounds import load_round, rounds_of_campaign, upsert_round


class EvaluateOnLabels(JobTask):
    """Evaluate a committee on labelled structures."""

    def committee(self, context: Context) -> Committee:
        """Return the committee that is judged."""
        raise NotImplementedError

    def labels(self, context: Context) -> list[Label]:
        """Return the completed labels it is judged on."""
        raise NotImplementedError

    def inputs(self, context: Context, staged: dict[str, Any] | None) -> dict[str, Any]:
        """Return the members and the labels."""
        return {
            "potential_ids": list(self.committee(context).potential_ids),
            "label_ids": [label.id for label in self.labels(context)],
        }

    def stage(self, context: Context, folder: Path, inputs: dict[str, Any]) -> None:
        """Write the frames, without their labels, and the committee."""
        from beamheat_fw.drivers.md.inputs import write_structures
        from beamheat_fw.drivers.nequip.evaluate import FRAMES_FILE

        frames = [label_atoms(label) for label in self.labels(context)]
        for atoms in frames:
            atoms.calc = None
        write_structures(folder / FRAMES_FILE, frames)
        stage_committee(context, folder, self.committee(context))

    def run(self, folder: Path, site: Site) -> Iterable[Any]:
        """Evaluate in a child program."""
        from beamheat_fw.drivers.nequip.evaluate import evaluate_folder

        evaluate_folder(folder, stop=site.stop)
        return ()


class AssembleCommittee(EvaluateOnLabels):
    """Join the members of a round and calibrate their spread on labels that none of them has seen."""

    _fw_name = "{{beamheat_fw.firetasks.AssembleCommittee}}"

    def committee(self, context: Context) -> Committee:
        """Return the committee of this round's members."""
        members = [
            context.store.load(
                Potential, key_id(Potential.collection, context.campaign_id, context.round, member)
            )
            for member in range(context.campaign.training.members)
        ]
        datasets = {member.dataset_id for member in members}
        if len(datasets) > 1:
            raise CalculationError(
                "The members of this round were trained on different datasets",
                "Rerun the TrainMember fireworks of the round.",
                {"round": context.round, "dataset_ids": sorted(datasets)},
            )
        return Committee(
            campaign_id=context.campaign_id,
            round=context.round,
            potential_ids=tuple(member.id for member in members),
            dataset_id=members[0].dataset_id,
            elements=members[0].elements,
            settings_hash=members[0].settings_hash,
        )

    def labels(self, context: Context) -> list[Label]:
        """Return the labels that are never trained on."""
        dataset = context.store.load(Dataset, self.committee(context).dataset_id)
        return load_labels(context.store, dataset.split[HOLDOUT])

    def ingest(self, context: Context, folder: Path) -> dict[str, Any]:
        """Save the committee with its calibration."""
        judgement = read_judgement(folder, self.labels(context))
        committee = self.committee(context).model_copy(
            update={
                "calibration": judgement.calibration.to_dict(),
                "coverage": judgement.coverage,
                "metrics": judgement.metrics,
            }
        )
        sources = [Source("potentials", identifier, "member") for identifier in committee.potential_ids]
        sources.append(Source("datasets", committee.dataset_id, "calibration-set"))
        context.save(committee, sources)
        context.write(
            lambda session: upsert_round(
                context.store,
                context.campaign_id,
                context.round,
                session=session,
                committee_id=committee.id,
                state="trained",
            )
        )
        return {"committee_id": committee.id, **judgement.metrics["all"]}


class CalibrateCommittee(EvaluateOnLabels):
    """Judge the committee that explored on the round's new labels, before they are trained on."""

    _fw_name = "{{beamheat_fw.firetasks.CalibrateCommittee}}"

    def committee(self, context: Context) -> Committee:
        """Return the committee of the round before."""
        return load_committee(context, context.round - 1)

    def labels(self, context: Context) -> list[Label]:
        """Return the round's completed labels."""
        label_ids = load_round(context.store, context.campaign_id, context.round).label_ids
        return [label for label in load_labels(context.store, label_ids) if label.state == "completed"]

    def ingest(self, context: Context, folder: Path) -> dict[str, Any]:
        """Save calibration, coverage and verdict in the round."""
        labels = self.labels(context)
        judgement = read_judgement(folder, labels, self.committee(context).calibration)
        drawn = [
            number
            for number, label in enumerate(labels)
            if role_in(label, context.campaign_id) in ("random", "holdout")
        ]
        random_errors = judgement.errors.where(np.isin(judgement.errors.frame, drawn)) if drawn else None
        rounds = [
            r for r in rounds_of_campaign(context.store, context.campaign_id) if r.round <= context.round
        ]
        exploration = context.campaign.exploration
        independent = independent_frames(exploration.trajectories, exploration.duration_ps)
        verdict = judge_rounds(context.campaign, rounds, random_errors, independent)
        context.write(
            lambda session: upsert_round(
                context.store,
                context.campaign_id,
                context.round,
                session=session,
                calibration=judgement.calibration.to_dict(),
                coverage=judgement.coverage,
                verdict=verdict.name,
                verdict_details=verdict.to_dict() | {"force_errors": judgement.metrics},
                state="judged",
            )
        )
        return {"verdict": verdict.name, "labels": len(labels), "random": len(drawn)}
