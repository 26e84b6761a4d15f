"""Start a child program, watch it, and end it with everything it started."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from beamheat_fw.disk_space import check_room, full_disk_named
from beamheat_fw.errors import CalculationError, InputError, Interrupted

_PR_SET_PDEATHSIG = 1
_LOG_TAIL_LINES = 25
_LOG_TAIL_BYTES = 16_384
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Command:
    """A program to start.

    Attributes
    ----------
    argv : sequence of str
        The program and its arguments.
    folder : Path
        Its working directory.
    log : Path
        Where its standard output and error are appended.
    environment : mapping of str to str
        Its whole environment.
    """

    argv: Sequence[str]
    folder: Path
    log: Path
    environment: Mapping[str, str]


class ChildProcess:
    """A running child program in a session of its own; a context manager that leaves nothing behind.

    The child gets SIGTERM when the thread that started it dies, however it dies. It inherits the file
    descriptors that were made inheritable, such as the lock of a job folder.

    Attributes
    ----------
    command : Command
    grace_s : float
        Seconds between SIGTERM, after which a program may write its checkpoint, and SIGKILL.

    Raises
    ------
    InputError
        The program or its folder does not exist.
    DiskFull
        Its log cannot be written.
    """

    def __init__(self, command: Command, grace_s: float = 20.0) -> None:
        self.command = command
        self.grace_s = grace_s
        parent = os.getpid()
        try:
            with full_disk_named(), command.log.open("ab") as log:
                self._printed_before = log.tell()
                self._popen = subprocess.Popen(
                    list(command.argv),
                    cwd=command.folder,
                    env=dict(command.environment),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    close_fds=False,
                    start_new_session=True,
                    preexec_fn=lambda: end_with_parent(parent, signal.SIGTERM),
                )
        except OSError as error:
            raise InputError(
                "A program could not be started",
                "Check that it is installed and that its folder exists.",
                {"program": command.argv[0], "folder": str(command.folder), "reason": error.strerror or ""},
            ) from None

    def __enter__(self) -> ChildProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    @property
    def pid(self) -> int:
        """The child's process id, which is its session's id too."""
        return self._popen.pid

    @property
    def return_code(self) -> int | None:
        """The exit status, negative for a signal; None while the child runs."""
        return self._popen.poll()

    def ticks(self, stop: Callable[[], bool], every_s: float = 0.1) -> Iterator[None]:
        """Yield every `every_s` seconds while the child runs, and once after it has ended well.

        Parameters
        ----------
        stop : callable
            Turns true when the work should end early.
        every_s : float

        Raises
        ------
        Interrupted
            `stop` turned true; the child has ended, after SIGTERM and up to `grace_s` seconds.
        DiskFull
            The child failed, and no file can be written where it ran.
        CalculationError
            The child ended with an exit status other than 0.
        """
        while self.return_code is None:
            if stop():
                self.end()
                raise self._interrupted()
            yield
            with suppress(subprocess.TimeoutExpired):
                self._popen.wait(every_s)
        if self.return_code and stop():  # the signal that asks this process to stop may end the child first
            raise self._interrupted()
        self._raise_if_failed()
        yield

    def end(self) -> None:
        """End the child and everything in its session: SIGTERM, `grace_s` seconds, SIGKILL."""
        if self.return_code is None:
            # To all at once: mpirun alone would pass it on only after a delay.
            _signal_session(self.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self._popen.wait(self.grace_s)
        _signal_session(self.pid, signal.SIGKILL)
        self._popen.wait()

    def _interrupted(self) -> Interrupted:
        return Interrupted(
            "The work was asked to stop",
            "Run it again: it goes on from what is in the folder.",
            {"program": self._name(), "folder": str(self.command.folder)},
        )

    def _raise_if_failed(self) -> None:
        if self.return_code:
            check_room(self.command.folder, log_tail(self.command.log, since=self._printed_before))
            raise CalculationError(
                "A program ended with an error",
                f"Read its log {self.command.log}.",
                {"program": self._name(), "rc": self.return_code, "log_tail": log_tail(self.command.log)},
            )

    def _name(self) -> str:
        return " ".join(str(part) for part in self.command.argv[:6])


def run_to_end(command: Command, stop: Callable[[], bool], grace_s: float = 20.0) -> None:
    """Run a program that yields nothing before it has ended.

    Raises
    ------
    InputError, Interrupted, CalculationError
        As `ChildProcess` and its `ticks`.
    """
    with ChildProcess(command, grace_s) as child:
        for _ in child.ticks(stop):
            pass


def end_with_parent(parent_pid: int, signal_number: int = signal.SIGKILL) -> None:
    """Ask the kernel for a signal to this process when its parent dies (Linux; elsewhere nothing).

    Parameters
    ----------
    parent_pid : int
        The parent, seen before the fork: when it is gone already, this process ends at once.
    signal_number : int
    """
    if _libc is None:
        return
    _libc.prctl(_PR_SET_PDEATHSIG, int(signal_number), 0, 0, 0)
    if os.getppid() != parent_pid:
        os.kill(os.getpid(), signal_number)


def log_tail(log: Path, since: int = 0) -> str:
    """Return the last lines of a log file, past its first `since` bytes; nothing when there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(since, file.seek(0, os.SEEK_END) - _LOG_TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-_LOG_TAIL_LINES:])


def _signal_session(session_id: int, signal_number: int) -> None:
    # MPI launchers put ranks into process groups of their own, but not into sessions.
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            # The command name, in parentheses, may hold spaces; state, ppid, pgrp, session follow it.
            after_name = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(after_name[3]) == session_id:
                os.kill(int(entry.name), signal_number)
