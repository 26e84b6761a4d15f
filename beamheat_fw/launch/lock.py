"""FireWorks' workflow lock, with an owner, so that a lock whose owner is dead can be told and taken over."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any

from fireworks.core.launchpad import LockedWorkflowError, WFLock
from fireworks.fw_config import WFLOCK_EXPIRATION_SECS

from beamheat_fw.launch.owner import Fate, fate, this_process

if TYPE_CHECKING:
    from fireworks import LaunchPad

#: A lock belongs to a process, which may enter it again after an outage; its threads take turns.
_THREADS = threading.RLock()


class OwnedLock(WFLock):
    """Lock a workflow for one update of it; FireWorks' own rockets respect it and wait.

    Parameters
    ----------
    launchpad : LaunchPad
    fw_id : int
        Any firework of the workflow.
    patience_s : float
        How long to wait for another live owner, s.

    Attributes
    ----------
    owner : dict
        This process.
    released : bool
        Whether the update itself has released the lock.

    Raises
    ------
    LockedWorkflowError
        On entering: another owner held it for longer than the patience.
    """

    def __init__(self, launchpad: LaunchPad, fw_id: int, patience_s: float = WFLOCK_EXPIRATION_SECS) -> None:
        super().__init__(launchpad, fw_id, expire_secs=patience_s, kill=False)
        self.owner = this_process()
        self.released = False

    def __enter__(self) -> OwnedLock:
        _THREADS.acquire()
        try:
            self._wait_for_it()
        except BaseException:
            _THREADS.release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if not self.released:
                mine = {"nodes": self.fw_id, "locked": self.owner}
                self.lp.workflows.update_one(mine, {"$unset": {"locked": ""}})
        finally:
            _THREADS.release()

    def _wait_for_it(self) -> None:
        give_up_at = time.monotonic() + self.expire_secs
        pause = 0.02
        while not (self._take({"$exists": False}) or self._take(self.owner) or self._take_from_the_dead()):
            if time.monotonic() > give_up_at:
                raise LockedWorkflowError(f"Could not get workflow - LOCKED: {self.fw_id}")
            time.sleep(pause)
            pause = min(2 * pause, 1.0)

    def _take(self, held: dict[str, Any]) -> bool:
        found = self.lp.workflows.update_one(
            {"nodes": self.fw_id, "locked": held}, {"$set": {"locked": self.owner}}
        )
        return bool(found.matched_count)

    def _take_from_the_dead(self) -> bool:
        workflow = self.lp.workflows.find_one({"nodes": self.fw_id}, {"locked": 1})
        if workflow is None:
            raise ValueError(f"Could not find workflow in database: {self.fw_id}")
        holder = workflow.get("locked")
        return fate(holder) is Fate.DEAD and self._take(holder)
