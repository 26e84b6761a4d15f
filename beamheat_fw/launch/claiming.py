"""A LaunchPad whose claims name their owner: the ground of `launchpad.SurvivingLaunchPad`.

FireWorks claims a firework, writes its launch and tells the firework of it, each in a write of its own.
"""

from __future__ import annotations

import copy
import datetime
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from fireworks import Firework, FWorker
from fireworks.fw_config import SORT_FWS
from pymongo import ASCENDING, DESCENDING, ReturnDocument

from beamheat_fw.launch.allow_list import RefusedTask, judge
from beamheat_fw.launch.fencing import FencedLaunchPad
from beamheat_fw.launch.owner import this_process

#: What loading a firework raises whose code is not there or has changed.
UNLOADABLE = (ImportError, AttributeError, LookupError, TypeError, ValueError)
_ORDERS = {"FIFO": [("created_on", ASCENDING)], "FILO": [("created_on", DESCENDING)]}


class ClaimingLaunchPad(FencedLaunchPad):
    """FireWorks' LaunchPad that checks a firework out once, however often the database goes away."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._claim: dict[str, Any] = {}

    def checkout_fw(
        self,
        fworker: FWorker,
        launch_dir: str,
        fw_id: int | None = None,
        host: str | None = None,
        ip: str | None = None,
        state: str = "RUNNING",
    ) -> tuple[Firework | None, int | None]:
        """Check out a firework.

        The claim on the firework and the launch name their owner from the first write on, so that after a
        kill at any point a doctor on this machine can prove the owner dead.
        """
        self._claim = {**this_process(), "token": uuid4().hex}
        signed = copy.copy(fworker)
        # Lines of a job's script are nobody's business but the site's; they may hold a secret.
        known = {name: value for name, value in fworker.env.items() if name != "pre_rocket"}
        signed.env = {**known, "rocket": self._claim}
        attempts = iter((False,))

        def check_out() -> tuple[Firework | None, int | None]:
            found, claimed = self._find_own_checkout() if next(attempts, True) else (None, None)
            return found or super(ClaimingLaunchPad, self).checkout_fw(
                signed, launch_dir, claimed or fw_id, host, ip, state
            )

        firework, launch_id = self._survive(check_out, "checking out a firework")
        self.backup_launch_data.clear()
        self.backup_fw_data.clear()
        return firework, launch_id

    def _get_a_fw_to_run(
        self, query: Mapping[str, Any] | None = None, fw_id: int | None = None, checkout: bool = True
    ) -> Any:
        wanted = {**(query or {}), "state": "READY"}
        order = [("spec._priority", DESCENDING), *_ORDERS.get(SORT_FWS.upper(), [])]
        if not checkout:
            return self.fireworks.find_one(wanted, {"fw_id": 1}, sort=order)
        if fw_id:
            unclaimed = {"state": "RESERVED", "claim.token": {"$in": [None, self._claim["token"]]}}
            wanted = {"fw_id": fw_id, "$or": [{"state": "READY"}, unclaimed]}
        while claimed := self._claim_one(wanted, order):
            try:
                judge(claimed, self.allowed_tasks)
                firework = self._load(claimed)
            except RefusedTask as refusal:
                self._refuse(claimed["fw_id"], refusal)
                continue
            if firework or fw_id:
                return firework
        return None

    def _load(self, claimed: dict[str, Any]) -> Firework | None:
        """Return a claimed firework, or None when it cannot be loaded or repeats another one."""
        try:
            firework = Firework.from_dict(self._with_launches(claimed))
        except UNLOADABLE:
            return super()._get_a_fw_to_run(fw_id=claimed["fw_id"])  # fizzles it
        return firework if self._check_fw_for_uniqueness(firework) else None

    def _claim_one(self, wanted: Mapping[str, Any], order: list[tuple[str, int]]) -> dict[str, Any] | None:
        now = datetime.datetime.now(datetime.UTC)
        claim = {"$set": {"state": "RESERVED", "updated_on": now, "claim": self._claim}}
        return self.fireworks.find_one_and_update(
            wanted, claim, sort=order, return_document=ReturnDocument.AFTER
        )

    def _refuse(self, fw_id: int, refusal: RefusedTask) -> None:
        """Fizzle a firework by its raw document, as loading it would import what was refused."""
        self.m_logger.warning(refusal.message())
        self.fireworks.update_one(
            {"fw_id": fw_id},
            {
                "$set": {"state": "FIZZLED", "spec._exception_details": refusal.to_dict()},
                "$unset": {"claim": ""},
            },
        )
        self.workflows.update_one(
            {"nodes": fw_id}, {"$set": {f"fw_states.{fw_id}": "FIZZLED", "state": "FIZZLED"}}
        )

    def _find_own_checkout(self) -> tuple[tuple[Firework, int] | None, int | None]:
        """Find how far this checkout came before the database went away.

        Returns
        -------
        (Firework, int) or None
            The firework and its launch, when the firework knows of its launch.
        int or None
            Else the id of the firework that is claimed, if any.
        """
        token = self._claim["token"]
        launch = self.launches.find_one(
            {"state": {"$in": ["RUNNING", "RESERVED"]}, "fworker.env.rocket.token": token},
            {"launch_id": 1, "fw_id": 1},
        )
        if launch and self.holds(launch["fw_id"], launch["launch_id"]):
            self._refresh_wf(launch["fw_id"])
            return (self.get_fw_by_id(launch["fw_id"]), launch["launch_id"]), None
        if launch:
            self.launches.delete_one({"launch_id": launch["launch_id"]})
        claimed = self.fireworks.find_one({"state": "RESERVED", "claim.token": token}, {"fw_id": 1})
        return None, claimed["fw_id"] if claimed else None
