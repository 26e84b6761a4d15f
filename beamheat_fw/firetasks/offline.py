"""Work for nodes without a database: staged and brought in by a machine that has one.

The same three acts on the same job folder as everywhere, in three processes: `stage` here, the run on the
node, ingest here. Meanwhile the firework is RESERVED, so that nobody else takes it; its launch is the fencing
token.
"""

from __future__ import annotations

import datetime
import logging
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fireworks import Firework, FWorker
from fireworks.core.rocket_launcher import launch_rocket

from beamheat_fw import firetasks
from beamheat_fw.errors import BeamheatError, Interrupted, Paused
from beamheat_fw.firetasks.budget import hold_back
from beamheat_fw.firetasks.context import Context
from beamheat_fw.firetasks.job import JobTask
from beamheat_fw.launch.allow_list import judge
from beamheat_fw.launch.fencing import PAUSE
from beamheat_fw.launch.launchpad import SurvivingLaunchPad
from beamheat_fw.launch.staged_launch import (
    EndedLaunch,
    StagedLaunch,
    StartedLaunch,
    recall,
    write_firework,
)
from beamheat_fw.store.database import Store

_LOG = logging.getLogger(__name__)


def stageable(fworker: FWorker) -> FWorker:
    """Return a worker that takes, of a worker's fireworks, those that can be run by a folder alone."""
    query = {**fworker._query, "spec._tasks._fw_name": {"$in": _names()}, "spec._tasks": {"$size": 1}}
    return FWorker(fworker.name, fworker.category, query, fworker.env)


def _names() -> list[str]:
    tasks = (getattr(firetasks, name) for name in firetasks.__all__)
    return [task._fw_name for task in tasks if issubclass(task, JobTask)]


@dataclass(frozen=True)
class Stager:
    """Stages reserved fireworks.

    Attributes
    ----------
    launchpad : SurvivingLaunchPad
    store : Store
    fworker : FWorker
    """

    launchpad: SurvivingLaunchPad
    store: Store
    fworker: FWorker

    def stage(self, firework: Firework, launch_id: int, folder: Path, for_queue: bool) -> bool:
        """Stage a reserved firework in its launch folder; return whether a node has to run it.

        It has not when its job folder holds the outcome already, which is brought in at once, nor when it
        cannot be staged: then it is FIZZLED with the reason.
        """
        try:
            context = self._context(firework, launch_id)
            hold_back(self.launchpad, self.store, context.record)
            job = self._task(firework).stage_alone(context)
        except Interrupted as error:  # paused, or a run that was given up is still at work in the folder
            _LOG.warning("firework %s is staged later: %s", firework.fw_id, error)
            self.launchpad.free_reservation(firework.fw_id, launch_id)
            if isinstance(error, Paused):
                self.launchpad.move(firework.fw_id, PAUSE)
            return False
        except BeamheatError as error:
            _LOG.warning("firework %s was not staged: %s", firework.fw_id, error)
            self.launchpad.fail_reserved(firework.fw_id, launch_id, error)
            return False
        scratch = str(job.path.parents[1])
        staged = StagedLaunch(launch_id, firework.fw_id, self.launchpad.name, scratch, job.key, for_queue)
        write_firework(folder, firework.to_dict())
        staged.write(folder)
        if job.outcome() is None:
            return True
        note_end(folder, staged)
        bring_in(self.launchpad, self.launchpad.launches.find_one({"launch_id": launch_id}))
        return False

    def hold(self) -> None:
        """Keep what all fireworks that are staged on this machine have claimed."""
        here = {"state": "RESERVED", "host": socket.gethostname()}
        for launch in list(self.launchpad.launches.find(here, {"fw_id": 1, "launch_id": 1, "launch_dir": 1})):
            staged = StagedLaunch.read(Path(launch["launch_dir"]))
            if staged and self.launchpad.is_reserved(launch["fw_id"], launch["launch_id"]):
                firework = self.launchpad.get_fw_by_id(launch["fw_id"])
                self._task(firework).hold(self.store, firework.fw_id)

    def _task(self, firework: Firework) -> JobTask:
        (task,) = firework.tasks
        return task

    def _context(self, firework: Firework, launch_id: int) -> Context:
        spec = {**firework.spec, "_fw_env": self.fworker.env}
        return Context.from_spec(spec, self.launchpad, firework.fw_id, launch_id)


def note_end(folder: Path, staged: StagedLaunch) -> None:
    """Note that a launch's work is done, where no node has."""
    EndedLaunch(staged.launch_id, "COMPLETED", None, None, _now()).write(folder)


def bring_in(launchpad: SurvivingLaunchPad, launch: Mapping[str, Any]) -> bool:
    """Bring a run that has ended on a node into the database: ingest it, hand it over, or note its failure.

    Parameters
    ----------
    launchpad : SurvivingLaunchPad
    launch : mapping
        The document of the RESERVED launch; `EndedLaunch` stands in its folder.

    Returns
    -------
    bool
        False when the launch has been replaced, or brought in before.
    """
    folder = Path(launch["launch_dir"])
    staged, ended = StagedLaunch.read(folder), EndedLaunch.read(folder)
    if staged is None or ended is None or not launchpad.is_reserved(launch["fw_id"], launch["launch_id"]):
        return False
    judge({"fw_id": launch["fw_id"], "action": ended.action}, launchpad.allowed_tasks)
    fworker = _worker_of(launch, staged)
    with chdir(folder), _only_ingesting(launchpad):
        if ended.state == "COMPLETED":
            launch_rocket(launchpad, fworker, launch["fw_id"], "CRITICAL")
        elif not _end_badly(launchpad, fworker, launch["fw_id"], ended):
            return False
    _note_when_it_ran(launchpad, launch["launch_id"], StartedLaunch.read(folder), ended)
    recall(folder)  # a job that the queue starts again finds nothing to do
    return True


def _end_badly(launchpad: SurvivingLaunchPad, fworker: FWorker, fw_id: int, ended: EndedLaunch) -> bool:
    firework, launch_id = launchpad.checkout_fw(fworker, os.getcwd(), fw_id)
    if firework is None or launch_id is None:
        return False
    if ended.stopped is None:
        launchpad.complete_launch(launch_id, ended.fwaction(), "FIZZLED")
    else:
        launchpad.hand_over(fw_id, launch_id, ended.stopped)
        launchpad.land()
    return True


def _worker_of(launch: Mapping[str, Any], staged: StagedLaunch) -> FWorker:
    """Return the worker that staged a launch, with the scratch as it was then."""
    fworker = FWorker.from_dict(launch["fworker"])
    env = {name: value for name, value in fworker.env.items() if name != "rocket"}
    return FWorker(fworker.name, fworker.category, fworker._query, {**env, "scratch": staged.scratch})


@contextmanager
def _only_ingesting(launchpad: SurvivingLaunchPad) -> Iterator[None]:
    launchpad.only_ingests = True
    try:
        yield
    finally:
        launchpad.only_ingests = False


def _note_when_it_ran(
    launchpad: SurvivingLaunchPad, launch_id: int, started: StartedLaunch | None, ended: EndedLaunch
) -> None:
    """Let the launch say where and how long the node ran, rather than how long bringing it in took."""
    if started is None or started.launch_id != launch_id:
        return
    begin, end = (datetime.datetime.fromisoformat(moment) for moment in (started.at, ended.at))
    launchpad.launches.update_one(
        {"launch_id": launch_id},
        {
            "$set": {
                "host": started.host,
                "time_start": started.at,
                "time_end": ended.at,
                "runtime_secs": (end - begin).total_seconds(),
            }
        },
    )


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat()
