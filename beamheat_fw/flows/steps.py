"""The steps of a campaign, each one small workflow.

A step is identified by its key, ``campaign/round/stage``: the LaunchPad holds at most one workflow of a key.
Firetasks are named by their ``_fw_name`` strings, so that building a workflow imports none of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fireworks import Firework, Workflow

from beamheat_fw.campaign import Campaign, Category
from beamheat_fw.flows.plan import chunks_of

FIRETASKS = "beamheat_fw.firetasks"


@dataclass(frozen=True)
class Step:
    """One step of a campaign and the fireworks made for it.

    Attributes
    ----------
    campaign : Campaign
    campaign_id : str
    round : int
    stage : {'propose', 'learn', 'explore', 'heat'}
    """

    campaign: Campaign
    campaign_id: str
    round: int
    stage: str

    @property
    def key(self) -> str:
        """The key under which the step is inserted at most once."""
        return f"{self.campaign_id}/{self.round}/{self.stage}"

    def firework(
        self,
        task: str,
        category: Category,
        parents: Sequence[Firework] = (),
        *,
        part: str = "",
        **parameters: Any,
    ) -> Firework:
        """Make one firework of this step.

        Parameters
        ----------
        task : str
            The firetask's class name.
        category : {'dft', 'train', 'md', 'light'}
            Which workers take it.
        parents : sequence of Firework
        part : str
            Tells apart fireworks of the same task in one step.
        **parameters
            The firetask's parameters: ids and small values.
        """
        name = f"{task}-{part}" if part else task
        spec: dict[str, Any] = {
            "_category": category,
            "_add_launchpad_and_fw_id": True,
            "campaign_id": self.campaign_id,
            "campaign_name": self.campaign.name,
            "round": self.round,
            "stage": self.stage,
            "job_key": f"{self.campaign.name}-{self.campaign_id[:8]}-r{self.round}-{name}",
        }
        queue = self.campaign.queue.get(category)
        if queue:
            spec["_queueadapter"] = dict(queue)
        return Firework(
            [_NamedTask(_fw_name=f"{{{{{FIRETASKS}.{task}}}}}", **parameters)],
            spec=spec,
            name=f"{self.campaign.name} r{self.round} {name}",
            parents=list(parents),
        )

    def workflow(self, fireworks: Sequence[Firework]) -> Workflow:
        """Join fireworks of this step, whose links are already set by their parents."""
        return Workflow(
            list(fireworks),
            name=f"{self.campaign.name} r{self.round} {self.stage}",
            metadata={
                "campaign_id": self.campaign_id,
                "campaign_name": self.campaign.name,
                "round": self.round,
                "stage": self.stage,
                "step_key": self.key,
            },
        )


class _NamedTask(dict):
    """A firetask known by name only."""

    def to_dict(self) -> dict[str, Any]:
        return dict(self)


def propose(step: Step) -> Workflow:
    """Build the initial structures, and analyse the spectrum beside them."""
    structures = step.firework("ProposeStructures", "light")
    spectrum = step.firework("AnalyseSpectrum", "light")
    advance = step.firework("Advance", "light", [structures])
    return step.workflow([structures, spectrum, advance])


def learn(step: Step, label_ids: Sequence[str], core_seconds: Sequence[float] = ()) -> Workflow:
    """Label a round's structures, judge the previous committee on them, train the next one.

    The previous committee has not been trained on these labels, whatever happens to them meanwhile: judging
    and training go on side by side.

    Parameters
    ----------
    step : Step
    label_ids : sequence of str
    core_seconds : sequence of float
        How long each of them takes; taken to be all the same where it is empty.
    """
    shares = chunks_of(step.campaign, core_seconds or [0.0] * len(label_ids))
    chunks = [
        step.firework("LabelStructures", "dft", part=str(number), label_ids=[label_ids[i] for i in share])
        for number, share in enumerate(shares)
    ]
    dataset = step.firework("BuildDataset", "light", chunks)
    judged = [step.firework("CalibrateCommittee", "train", chunks)] if step.round > 0 else []
    members = [
        step.firework("TrainMember", "train", [dataset], part=str(member), member=member)
        for member in range(step.campaign.training.members)
    ]
    committee = step.firework("AssembleCommittee", "train", members)
    advance = step.firework("Advance", "light", [committee, *judged])
    return step.workflow([*chunks, dataset, *judged, *members, committee, advance])


def explore(step: Step) -> Workflow:
    """Run MD with the committee and choose what to label from its frames."""
    exploration = step.firework("ExploreWithCommittee", "md")
    selection = step.firework("SelectStructures", "train", [exploration])
    advance = step.firework("Advance", "light", [selection])
    return step.workflow([exploration, selection, advance])


def heat(step: Step, potential_ids: Sequence[str]) -> Workflow:
    """Let a hot particle cool with each member of the committee; then G, then the temperature rise."""
    runs = [
        step.firework("HeatParticle", "md", part=str(member), member=member, potential_id=potential_id)
        for member, potential_id in enumerate(potential_ids)
    ]
    conductance = step.firework("AnalyseConductance", "light", runs)
    prediction = step.firework("PredictTemperature", "light", [conductance])
    return step.workflow([*runs, conductance, prediction])


def carry_campaign(campaign: Campaign, spectrum: Path) -> Workflow:
    """Wrap a campaign into one firework that saves and submits it, for ``lpad add``.

    Parameters
    ----------
    campaign : Campaign
    spectrum : Path
        Where the worker that takes the firework finds the spectrum; its hash is in the campaign.
    """
    task = _NamedTask(
        _fw_name=f"{{{{{FIRETASKS}.SaveCampaign}}}}",
        campaign=campaign.model_dump(mode="json"),
        spectrum=str(spectrum),
    )
    spec = {"_category": "light", "_add_launchpad_and_fw_id": True, "campaign_name": campaign.name}
    return Workflow(
        [Firework([task], spec=spec, name=f"{campaign.name} submit")], name=f"{campaign.name} submit"
    )
