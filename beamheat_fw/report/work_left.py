"""What of a campaign's long work is done, runs and waits, and how long that takes at the rates measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final

from beamheat_fw.report.time_left import left_at_durations
from beamheat_fw.store.database import Store
from beamheat_fw.store.documents import CampaignRecord

#: Firetasks whose fireworks take long, and what they are to a reader. Labels have a pace of their own.
WORK: Final = {
    "TrainMember": "training",
    "ExploreWithCommittee": "exploration MD",
    "HeatParticle": "heating MD",
}
_UNDER_WAY: Final = ("RUNNING",)
_TO_COME: Final = ("READY", "WAITING", "RESERVED", "PAUSED")


def work_left(store: Store, record: CampaignRecord) -> list[dict[str, Any]]:
    """Return the long work of the newest step of each kind that has some left.

    A member's training is measured by epochs times frames, so that a round's rate serves the next; MD runs of
    one kind are alike.

    Returns
    -------
    list of dict
        ``work`` (in words), ``done``, ``running``, ``waiting``, and ``left``: ``low_s`` and ``high_s``, or
        None where nothing like it has ended yet.
    """
    fireworks = _fireworks(store, record)
    spent = _spent_s(store, fireworks)
    return [
        _kind(store, record, words, [each for each in fireworks if _task(each) == task], spent)
        for task, words in WORK.items()
        if any(each["state"] in (*_UNDER_WAY, *_TO_COME) for each in fireworks if _task(each) == task)
    ]


def _kind(
    store: Store,
    record: CampaignRecord,
    words: str,
    fireworks: list[dict[str, Any]],
    spent: Mapping[int, float],
) -> dict[str, Any]:
    newest = max(each["spec"]["round"] for each in fireworks)
    size = {each["fw_id"]: _size(store, record, each) for each in fireworks}
    of_newest = [each for each in fireworks if each["spec"]["round"] == newest]
    running = [each["fw_id"] for each in of_newest if each["state"] in _UNDER_WAY]
    waiting = [each["fw_id"] for each in of_newest if each["state"] in _TO_COME]
    one = size[(running + waiting)[0]] if running or waiting else 1.0
    durations = [
        spent[each["fw_id"]] * one / size[each["fw_id"]]
        for each in fireworks
        if each["state"] == "COMPLETED" and each["fw_id"] in spent
    ]
    left = left_at_durations(durations, [spent.get(fw_id, 0.0) for fw_id in running], len(waiting))
    return {
        "work": words,
        "done": len(of_newest) - len(running) - len(waiting),
        "running": len(running),
        "waiting": len(waiting),
        "left": asdict(left) if left else None,
    }


def _fireworks(store: Store, record: CampaignRecord) -> list[dict[str, Any]]:
    shown = {"fw_id": 1, "state": 1, "launches": 1, "spec._tasks._fw_name": 1, "spec.round": 1}
    found = store.db["fireworks"].find({"spec.campaign_id": record.id}, shown)
    return [firework for firework in found if _task(firework) in WORK]


def _spent_s(store: Store, fireworks: list[dict[str, Any]]) -> dict[int, float]:
    """Return the run time of each firework in all its launches, up to now for one that runs."""
    ids = [launch for firework in fireworks for launch in firework["launches"]]
    launches = store.db["launches"].find(
        {"launch_id": {"$in": ids}}, {"fw_id": 1, "state": 1, "runtime_secs": 1, "state_history": 1}
    )
    spent: dict[int, float] = {}
    for launch in launches:
        seconds = _running_s(launch) if launch["state"] == "RUNNING" else launch.get("runtime_secs")
        if seconds is not None:
            spent[launch["fw_id"]] = spent.get(launch["fw_id"], 0.0) + seconds
    return spent


def _running_s(launch: Mapping[str, Any]) -> float:
    begun = next(entry["created_on"] for entry in launch["state_history"] if entry["state"] == "RUNNING")
    moment = datetime.fromisoformat(begun) if isinstance(begun, str) else begun
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max((datetime.now(UTC) - moment).total_seconds(), 0.0)


def _size(store: Store, record: CampaignRecord, firework: Mapping[str, Any]) -> float:
    """Return how much work a firework is, in a unit of its kind: for a training epochs times frames."""
    if _task(firework) != "TrainMember":
        return 1.0
    number = firework["spec"]["round"]
    stage = record.document["training"]
    epochs = (stage["first_max_epochs"] if number == 0 else None) or stage["max_epochs"]
    round_ = store.db["rounds"].find_one({"campaign_id": record.id, "round": number}, {"dataset_id": 1})
    dataset = store.db["datasets"].find_one({"_id": (round_ or {}).get("dataset_id")}, {"split.train": 1})
    return float(epochs * (len(dataset["split"]["train"]) if dataset else _trained(store, record)))


def _trained(store: Store, record: CampaignRecord) -> int:
    """Return the size of the newest training set, for one that is not made yet; 1 before the first."""
    newest = store.db["datasets"].find_one(
        {"campaign_id": record.id}, {"split.train": 1}, sort=[("created_at", -1)]
    )
    return len(newest["split"]["train"]) if newest else 1


def _task(firework: Mapping[str, Any]) -> str:
    tasks = firework["spec"].get("_tasks") or [{"_fw_name": ""}]
    return tasks[0]["_fw_name"].strip("{}").rpartition(".")[2]
