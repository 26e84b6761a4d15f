"""A LaunchPad whose changes are atomic, owned and conditional: the ground of `launchpad.SurvivingLaunchPad`.

FireWorks updates a workflow in several writes under a lock without an owner. Here a workflow and its
fireworks change in one transaction, the lock says whose it is, and a firework is rerun only while it is still
what the caller saw: two doctors, or a doctor and a rocket that comes back, cannot undo each other's work.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from fireworks import FWAction, Workflow
from fireworks.core.launchpad import LockedWorkflowError
from pymongo import ReplaceOne
from pymongo.client_session import ClientSession

from beamheat_fw.errors import BeamheatError, StoreError
from beamheat_fw.launch.judging import JudgingLaunchPad
from beamheat_fw.launch.lock import OwnedLock
from beamheat_fw.launch.outage import OUTAGE_LIMIT_S, survive
from beamheat_fw.launch.owner import this_process
from beamheat_fw.launch.stopping import STOP

T = TypeVar("T")

#: The error kind of launches whose rocket vanished.
LOST = "Lost"
#: The query that finds those launches.
LOST_LAUNCHES = {"action.stored_data._exception._details.kind": LOST}
#: What becomes of the fireworks of a paused workflow.
PAUSE = {"WAITING": "PAUSED", "READY": "PAUSED"}


class FencedLaunchPad(JudgingLaunchPad):
    """FireWorks' LaunchPad with transactions, owned locks and the fencing token.

    Attributes
    ----------
    outage_limit_s : float
        How long each exchange with the database is retried, s.
    """

    outage_limit_s: float = OUTAGE_LIMIT_S

    def require_transactions(self) -> None:
        """Raise `StoreError` unless the server is a replica set, as fencing needs it."""
        hello = self._survive(lambda: self.connection.admin.command("hello"), "greeting the server")
        if "setName" not in hello and hello.get("msg") != "isdbgrid":
            raise StoreError(
                "The MongoDB server is not a replica set, so results cannot be fenced",
                "Start mongod with --replSet and initiate a set of one member; an Atlas server is one.",
            )

    def holds(self, fw_id: int, launch_id: int) -> bool:
        """Tell whether a launch is its firework's newest and the firework RUNNING: the fencing token."""
        return self.fireworks.find_one(held(fw_id, launch_id), {"_id": 1}) is not None

    def rerun_if(self, fw_id: int, still: Mapping[str, Any]) -> bool:
        """Rerun a firework if, under its workflow's lock, it is still what the caller saw.

        Parameters
        ----------
        fw_id : int
        still : mapping
            A query on the firework's document, such as its state and launches.

        Returns
        -------
        bool
            Whether it was rerun.
        """
        with OwnedLock(self, fw_id) as lock:
            if not self.fireworks.find_one({**still, "fw_id": fw_id}, {"_id": 1}):
                return False
            workflow = self.get_wf_by_fw_id_lzyfw(fw_id)
            self._update_wf(workflow, workflow.rerun_fw(fw_id), lock)
        return True

    def hand_over(self, fw_id: int, launch_id: int, reason: str) -> bool:
        """Make a RUNNING firework READY again and archive its launch, which did not fail.

        Returns
        -------
        bool
            False when the launch had been replaced already.
        """
        if not self.rerun_if(fw_id, held(fw_id, launch_id)):
            return False
        self._end_launch(launch_id, "RUNNING", "ARCHIVED", reason)
        return True

    def give_up(self, fw_id: int, launch_id: int, reason: str, fizzle: bool, state: str = "RUNNING") -> bool:
        """Take a firework away from a rocket that is gone: rerun it, or fizzle it when that is of no use.

        Parameters
        ----------
        fw_id, launch_id : int
        reason : str
            Kept in the launch.
        fizzle : bool
            Whether to stop trying.
        state : {'RUNNING', 'RESERVED'}
            RESERVED where a node without database ran it.

        Returns
        -------
        bool
            False when the launch had been replaced or completed already.
        """
        if not fizzle and not self.rerun_if(fw_id, held(fw_id, launch_id, state)):
            return False
        error = {"kind": LOST, "what": reason}
        lost = self._end_launch(launch_id, state, "FIZZLED", reason, error)
        if fizzle:
            self.refresh_workflow(fw_id)
        return lost or not fizzle

    def is_taken_for_dead(self, launch_id: int) -> bool:
        """Tell whether somebody ended a launch because its rocket seemed to be gone."""
        return self.launches.find_one({**LOST_LAUNCHES, "launch_id": launch_id}, {"_id": 1}) is not None

    def is_reserved(self, fw_id: int, launch_id: int) -> bool:
        """Tell whether a firework is RESERVED for a launch, and nobody has taken it up."""
        wanted = {**held(fw_id, launch_id, "RESERVED"), "claim": None}
        return self.fireworks.find_one(wanted, {"_id": 1}) is not None

    def free_reservation(self, fw_id: int, launch_id: int) -> bool:
        """Make a RESERVED firework READY again; return whether it still was reserved for this launch."""
        return self.rerun_if(fw_id, {**held(fw_id, launch_id, "RESERVED"), "claim": None})

    def fail_reserved(self, fw_id: int, launch_id: int, error: BeamheatError) -> None:
        """Fizzle a RESERVED firework whose work cannot be prepared."""
        if self.is_reserved(fw_id, launch_id):
            self._end_launch(launch_id, "RESERVED", "FIZZLED", error.message(), error.to_dict())
            self.refresh_workflow(fw_id)

    def _end_launch(
        self, launch_id: int, before: str, after: str, reason: str, error: Mapping[str, Any] | None = None
    ) -> bool:
        """End a launch that no rocket completes; return whether it was in the state `before`."""
        launch = self.launches.find_one({"launch_id": launch_id, "state": before})
        if launch is None:
            return False
        now = datetime.datetime.now(datetime.UTC)
        # A lost rocket was last heard of at its heartbeat; one that hands over is here.
        fields = {
            "state": after,
            "time_end": now.isoformat(),
            "runtime_secs": _ran_s(launch, now, bool(error)),
        }
        if error:
            exception = {"_stacktrace": reason, "_details": dict(error)}
            stored = {"_message": reason, "_exception": exception}
            fields["action"] = FWAction(stored_data=stored, exit=True).to_dict()
        entry = {"state": after, "created_on": now.isoformat(), "reason": reason}
        ended = self.launches.update_one(
            {"launch_id": launch_id, "state": before}, {"$set": fields, "$push": {"state_history": entry}}
        )
        return bool(ended.matched_count)

    def free_claim(self, fw_id: int, claim: Mapping[str, Any] | None) -> bool:
        """Make a firework READY that a rocket claimed and never launched; return whether it still was so.

        Parameters
        ----------
        fw_id : int
        claim : mapping or None
            The claim that was seen; None for one of a plain rocket, which names no owner.
        """
        claimed = {"fw_id": fw_id, "state": "RESERVED", "claim": claim}
        firework = self.fireworks.find_one(claimed, {"launches": 1, "archived_launches": 1})
        if firework is None:
            return False
        known = [*firework["launches"], *firework.get("archived_launches", [])]
        unknown: dict[str, Any] = {"fw_id": fw_id, "launch_id": {"$nin": known}}
        if claim:
            unknown["fworker.env.rocket.token"] = claim["token"]
        self.launches.delete_many(unknown)
        freed = self.fireworks.update_one(claimed, {"$set": {"state": "READY"}, "$unset": {"claim": ""}})
        return bool(freed.modified_count)

    def refresh_workflow(self, fw_id: int) -> None:
        """Bring a workflow's states in line with its fireworks' launches.

        Parameters
        ----------
        fw_id : int
            The firework to start from; its children follow where its state changes.
        """
        with OwnedLock(self, fw_id) as lock:
            workflow = self.get_wf_by_fw_id_lzyfw(fw_id)
            self._update_wf(workflow, workflow.refresh(fw_id), lock)

    def move(self, fw_id: int, states: Mapping[str, str]) -> int:
        """Move the fireworks of a workflow from some states to others, at once.

        Parameters
        ----------
        fw_id : int
            Any firework of the workflow.
        states : mapping of str to str
            Each old state and its new one. A RUNNING firework's rocket is fenced off; WAITING becomes READY
            where the parents allow it.

        Returns
        -------
        int
            How many fireworks were moved.
        """
        with OwnedLock(self, fw_id) as lock:
            workflow = self.get_wf_by_fw_id_lzyfw(fw_id)
            moved = [node for node, firework in workflow.id_fw.items() if firework.state in states]
            for node in moved:
                firework = workflow.id_fw[node]
                new = states[firework.state]
                if firework.state == "RUNNING":
                    firework._rerun()
                firework.state = workflow.fw_states[node] = new
            changed = set(moved)
            for node in moved:
                changed |= set(workflow.refresh(node))
            self._update_wf(workflow, changed, lock)
        return len(moved)

    def move_campaign(self, campaign_id: str, states: Mapping[str, str]) -> int:
        """Move the fireworks of a campaign, as `move` does those of a workflow; return how many."""
        mine = self.workflows.find({"metadata.campaign_id": campaign_id}, {"nodes": 1})
        return sum(self.move(workflow["nodes"][0], states) for workflow in list(mine))

    def pause_campaign(self, campaign_id: str) -> int:
        """Pause what is ready or waits of a campaign; return how many fireworks."""
        return self.move_campaign(campaign_id, PAUSE)

    def _refresh_wf(self, fw_id: int) -> None:
        self._survive(lambda: self.refresh_workflow(fw_id), "updating a workflow")

    def _update_wf(self, wf: Workflow, updated_ids: Iterable[int], lock: OwnedLock | None = None) -> None:
        """Replace a workflow and its changed fireworks at once, and with them release the lock, if given."""
        fireworks = [wf.id_fw[fw_id] for fw_id in sorted(set(updated_ids))]
        known = next(fw_id for fw_id in wf.id_fw if fw_id > 0)
        old_new = {firework.fw_id: self.get_new_fw_id() for firework in fireworks if firework.fw_id < 0}
        for firework in fireworks:
            firework.fw_id = old_new.get(firework.fw_id, firework.fw_id)
        wf._reassign_ids(old_new)
        document = wf.to_db_dict() | ({} if lock else {"locked": this_process()})
        locked = {"nodes": known} | ({"locked": lock.owner} if lock else {})
        writes = [ReplaceOne({"fw_id": fw.fw_id}, fw.to_db_dict(), upsert=True) for fw in fireworks]

        def write(session: ClientSession | None = None) -> None:
            if writes:
                self.fireworks.bulk_write(writes, session=session)
            if not self.workflows.replace_one(locked, document, session=session).matched_count:
                raise LockedWorkflowError(f"The lock of the workflow of firework {known} was lost")

        if writes:
            self._in_transaction(write)
        else:
            write()
        if lock:
            lock.released = True

    def _in_transaction(self, write: Callable[[ClientSession], T]) -> T:
        with self.connection.start_session() as session:
            return session.with_transaction(write)

    def _survive(self, operation: Callable[[], T], what: str) -> T:
        return survive(operation, what, self.outage_limit_s, STOP.overdue)


def _ran_s(launch: Mapping[str, Any], now: datetime.datetime, is_lost: bool) -> float | None:
    """Return how long a launch is known to have run, s; None when it never did."""
    running = [entry for entry in launch["state_history"] if entry["state"] == "RUNNING"]
    if not running:
        return None
    begin, heard = running[0]["created_on"], running[-1].get("updated_on") or running[-1]["created_on"]
    end = _moment(heard) if is_lost else now
    return max((end - _moment(begin)).total_seconds(), 0.0)


def _moment(stored: str | datetime.datetime) -> datetime.datetime:
    """Return a moment as FireWorks stores it: some as text, some as dates."""
    moment = datetime.datetime.fromisoformat(stored) if isinstance(stored, str) else stored
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)


def held(fw_id: int, launch_id: int, state: str = "RUNNING") -> dict[str, Any]:
    """Return the query that finds a firework only while a launch is its newest and runs."""
    return {
        "fw_id": fw_id,
        "state": state,
        "launches": launch_id,
        "$expr": {"$eq": [{"$last": "$launches"}, launch_id]},
    }
