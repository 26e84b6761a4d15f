"""Firetasks that build a dataset and train one committee member on it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from pathlib import Path
from typing import Any

from beamheat_fw.campaign import Campaign
from beamheat_fw.drivers.nequip.plan import DATASET_FILE, WARM_START_FILE, TrainingPlan
from beamheat_fw.errors import CalculationError, StoreError
from beamheat_fw.firetasks.context import Context, Site
from beamheat_fw.firetasks.job import CampaignTask, JobTask
from beamheat_fw.firetasks.labels import level_of
from beamheat_fw.firetasks.pretrained import pretrained_member
from beamheat_fw.identity import key_id
from beamheat_fw.store.artifacts import fetch_artifact, put_artifact
from beamheat_fw.store.datasets import create_dataset
from beamheat_fw.store.documents import Dataset, Label, Potential
from beamheat_fw.store.documents.records import Reference
from beamheat_fw.store.labels import label_atoms, load_labels
from beamheat_fw.store.provenance import Source, record_sources
from beamheat_fw.store.rounds import load_round, rounds_of_campaign, upsert_round

TRAIN, HOLDOUT = "train", "holdout"


class BuildDataset(CampaignTask):
    """Gather all labels so far into a training set and a part that is never trained on."""

    _fw_name = "{{beamheat_fw.firetasks.BuildDataset}}"

    def act(self, context: Context) -> dict[str, Any]:
        """Make the dataset, unless too many labels of the round failed."""
        rounds = [
            r for r in rounds_of_campaign(context.store, context.campaign_id) if r.round <= context.round
        ]
        _check_failed_share(context, load_labels(context.store, rounds[-1].label_ids))
        labels = load_labels(context.store, list(dict.fromkeys(i for r in rounds for i in r.label_ids)))
        done = [label for label in labels if label.state == "completed"]
        split: dict[str, list[str]] = {TRAIN: [], HOLDOUT: []}
        for label in done:
            split[HOLDOUT if role_in(label, context.campaign_id) == "holdout" else TRAIN].append(label.id)
        require_elements(
            simulated_elements(context.campaign), [label for label in done if label.id in set(split[TRAIN])]
        )

        def write(session: Any) -> str:
            dataset_id = create_dataset(
                context.store,
                split,
                campaign_id=context.campaign_id,
                fw_id=context.fw_id,
                tags=context.campaign.tags,
                session=session,
            )
            sources = [Source("rounds", r.id, "selection") for r in rounds]
            target = Reference(collection="datasets", id=dataset_id)
            record_sources(context.store, target, sources, context.maker, session)
            upsert_round(
                context.store,
                context.campaign_id,
                context.round,
                session=session,
                dataset_id=dataset_id,
                state="labelled",
            )
            return dataset_id

        return {
            "dataset_id": context.write(write),
            "train": len(split[TRAIN]),
            "holdout": len(split[HOLDOUT]),
        }


def role_in(label: Label, campaign_id: str) -> str:
    """Return the role in which a campaign first asked for a label."""
    return next((r.role for r in label.requests if r.campaign_id == campaign_id), label.origin.role)


def simulated_elements(campaign: Campaign) -> set[str]:
    """Return the elements of the systems that the committee is to move."""
    from beamheat_fw.physics.structures import support_elements

    systems = (*campaign.exploration.systems, campaign.heating.system)
    return {
        element
        for system in systems
        for element in (system.particle.element, *support_elements(system.support))
    }


def require_elements(simulated: Set[str], trained: Sequence[Label]) -> None:
    """Refuse a training set without an element that the campaign simulates.

    Parameters
    ----------
    simulated : set of str
    trained : sequence of Label
        Those that are trained on.

    Raises
    ------
    CalculationError
        Every label with some element failed, is held out, or was never asked for.
    """
    known = {element for label in trained for element in label.elements}
    if simulated - known:
        raise CalculationError(
            "The training set lacks an element that the campaign simulates",
            "Look at the reasons why labels with it failed (`beamheat find labels --state failed`), mend the "
            "cause, then `beamheat resubmit --failed-labels`; or ask for structures with it.",
            {"missing": sorted(simulated - known), "elements": sorted(known), "labels": len(trained)},
        )


def _check_failed_share(context: Context, labels: list[Label]) -> None:
    failed = [label for label in labels if label.state == "failed"]
    limit = context.campaign.labelling.max_failed_fraction
    if len(failed) > limit * len(labels):
        first = failed[0].reason or {}
        raise CalculationError(
            "Too many labels of this round failed",
            "Look at their reasons (`beamheat find labels --state failed`). Mend the cause and calculate "
            "them again (`beamheat resubmit --failed-labels`); or mend the settings in the campaign file: "
            "as a new campaign it reuses every finished label.",
            {"failed": len(failed), "labels": len(labels), "limit": limit, "first": first.get("what", "")},
        )


class TrainMember(JobTask):
    """Train one committee member with nequip-train."""

    _fw_name = "{{beamheat_fw.firetasks.TrainMember}}"
    required_params = ["member"]  # noqa: RUF012

    def inputs(self, context: Context, staged: dict[str, Any] | None) -> dict[str, Any]:
        """Return the dataset, the seeds and what the member is refined from."""
        dataset_id = load_round(context.store, context.campaign_id, context.round).dataset_id
        if dataset_id is None:
            raise StoreError(
                "The round has no dataset", "Rerun its BuildDataset firework.", {"round": context.round}
            )
        earlier, settings_hash = self._earlier(context), level_of(context.campaign).settings_hash
        return {
            "dataset_id": dataset_id,
            "member": self["member"],
            "seed": seed_of(context),
            "warm_start_sha256": earlier.artifact_sha256 if earlier else None,
            **({"other_level": True} if earlier and earlier.settings_hash != settings_hash else {}),
        }

    def stage(self, context: Context, folder: Path, inputs: dict[str, Any]) -> None:
        """Write the training frames, the settings, and the package to refine."""
        from ase.io import write

        dataset = context.store.load(Dataset, inputs["dataset_id"])
        labels = load_labels(context.store, dataset.split[TRAIN])
        write(folder / DATASET_FILE, [label_atoms(label) for label in labels], format="extxyz")
        if inputs["warm_start_sha256"]:
            fetch_artifact(context.store, inputs["warm_start_sha256"], folder / WARM_START_FILE)
        plan = TrainingPlan(
            context.campaign.training,
            inputs["member"],
            inputs["seed"],
            first_round=context.round == 0,
            other_level=inputs.get("other_level", False),
        )
        plan.save(folder)

    def run(self, folder: Path, site: Site) -> Iterable[Any]:
        """Train, or go on with a training that was interrupted."""
        from beamheat_fw.drivers.nequip.training import train_member

        train_member(folder, stop=site.stop, gpu=site.worker.gpu)
        return ()

    def ingest(self, context: Context, folder: Path) -> dict[str, Any]:
        """Save the package, its learning curve and the member's document."""
        from beamheat_fw.drivers.nequip.training import train_member

        inputs = self.inputs(context, None)
        # Everything is in the folder by now: this reads what the training left.
        trained = train_member(folder, stop=context.site.stop)
        seeds = TrainingPlan.load(folder).seeds
        dataset = context.store.load(Dataset, inputs["dataset_id"])
        potential = Potential(
            campaign_id=context.campaign_id,
            round=context.round,
            member=self["member"],
            dataset_id=dataset.id,
            model_seed=seeds.model,
            data_seed=seeds.data,
            hyperparameters=context.campaign.training.model_dump(mode="json"),
            metrics=dict(trained.metrics),
            artifact_sha256=put_artifact(context.store, trained.package, kind="potential"),
            elements=dataset.elements,
            settings_hash=dataset.settings_hash,
            run_stats={
                "epochs": trained.epochs,
                "training_frames": trained.training_frames,
                "validation_frames": trained.validation_frames,
                "warm_started": trained.warm_started,
                "retried": trained.retried,
                "versions": dict(trained.versions),
                "learning_curve_sha256": put_artifact(
                    context.store, trained.learning_curve, kind="learning-curve"
                ),
            },
        )
        sources = [Source("datasets", dataset.id, "training-set")]
        if trained.warm_started and (earlier := self._earlier(context)):
            sources.append(Source("potentials", earlier.id, "warm-start"))
        context.save(potential, sources)
        return {"potential_id": potential.id, **trained.metrics}

    def _earlier(self, context: Context) -> Potential | None:
        """Return the potential that is refined, if members are refined rather than trained anew.

        In round 0 that is a member of the committee the campaign names, later the same member of the round
        before.
        """
        stage = context.campaign.training
        if context.round == 0:
            return pretrained_member(context.store, stage, self["member"]) if stage.pretrained else None
        if not stage.warm_start:
            return None
        return context.store.load(
            Potential, key_id(Potential.collection, context.campaign_id, context.round - 1, self["member"])
        )


def seed_of(context: Context) -> int:
    """Return the seed of a round's committee; members draw theirs from it."""
    return 1000 * context.campaign.seed + context.round
