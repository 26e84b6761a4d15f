"""The LaunchPad that survives: outages, kills, and rockets that come back after having been replaced.

FireWorks' own `launch_rocket` and `rapidfire` run on it unchanged; it overrides the few methods through which
a rocket talks to the database.
"""

from __future__ import annotations

import contextlib
import inspect
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pymongo
from fireworks import Firework, FWAction, FWorker, LaunchPad
from fireworks.core.launchpad import LockedWorkflowError
from fireworks.utilities.dict_mods import apply_mod
from pymongo.errors import DocumentTooLarge, PyMongoError

from beamheat_fw.errors import Fenced, Paused
from beamheat_fw.launch.allow_list import RefusedTask, judge
from beamheat_fw.launch.claiming import UNLOADABLE, ClaimingLaunchPad
from beamheat_fw.launch.completion import Completion, fitting, forget_completion, read_completion
from beamheat_fw.launch.connection import client_options, without_secrets
from beamheat_fw.launch.fencing import PAUSE
from beamheat_fw.launch.outage import DatabaseAway, is_outage
from beamheat_fw.launch.stopping import STOP, Phase, kind_of_error, why_stopped

_SETTINGS = tuple(inspect.signature(LaunchPad.__init__).parameters)[1:]
#: A heartbeat must not hold the rocket up: a completion may have to be written before a kill.
_PING_S = 3.0


class CompletionPending(LockedWorkflowError):
    """A launch has ended but the database does not know yet; its completion waits in the launch folder.

    It is a LockedWorkflowError because that is what a FireWorks rocket leaves alone: any other exception
    would make it throw the result away.
    """


class Flight(NamedTuple):
    """What the rocket of this process runs."""

    fw_id: int
    launch_id: int
    folder: Path


