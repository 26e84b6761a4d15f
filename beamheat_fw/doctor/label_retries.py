"""Labels that failed, calculated again: each planned anew, and the fireworks that calculate them rerun.

A firework whose labels failed has itself completed, so `resubmission` does not see it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any

from beamheat_fw.launch.fencing import FencedLaunchPad
from beamheat_fw.store.database import Store
from beamheat_fw.store.documents import Label
from beamheat_fw.store.labels import failure_kind, retry

_LABELLING = "{{beamheat_fw.firetasks.LabelStructures}}"
_GATHERING = "{{beamheat_fw.firetasks.BuildDataset}}"
_TOO_OFTEN = (
    "refused: failed {limit} times in the same way; mend the cause, then raise --limit or give --force"
)


@dataclass(frozen=True)
class FailedLabels:
    """The failed labels of one firework.

    Attributes
    ----------
    fw_id : int
    name : str
    label_ids : tuple of str
        Those that are, or would be, calculated again.
    given_up : tuple of str
        Those that are not, for the reason in `refusal`.
    refusal : str
        Why some or all are not calculated again; empty when all may be.
    rerun : bool
        Whether the firework was made READY.
    """

    fw_id: int
    name: str
    label_ids: tuple[str, ...]
    given_up: tuple[str, ...] = ()
    refusal: str = ""
    rerun: bool = False


def choose_labels(
    launchpad: FencedLaunchPad, store: Store, campaign_id: str | None, limit: int
) -> Iterator[FailedLabels]:
    """Yield the fireworks with failed labels, with the verdict on each; changes nothing.

    Parameters
    ----------
    campaign_id : str or None
        None for all campaigns.
    limit : int
        A label that has failed in the same way this often in a row is given up.
    """
    query: dict[str, Any] = {"spec._tasks._fw_name": _LABELLING, "state": {"$in": ["COMPLETED", "FIZZLED"]}}
    if campaign_id:
        query["spec.campaign_id"] = campaign_id
    for firework in launchpad.fireworks.find(query, {"fw_id": 1, "name": 1, "spec._tasks": 1}).sort("fw_id"):
        failures = _failures(store, firework["spec"]["_tasks"][0]["label_ids"])
        if not failures:
            continue
        too_late = _too_late(launchpad, firework["fw_id"])
        given_up = tuple(label for label, count in failures.items() if too_late or count >= limit)
        yield FailedLabels(
            firework["fw_id"],
            firework["name"],
            tuple(label for label in failures if label not in given_up),
            given_up,
            too_late or (_TOO_OFTEN.format(limit=limit) if given_up else ""),
        )


def retry_labels(
    launchpad: FencedLaunchPad, store: Store, campaign_id: str | None, limit: int
) -> Iterator[FailedLabels]:
    """Plan failed labels anew and make the fireworks that calculate them READY again.

    Yields
    ------
    FailedLabels
        With `rerun` true where it was made READY.
    """
    for chosen in list(choose_labels(launchpad, store, campaign_id, limit)):
        if not chosen.label_ids:
            yield chosen
            continue
        # Killed in between, the same command goes on: it sees what waits in vain, too.
        retry(store, chosen.label_ids)
        rerun = launchpad.rerun_if(chosen.fw_id, {"state": {"$in": ["COMPLETED", "FIZZLED"]}})
        yield replace(chosen, rerun=rerun)


def _failures(store: Store, label_ids: Sequence[str]) -> dict[str, int]:
    """Return how often in a row each label has failed in the same way, up to now.

    Those count that are failed, and those planned anew but not begun.
    """
    failed = {"$or": [{"state": "failed"}, {"state": "planned", "retries": {"$gt": 0}}]}
    wanted = {"state": 1, "failures": 1, "reason": 1}
    return {
        each["_id"]: _equal_at_the_end(
            [
                *each.get("failures", ()),
                *([failure_kind(each["reason"])] if each["state"] == "failed" else []),
            ]
        )
        for each in store.collection(Label).find({"_id": {"$in": list(label_ids)}, **failed}, wanted)
    }


def _equal_at_the_end(failures: Sequence[str]) -> int:
    equal = takewhile(lambda failure: failure == failures[-1], reversed(failures))
    return sum(1 for _ in equal)


def _too_late(launchpad: FencedLaunchPad, fw_id: int) -> str:
    """Return why a firework's labels cannot be calculated again, or nothing."""
    links = launchpad.workflows.find_one({"nodes": fw_id}, {"links": 1})["links"]
    children = launchpad.fireworks.find({"fw_id": {"$in": links.get(str(fw_id), [])}})
    for child in children:
        if child["state"] in ("RUNNING", "RESERVED"):
            return (
                f"refused: firework {child['fw_id']} is at work on what is there; try again when it has ended"
            )
        if child["state"] == "COMPLETED" and child["spec"]["_tasks"][0]["_fw_name"] == _GATHERING:
            return "refused: the round's dataset was made without them, and the campaign has gone on"
    return ""
