"""MD runs: begun once, grown segment by segment and checkpoint by checkpoint."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from beamheat_fw.errors import StoreError
from beamheat_fw.store.database import Store
from beamheat_fw.store.documents import MDRun
from beamheat_fw.store.documents.heat import Checkpoint, Segment

if TYPE_CHECKING:
    from pymongo.client_session import ClientSession


def add_segment(store: Store, md_run_id: str, segment: Segment, session: ClientSession | None = None) -> None:
    """Record a stretch of the run; a segment that begins at the same step replaces the earlier one."""
    _replace(store, md_run_id, "segments", "start_step", segment, session)


def add_checkpoint(
    store: Store, md_run_id: str, checkpoint: Checkpoint, session: ClientSession | None = None
) -> None:
    """Record a state to go on from; one of the same step replaces the earlier one."""
    _replace(store, md_run_id, "checkpoints", "step", checkpoint, session)


def newest_checkpoint(run: MDRun) -> Checkpoint | None:
    """Return the checkpoint of the largest step."""
    return max(run.checkpoints, key=lambda checkpoint: checkpoint.step, default=None)


def _replace(
    store: Store,
    md_run_id: str,
    field: str,
    by: str,
    part: Segment | Checkpoint,
    session: ClientSession | None,
) -> None:
    others = {"$filter": {"input": f"${field}", "cond": {"$ne": [f"$$this.{by}", getattr(part, by)]}}}
    grown = {field: {"$concatArrays": [others, [{"$literal": part.model_dump()}]]}}
    result = store.collection(MDRun).update_one(
        {"_id": md_run_id}, [{"$set": grown | {"last_updated": datetime.now(UTC)}}], session=session
    )
    if not result.matched_count:
        raise StoreError("There is no such MD run", "Save it with `Store.create` first.", {"id": md_run_id})