class SurvivingLaunchPad(ClaimingLaunchPad):
    """FireWorks' LaunchPad for rockets that must not lose work; one rocket at a time in a process.

    Attributes
    ----------
    flight : Flight or None
        What runs now.
    only_ingests : bool
        Whether rockets may not run anything, but bring in what a node without database has run.
    """

    only_ingests = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        settings = {**dict(zip(_SETTINGS, args, strict=False)), **kwargs}
        super().__init__(**{**settings, "mongoclient_kwargs": client_options(settings)})
        self.flight: Flight | None = None
        self._waiting: list[Path] = []

    @classmethod
    def from_dict(cls, d: Mapping[str, Any]) -> SurvivingLaunchPad:
        """Make one from the content of a launchpad file."""
        return cls(**{name: d[name] for name in _SETTINGS if name in d})

    def to_dict(self) -> dict[str, Any]:
        """Return the settings without the password, which FireWorks would write out."""
        return without_secrets(super().to_dict())

    def __repr__(self) -> str:
        return f"SurvivingLaunchPad({self.name!r})"

    def run_exists(self, fworker: FWorker | None = None) -> bool:
        """Tell whether a firework is ready; ends the process's loop when it was asked to stop."""
        STOP.check()
        return self._survive(lambda: super(SurvivingLaunchPad, self).run_exists(fworker), "looking for work")

    def future_run_exists(self, fworker: FWorker | None = None) -> bool:
        """Tell whether a firework is ready or will be."""
        STOP.check()
        return self._survive(
            lambda: super(SurvivingLaunchPad, self).future_run_exists(fworker), "looking for future work"
        )

    def checkout_fw(
        self,
        fworker: FWorker,
        launch_dir: str,
        fw_id: int | None = None,
        host: str | None = None,
        ip: str | None = None,
        state: str = "RUNNING",
    ) -> tuple[Firework | None, int | None]:
        """Check out a firework, which this process then runs."""
        STOP.check()
        while self._waiting:
            self.complete_waiting(self._waiting.pop())
        with STOP.busy_with_database():
            firework, launch_id = super().checkout_fw(fworker, launch_dir, fw_id, host, ip, state)
        # A firework that is reserved for a job is not run by this process.
        if firework is not None and launch_id is not None and state == "RUNNING":
            self.flight = Flight(firework.fw_id, launch_id, Path(launch_dir))
            with contextlib.suppress(*UNLOADABLE):  # of a malformed spec, which the rocket will fizzle
                _repeat_earlier_tasks(firework.spec)
            STOP.new_task()
        return firework, launch_id

    def change_launch_dir(self, launch_id: int, launch_dir: str) -> None:
        """Record that a launch goes on in another folder."""
        with STOP.busy_with_database():
            self._survive(
                lambda: super(SurvivingLaunchPad, self).change_launch_dir(launch_id, launch_dir),
                "recording the launch folder",
            )
        if self.flight and self.flight.launch_id == launch_id:
            self.flight = self.flight._replace(folder=Path(launch_dir))

    def ping_launch(self, launch_id: int, ptime: Any = None, checkpoint: Any = None) -> None:
        """Send the heartbeat; a database that is away is left to the next one. Notices a replaced rocket."""
        if threading.current_thread() is not threading.main_thread():
            self._ping(launch_id, ptime, checkpoint)
            self._notice_replacement(launch_id)
            return
        with STOP.busy_with_database():
            self._ping(launch_id, ptime, checkpoint)

    def complete_launch(
        self, launch_id: int, action: FWAction | None = None, state: str = "COMPLETED"
    ) -> dict[str, Any]:
        """End a launch: written to its folder first, then to the database, then removed from the folder.

        Work that was asked to stop is handed over: its firework becomes READY again, no failure is counted. A
        rocket that has been replaced changes nothing.

        Raises
        ------
        CompletionPending
            The database stayed away or the workflow locked; the file waits for the next rocket or the doctor.
        """
        flight = self.flight
        if flight is None or flight.launch_id != launch_id:  # not a rocket of this process: lpad-like use
            return super().complete_launch(launch_id, action, state)
        STOP.phase = Phase.DATABASE
        try:
            launch = self._end(flight, action, state)
        except CompletionPending:
            self._waiting.append(flight.folder)
            self.land()
            raise
        self.land()
        return launch

    def restore_backup_data(self, launch_id: int, fw_id: int) -> None:
        """Do nothing: what FireWorks restores may by now belong to another rocket."""

    def complete_waiting(self, folder: str | Path) -> bool:
        """Apply the completion that waits in the launch folder of a rocket that is gone.

        Returns
        -------
        bool
            Whether there was one for this database whose launch had not been replaced.
        """
        completion = read_completion(folder)
        if completion is None or completion.database != self.name:
            return False
        current = self.holds(completion.fw_id, completion.launch_id)
        self._complete_from(Path(folder), completion)
        return current

    def launch_id_of(self, fw_id: int) -> int:
        """Return the launch under which this process runs a firework: the token its writes are fenced with.

        Raises
        ------
        Fenced
            This process does not run it.
        """
        if self.flight is None or self.flight.fw_id != fw_id:
            raise _fenced(fw_id, None)
        return self.flight.launch_id

    def _end(self, flight: Flight, action: FWAction | None, state: str) -> dict[str, Any]:
        if state == "FIZZLED" and (reason := why_stopped(action)):
            self._survive(lambda: self.hand_over(flight.fw_id, flight.launch_id, reason), "handing over")
            if kind_of_error(action) == Paused.__name__:
                self._survive(lambda: self.move(flight.fw_id, PAUSE), "pausing")
            return {}
        document, state = fitting(action, state)
        completion = Completion(flight.launch_id, flight.fw_id, state, document, self.name)
        try:
            completion.write(flight.folder)
        except OSError as error:  # a full disk must not cost a result that the database can still take
            self.m_logger.warning("%s: the completion was not written: %s", flight.folder, error)
        return self._complete_from(flight.folder, completion)

    def land(self) -> None:
        """Forget the rocket of this process: its launch has ended."""
        self.flight = None
        STOP.phase = Phase.IDLE

    def _ping(self, launch_id: int, ptime: Any, checkpoint: Any) -> None:
        try:
            with pymongo.timeout(_PING_S):
                super().ping_launch(launch_id, ptime, checkpoint)
        except DocumentTooLarge:
            self.m_logger.warning(
                "launch %s: its FireWorks checkpoint exceeds 16 MB and is left out", launch_id
            )
        except RefusedTask as refusal:
            self.m_logger.warning("launch %s: no heartbeat: %s", launch_id, refusal)
        except PyMongoError as error:
            if not is_outage(error):
                raise
            self.m_logger.warning("launch %s: no heartbeat, the database is away", launch_id)

    def _notice_replacement(self, launch_id: int) -> None:
        flight = self.flight
        try:
            if flight and flight.launch_id == launch_id and not self.holds(flight.fw_id, launch_id):
                if self.is_taken_for_dead(launch_id):  # it would be again, with whatever it took next
                    STOP.request("this process was taken for dead")
                STOP.end_task("another rocket has taken this firework over")
        except PyMongoError as error:
            if not is_outage(error):
                raise

    def _complete_from(self, folder: Path, completion: Completion) -> dict[str, Any]:
        try:
            launch = self._survive(lambda: self._complete(completion), "completing a launch")
        except (DatabaseAway, LockedWorkflowError, RefusedTask) as error:
            raise CompletionPending(
                f"{error}. The completion waits in {folder} for the next rocket or 'beamheat doctor --fix'"
            ) from error
        forget_completion(folder)
        return launch

    def _complete(self, completion: Completion) -> dict[str, Any]:
        if not self.holds(completion.fw_id, completion.launch_id):
            self.m_logger.warning(_fenced(completion.fw_id, completion.launch_id).message())
            return {}
        judge({"fw_id": completion.fw_id, "action": completion.action}, self.allowed_tasks)
        return super().complete_launch(completion.launch_id, completion.fwaction(), completion.state)


def _repeat_earlier_tasks(spec: dict[str, Any]) -> None:
    """Give the tasks that are left what the earlier ones had put into the spec; FireWorks forgets that.

    Parameters
    ----------
    spec : dict
        Of a firework that ``lpad rerun_fws --task-level`` starts in the middle; changed in place.
    """
    recovery = spec.get("_recovery") or {}
    spec.update(recovery.get("_all_update_spec") or {})
    for modification in recovery.get("_all_mod_spec") or ():
        apply_mod(modification, spec)


def _fenced(fw_id: int, launch_id: int | None) -> Fenced:
    return Fenced(
        "This rocket no longer holds its firework and writes nothing",
        "Nothing to mend: another rocket has taken the firework over.",
        {"fw_id": fw_id, "launch_id": launch_id},
    )
