"""Working fireworks off with FireWorks' own launchers on the surviving LaunchPad."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fireworks import FWorker
from fireworks.core.launchpad import LockedWorkflowError
from fireworks.core.rocket_launcher import launch_rocket
from fireworks.core.rocket_launcher import rapidfire as fireworks_rapidfire

from beamheat_fw.errors import BeamheatError, InputError, Interrupted
from beamheat_fw.launch import stopping
from beamheat_fw.launch.folder_launchpad import FolderLaunchPad
from beamheat_fw.launch.launchpad import SurvivingLaunchPad
from beamheat_fw.launch.owner import this_process
from beamheat_fw.launch.worker import read_worker

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Loop:
    """How long `rapidfire` goes on; the meanings are those of FireWorks' ``rlaunch rapidfire``.

    Attributes
    ----------
    nlaunches : int
        How many rockets; 0 until nothing is left, -1 for ever.
    max_loops : int
        How many times to sleep and look again; -1 for no limit.
    sleep_s : int or None
        How long to sleep between looks, s; None for FireWorks' setting.
    timeout_s : int or None
        When to start no more rockets, s.
    local_redirect : bool
        Whether output goes to files in the launch folder.
    """

    nlaunches: int = 0
    max_loops: int = -1
    sleep_s: int | None = None
    timeout_s: int | None = None
    local_redirect: bool = False


def singleshot(
    launchpad: SurvivingLaunchPad, fworker: FWorker, fw_id: int | None = None, loglvl: str = "INFO"
) -> bool:
    """Run one rocket in this folder; return whether there was one to run.

    Signals and the deadline end it cleanly, see `stopping`.

    Raises
    ------
    InputError
        The folder holds an action that FireWorks would take for that of the firetask.
    """
    _refuse_foreign_action(Path.cwd())
    with _as_worker(launchpad, fworker):
        return launch_rocket(launchpad, fworker, fw_id, loglvl)
    return False


def singleshot_offline(folder: Path, fworker: FWorker, loglvl: str = "INFO") -> bool:
    """Run what is staged in a launch folder, without a database; return whether there was something to run.

    Raises
    ------
    InputError
        Nothing is staged there, or as `singleshot`.
    """
    _refuse_foreign_action(folder)
    worker = read_worker(fworker.env)
    launchpad = FolderLaunchPad(folder, worker.allowed_tasks)
    stopping.install(worker)
    try:
        return launch_rocket(launchpad, fworker, strm_lvl=loglvl)
    except Interrupted as stop:
        _LOG.warning(stop.message())
        return False
    finally:
        stopping.disarm()


def _refuse_foreign_action(folder: Path) -> None:
    for name in ("FWAction.json", "FWAction.yaml"):
        if (folder / name).exists():
            raise InputError(
                "FireWorks would load this file in place of what the firetask returns",
                "Remove it, or launch in another folder.",
                {"file": str(folder / name)},
            )


def rapidfire(launchpad: SurvivingLaunchPad, fworker: FWorker, loop: Loop, loglvl: str = "INFO") -> None:
    """Run rockets in folders below this one until the loop's end, a signal or the deadline."""
    with _as_worker(launchpad, fworker):
        fireworks_rapidfire(
            launchpad,
            fworker,
            nlaunches=loop.nlaunches,
            max_loops=loop.max_loops,
            sleep_time=loop.sleep_s,
            timeout=loop.timeout_s,
            local_redirect=loop.local_redirect,
            strm_lvl=loglvl,
        )


@contextmanager
def _as_worker(launchpad: SurvivingLaunchPad, fworker: FWorker) -> Iterator[None]:
    """Be a worker, with its allow-list, limits and signals, until the work is over or asked to stop."""
    worker = read_worker(fworker.env)
    launchpad.allowed_tasks = worker.allowed_tasks
    launchpad.outage_limit_s = worker.outage_limit_s
    stopping.install(worker)
    try:
        launchpad.require_transactions()
        complete_waiting_here(launchpad)
        yield
    except Interrupted as stop:
        _LOG.warning(stop.message())
    finally:
        stopping.disarm()


def complete_waiting_here(launchpad: SurvivingLaunchPad) -> list[int]:
    """Apply the completions that rockets of this machine could not bring to the database any more.

    Returns
    -------
    list of int
        The launches that were completed.
    """
    running = [
        launch
        for firework in launchpad.fireworks.find({"state": "RUNNING"}, {"launches": 1})
        for launch in firework["launches"]
    ]
    here = {"launch_id": {"$in": running}, "fworker.env.rocket.host": this_process()["host"]}
    done = []
    for launch in list(launchpad.launches.find(here, {"launch_id": 1, "launch_dir": 1})):
        try:
            if launchpad.complete_waiting(launch["launch_dir"]):
                done.append(launch["launch_id"])
        except (BeamheatError, LockedWorkflowError) as error:
            _LOG.warning("%s", error)
    return done
