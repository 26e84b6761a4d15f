"""The folder in which a firework's work is staged, run and ingested, and found again by the next rocket.

Files alone, no database. The folder of one job key is the same for every rocket of a machine::

    <scratch>/jobs/<job key>/
        .lock          locked while a rocket or one of its child programs is at work; names the rocket
        staged.json    what was staged: the inputs are all there
        outcome.json   what the run ended with: it need not run again
        ingested.json  what was saved to the database: the folder may be cleaned
        ...            inputs, checkpoints and results of the driver
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from beamheat_fw.errors import InputError, IntegrityError, Interrupted
from beamheat_fw.launch.owner import Fate, fate, this_process
from beamheat_fw.whole_files import flush_folder, write_whole

STAGED = "staged.json"
OUTCOME = "outcome.json"
INGESTED = "ingested.json"

_JOBS = "jobs"
_LOCK = ".lock"
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+=@-]{0,199}")
#: How long orphans may take to write their checkpoints before they are killed, s.
_ORPHANS_PATIENCE_S = 10.0
_POLL_S = 0.1


class JobFolder:
    """The folder of one job.

    Parameters
    ----------
    scratch : Path
        The worker's scratch root.
    job_key : str
        ``spec["job_key"]`` of the firework.

    Raises
    ------
    InputError
        The key cannot be a folder's name.
    """

    def __init__(self, scratch: Path, job_key: str) -> None:
        if not _KEY.fullmatch(job_key):
            raise InputError(
                "This job key cannot be a folder's name",
                "Use up to 200 letters, digits and . _ + = @ -, a letter or digit first.",
                {"job_key": job_key},
            )
        self.key = job_key
        self.path = scratch / _JOBS / job_key

    @property
    def work(self) -> Path:
        """Where the driver's files are."""
        return self.path / "work"

    def __repr__(self) -> str:
        return f"JobFolder({str(self.path)!r})"

    @contextmanager
    def locked(self, patience_s: float = 60.0, stop: Callable[[], bool] = lambda: False) -> Iterator[int]:
        """Make the folder and keep everybody else out of it.

        The lock's descriptor is inheritable: a child program started with it keeps the folder locked when its
        rocket dies. Such orphans are ended here, as soon as their rocket is proven dead, and by nobody else.

        Parameters
        ----------
        patience_s : float
            How long to wait for a rocket that lives, s.
        stop : callable
            Ends the waiting when true.

        Yields
        ------
        int
            The descriptor, for ``subprocess``'s ``pass_fds``.

        Raises
        ------
        Interrupted
            Another rocket is still at work in the folder; the firework is tried again later.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            self._wait_for(descriptor, time.monotonic() + patience_s, stop)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps(this_process()).encode(), 0)
            os.set_inheritable(descriptor, True)
            yield descriptor
        finally:
            os.close(descriptor)

    def is_locked(self) -> bool:
        """Tell whether a process of this user on this machine, a rocket or an orphan, is at work here."""
        return bool(holders(self.path / _LOCK))

    def owner(self) -> dict[str, Any] | None:
        """Return the process that last locked the folder, as `owner.this_process` describes it."""
        try:
            return json.loads((self.path / _LOCK).read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return None

    def write(self, name: str, document: Any) -> None:
        """Write a small result as JSON, whole or not at all."""
        self.path.mkdir(parents=True, exist_ok=True)
        write_whole(self.path / name, json.dumps(document, indent=1).encode())

    def read(self, name: str) -> Any | None:
        """Return the content of a JSON file of the folder, or None when it is not there.

        Raises
        ------
        IntegrityError
            It is damaged.
        """
        path = self.path / name
        try:
            return json.loads(path.read_bytes())
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise IntegrityError(
                "A file of a job folder is damaged", "Remove it; the job makes it again.", {"file": str(path)}
            ) from error

    def mark_staged(self, inputs: Mapping[str, Any]) -> None:
        """Note that all inputs are there."""
        self.write(STAGED, dict(inputs))

    def mark_run_done(self, outcome: Mapping[str, Any]) -> None:
        """Note that the run has ended, and with what."""
        self.write(OUTCOME, dict(outcome))

    def mark_ingested(self, results: Mapping[str, Any]) -> None:
        """Note that the results are in the database."""
        self.write(INGESTED, dict(results))

    def staged(self) -> dict[str, Any] | None:
        """Return what was staged, or None."""
        return self.read(STAGED)

    def outcome(self) -> dict[str, Any] | None:
        """Return what the run ended with, or None when it has not ended."""
        return self.read(OUTCOME)

    def ingested(self) -> dict[str, Any] | None:
        """Return what was saved to the database, or None."""
        return self.read(INGESTED)

    def start_over(self) -> None:
        """Forget what was staged and run, keeping the lock; for a job whose inputs changed."""
        for item in self.path.iterdir():
            if item.name != _LOCK:
                shutil.rmtree(item) if item.is_dir() and not item.is_symlink() else item.unlink()
        flush_folder(self.path)

    def remove(self) -> None:
        """Remove the folder and everything in it."""
        shutil.rmtree(self.path, ignore_errors=True)

    def _wait_for(self, descriptor: int, give_up_at: float, stop: Callable[[], bool]) -> None:
        while not _try_lock(descriptor):
            owner = self.owner()
            if owner and fate(owner) is Fate.DEAD:
                end_orphans(self.path / _LOCK, owner["pid"])
            elif time.monotonic() > give_up_at or stop():
                raise Interrupted(
                    "Another rocket is at work in this job's folder",
                    "It is tried again later; 'beamheat doctor' names the other rocket.",
                    {"folder": str(self.path)},
                )
            time.sleep(_POLL_S)


def unfinished(scratch: Path) -> list[JobFolder]:
    """Return the job folders whose run is done but whose results were not saved, by name."""
    return [folder for folder in every(scratch) if folder.outcome() is not None and folder.ingested() is None]


def every(scratch: Path) -> list[JobFolder]:
    """Return all job folders below a scratch root, by name."""
    jobs = scratch / _JOBS
    if not jobs.is_dir():
        return []
    return [JobFolder(scratch, path.name) for path in sorted(jobs.iterdir()) if path.is_dir()]


def end_orphans(lock: Path, rocket_pid: int, patience_s: float = _ORPHANS_PATIENCE_S) -> list[int]:
    """End the child programs that a dead rocket left behind in a job folder: SIGTERM, then SIGKILL.

    Parameters
    ----------
    lock : Path
        The lock of the folder.
    rocket_pid : int
        The rocket that locked it, proven dead.
    patience_s : float
        Time for writing a checkpoint, s.

    Returns
    -------
    list of int
        The process ids that were asked to end.
    """

    def orphans() -> list[int]:
        # In a process namespace of its own the kernel shows a dead locker as 0.
        return [pid for pid, locker in holders(lock).items() if locker in (rocket_pid, 0)]

    asked = orphans()
    _send(asked, signal.SIGTERM)
    give_up_at = time.monotonic() + patience_s
    while (left := orphans()) and time.monotonic() < give_up_at:
        time.sleep(_POLL_S)
    _send(left, signal.SIGKILL)
    return asked


def holders(lock: Path) -> dict[int, int]:
    """Return the processes that hold a lock, or have inherited it, each with the process that took it.

    Only what this user may see on this machine; a process that merely has the file open does not count.
    """
    try:
        target = lock.stat()
    except FileNotFoundError:
        return {}
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        locker = _locker(process, target)
        if locker is not None:
            found[int(process.name)] = locker
    return found


def _locker(process: Path, target: os.stat_result) -> int | None:
    """Return who took the flock that a process holds on a file, or None when it holds none."""
    try:
        for descriptor in (process / "fd").iterdir():
            status = descriptor.stat()
            if (status.st_dev, status.st_ino) == (target.st_dev, target.st_ino):
                for line in (process / "fdinfo" / descriptor.name).read_text().splitlines():
                    words = line.split()  # lock: 1: FLOCK ADVISORY WRITE <pid> <device>:<inode> 0 EOF
                    if words[0] == "lock:" and words[2] == "FLOCK":
                        return int(words[5])
    except OSError:  # another user's process, or one that is just ending
        return None
    return None


def _send(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
