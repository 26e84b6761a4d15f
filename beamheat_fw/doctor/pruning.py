"""What may go: folders of work that has ended well, and content of the database that nothing refers to.

Kept are the folders of everything that is not COMPLETED: it may run, go on from its checkpoints, or be
resubmitted. Whatever is removed is looked at again right before.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from beamheat_fw.launch import job_folder
from beamheat_fw.launch.completion import FILE_NAME as COMPLETION
from beamheat_fw.launch.fencing import FencedLaunchPad
from beamheat_fw.launch.job_folder import JobFolder
from beamheat_fw.store.artifacts import artifacts_size
from beamheat_fw.store.database import Store
from beamheat_fw.store.documents import MDRun
from beamheat_fw.store.md_runs import forget_checkpoints
from beamheat_fw.store.unreferenced import leftovers

#: How FireWorks' launchers begin the names of the folders they make; no other folder is ever removed.
_MADE_BY_LAUNCHERS = "launcher_"
#: States in which a firework will not go on with its run, unless it is run again from the start.
_OVER = ("COMPLETED", "ARCHIVED")


@dataclass(frozen=True)
class Prunable:
    """Something that may go.

    Attributes
    ----------
    kind : {'launch folder', 'job folder', 'checkpoints', 'artifact', 'cut-off upload'}
    name : str
        A path, or what it is in the database.
    size : int
        Bytes.
    remove : callable
        Removes it if that still is right; tells whether it did.
    """

    kind: str
    name: str
    size: int
    remove: Callable[[], bool] = field(repr=False, compare=False)


def prunable(
    launchpad: FencedLaunchPad, store: Store, scratch: Path, older_than: timedelta
) -> Iterator[Prunable]:
    """Yield what may go, of what has not been touched for some time.

    Parameters
    ----------
    launchpad : FencedLaunchPad
    store : Store
    scratch : Path
        Where the job folders of this machine are.
    older_than : timedelta
    """
    before = datetime.now(UTC) - older_than
    yield from _launch_folders(launchpad, before.timestamp())
    yield from _job_folders(launchpad, scratch, before.timestamp())
    yield from _checkpoints(launchpad, store, before)
    for found in leftovers(store, before):
        kind = "artifact" if found.is_whole else "cut-off upload"
        yield Prunable(kind, found.name, found.size, partial(found.remove, before))


def _launch_folders(launchpad: FencedLaunchPad, before: float) -> Iterator[Prunable]:
    """Yield the folders of launches of COMPLETED fireworks, and those of the jobs in which they ran."""
    jobs: dict[Path, list[Path]] = {}
    kept: set[Path] = set()
    for launch in launchpad.launches.find({}, {"fw_id": 1, "launch_dir": 1}):
        folder = Path(launch["launch_dir"])
        if not folder.name.startswith(_MADE_BY_LAUNCHERS) or not folder.is_dir():
            continue
        may_go = partial(_launch_may_go, launchpad, launch["fw_id"], folder, before)
        if not may_go():
            kept |= {folder, folder.parent}
            continue
        jobs.setdefault(folder.parent, []).append(folder)
        yield Prunable("launch folder", str(folder), _size(folder), partial(_remove_if, may_go, folder))
    for job, launches in jobs.items():
        # Made by the queue launcher: the script, the job's output and the launches, nothing else.
        inside = {path for path in job.iterdir() if path.is_dir()}
        is_old = _newest(job, but=launches) < before
        if job.name.startswith(_MADE_BY_LAUNCHERS) and job not in kept and inside <= set(launches) and is_old:
            size = sum(path.stat().st_size for path in job.iterdir() if path.is_file())
            yield Prunable("launch folder", str(job), size, partial(_remove_job, job))


def _launch_may_go(launchpad: FencedLaunchPad, fw_id: int, folder: Path, before: float) -> bool:
    done = launchpad.fireworks.find_one({"fw_id": fw_id, "state": "COMPLETED"}, {"_id": 1})
    return done is not None and not (folder / COMPLETION).exists() and _newest(folder) < before


def _job_folders(launchpad: FencedLaunchPad, scratch: Path, before: float) -> Iterator[Prunable]:
    for folder in job_folder.every(scratch):
        may_go = partial(_job_may_go, launchpad, folder, before)
        if may_go():
            size = _size(folder.path)
            yield Prunable("job folder", str(folder.path), size, partial(_remove_if, may_go, folder.path))


def _job_may_go(launchpad: FencedLaunchPad, folder: JobFolder, before: float) -> bool:
    """Tell whether all fireworks of a folder's key are COMPLETED; one of another database knows none."""
    states = launchpad.fireworks.distinct("state", {"spec.job_key": folder.key})
    return states == ["COMPLETED"] and not folder.is_locked() and _newest(folder.path) < before


def _checkpoints(launchpad: FencedLaunchPad, store: Store, before: datetime) -> Iterator[Prunable]:
    """Yield the stored states of MD runs that nobody will go on with."""
    for run in store.find(MDRun, {"checkpoints.0": {"$exists": True}, "last_updated": {"$lt": before}}):
        may_go = partial(_is_given_up, launchpad, run.fw_id)
        if may_go():
            size = artifacts_size(store, [one.sha256 for one in run.checkpoints])
            yield Prunable("checkpoints", run.id, size, partial(_forget, may_go, store, run.id))


def _is_given_up(launchpad: FencedLaunchPad, fw_id: int | None) -> bool:
    return not launchpad.fireworks.find_one({"fw_id": fw_id, "state": {"$nin": _OVER}}, {"_id": 1})


def _forget(may_go: Callable[[], bool], store: Store, run_id: str) -> bool:
    if not may_go():
        return False
    forget_checkpoints(store, run_id)
    return True


def _remove_if(may_go: Callable[[], bool], folder: Path) -> bool:
    if not may_go():
        return False
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()


def _remove_job(job: Path) -> bool:
    if any(path.is_dir() for path in job.iterdir()):  # a launch that was kept after all
        return False
    shutil.rmtree(job, ignore_errors=True)
    return not job.exists()


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())


def _newest(folder: Path, but: list[Path] | None = None) -> float:
    """Return when something in a folder was last written, in seconds since the epoch."""
    inside = (path for path in folder.rglob("*") if not any(path.is_relative_to(one) for one in but or ()))
    try:
        return max((path.lstat().st_mtime for path in inside), default=folder.stat().st_mtime)
    except FileNotFoundError:  # somebody is at work there
        return time.time()
