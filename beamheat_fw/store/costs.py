"""What a campaign has cost so far, from the launches of its fireworks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from beamheat_fw.store.database import Store
from beamheat_fw.store.documents import CampaignRecord

#: Firetask and the stage of the campaign file that says over how many MPI ranks it runs.
_RANKED = {"LabelStructures": "labelling", "ExploreWithCommittee": "exploration", "HeatParticle": "heating"}


@dataclass(frozen=True)
class Cost:
    """What one kind of firework has cost.

    Attributes
    ----------
    task : str
        The firetask's name.
    fireworks, launches : int
        More launches than fireworks means that some were repeated.
    wall_h, core_h : float
        Summed run time of all launches, and times the MPI ranks of the stage.
    """

    task: str
    fireworks: int
    launches: int
    wall_h: float
    core_h: float


def costs_of(store: Store, record: CampaignRecord) -> tuple[Cost, ...]:
    """Return a campaign's costs by firetask, in the order in which their first fireworks were made.

    A launch that still runs, or was lost, counts with the time it is known to have run: none.
    """
    found = list(
        store.db["fireworks"]
        .find({"spec.campaign_id": record.id}, {"fw_id": 1, "spec._tasks._fw_name": 1})
        .sort("fw_id", 1)
    )
    task_of = {firework["fw_id"]: _task(firework) for firework in found}
    launches = list(
        store.db["launches"].find({"fw_id": {"$in": list(task_of)}}, {"fw_id": 1, "runtime_secs": 1})
    )
    return tuple(
        _cost(task, record, [i for i in task_of if task_of[i] == task], launches)
        for task in dict.fromkeys(task_of.values())
    )


def core_hours_of(store: Store, record: CampaignRecord) -> float:
    """Return what a campaign has cost so far, in core hours."""
    return sum(cost.core_h for cost in costs_of(store, record))


def _cost(task: str, record: CampaignRecord, fw_ids: list[int], launches: list[dict[str, Any]]) -> Cost:
    mine = [launch for launch in launches if launch["fw_id"] in set(fw_ids)]
    wall_h = sum(launch.get("runtime_secs") or 0.0 for launch in mine) / 3600.0
    ranks = record.document.get(_RANKED.get(task, ""), {}).get("ranks", 1)
    return Cost(task, len(fw_ids), len(mine), wall_h, wall_h * ranks)


def _task(firework: dict[str, Any]) -> str:
    tasks = firework["spec"].get("_tasks") or [{"_fw_name": "unknown"}]
    return tasks[0]["_fw_name"].strip("{}").rpartition(".")[2]
