"""MD runs: begun once, grown segment by segment and checkpoint by checkpoint."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from beamheat_fw.errors import StoreError
from beamheat_fw.store.artifacts import remove_artifact
from beamheat_fw.store.database import Store
from beamheat_fw.store.documents import MDRun
from beamheat_fw.store.documents.heat import Checkpoint, Segment

#: States of one run that stay in the database.
KEPT_CHECKPOINTS: Final = 2

if TYPE_CHECKING:
    from pymongo.client_session import ClientSession


def add_segment(store: Store, md_run_id: str, segment: Segment, session: ClientSession | None = None) -> None:
    """Record a stretch of the run; a segment that begins at the same step replaces the earlier one."""
    others = {"$filter": {"input": "$segments", "cond": {"$ne": ["$$this.start_step", segment.start_step]}}}
    grown = {"segments": {"$concatArrays": [others, [{"$literal": segment.model_dump()}]]}}
    result = store.collection(MDRun).update_one(
        {"_id": md_run_id}, [{"$set": grown | {"last_updated": datetime.now(UTC)}}], session=session
    )
    if not result.matched_count:
        raise StoreError("There is no such MD run", "Save it with `Store.create` first.", {"id": md_run_id})


def add_checkpoint(
    store: Store, md_run_id: str, checkpoint: Checkpoint, session: ClientSession | None = None
) -> list[Checkpoint]:
    """Record a state to go on from; return those that are no longer needed.

    The last two stay: should one turn out damaged, there is the one before it. One of the same step, or of
    other inputs, is replaced.
    """
    run = store.load(MDRun, md_run_id, session=session)
    others = [
        one
        for one in run.checkpoints
        if one.step != checkpoint.step and one.made_from == checkpoint.made_from
    ]
    kept = sorted([*others, checkpoint], key=lambda one: one.step)[-KEPT_CHECKPOINTS:]
    store.update(MDRun, md_run_id, {"checkpoints": [one.model_dump() for one in kept]}, session)
    named = {one.sha256 for one in kept}
    return [one for one in run.checkpoints if one.sha256 not in named]


def checkpoints_of(store: Store, md_run_id: str) -> list[Checkpoint]:
    """Return the states from which a run can go on, the newest first; none of a run that is not there."""
    found = list(store.find(MDRun, {"_id": md_run_id}))
    return sorted((one for run in found for one in run.checkpoints), key=lambda one: -one.step)


def forget_checkpoints(store: Store, md_run_id: str) -> None:
    """Remove the states of a run that nobody goes on with, and what they are stored in."""
    stored = checkpoints_of(store, md_run_id)
    store.update(MDRun, md_run_id, {"checkpoints": []})
    for checkpoint in stored:
        remove_artifact(store, checkpoint.sha256)
