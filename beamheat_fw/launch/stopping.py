"""When a rocket has to stop: signals, the deadline of its job, or being replaced by another rocket.

A long task polls `STOP` (a driver's ``stop`` callable), writes its checkpoint and raises
`beamheat_fw.errors.Interrupted`; the LaunchPad then makes its firework READY again. A task that does not poll
is interrupted by an exception once the patience is over. Nothing is ever interrupted while it talks to the
database.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from types import FrameType
from typing import Any

from fireworks import FWAction

from beamheat_fw.errors import Fenced, Interrupted, Paused
from beamheat_fw.launch.outage import DatabaseAway
from beamheat_fw.launch.worker import Worker

#: How long a task that was asked to stop may go on before it is interrupted, s. Slurm kills 30 s after
#: SIGTERM; after SIGUSR1, a warning, and at the deadline the time for handing over is given instead.
PATIENCE_S = 20.0
_LOOK_AGAIN_S = 1.0
#: Kinds of error by which a task says that it has not failed.
_STOPPED = (Interrupted.__name__, Paused.__name__, Fenced.__name__, DatabaseAway.__name__)


class Phase(Enum):
    """What the rocket of this process is doing."""

    IDLE = "between rockets"
    TASK = "in a firetask"
    DATABASE = "talking to the LaunchPad"


class Stop:
    """Whether the work of this process has to end, and why; calling it tells whether.

    Attributes
    ----------
    phase : Phase
    interrupted : bool
        Whether a task was interrupted by an exception rather than ending itself.
    deadline : float or None
        When the scheduler will kill this process, in seconds since the epoch.
    handover_s : float
        How long before the deadline the work is asked to stop, s.
    """

    def __init__(self) -> None:
        self.phase = Phase.IDLE
        self.interrupted = False
        self.deadline: float | None = None
        self.handover_s = 0.0
        self._asked: str | None = None
        self._interrupt_at = float("inf")
        self._task_over: str | None = None

    def __call__(self) -> bool:
        """Tell whether the work should end."""
        return self.reason is not None

    @property
    def reason(self) -> str | None:
        """Why to stop, or None."""
        return self._task_over or self.process_reason

    @property
    def process_reason(self) -> str | None:
        """Why the whole process, and not only its present task, should stop, or None."""
        if self._asked is None and self.deadline and time.time() >= self.deadline - self.handover_s:
            self.request("the deadline of this job is near", self.long_patience_s)
        return self._asked

    @property
    def long_patience_s(self) -> float:
        """The patience after a mere warning, s."""
        return max(self.handover_s - PATIENCE_S, PATIENCE_S)

    def request(self, reason: str, patience_s: float = PATIENCE_S) -> None:
        """Ask the process to stop; the first reason stays, and the shortest patience."""
        self._asked = self._asked or reason
        self._interrupt_at = min(self._interrupt_at, time.monotonic() + patience_s)

    def end_task(self, reason: str) -> None:
        """Ask only the present task to stop."""
        self._task_over = reason

    def new_task(self) -> None:
        """Note that a task begins, and forget what concerned the one before."""
        self.phase = Phase.TASK
        self._task_over = None
        self.interrupted = False

    def overdue(self) -> bool:
        """Tell whether the process was asked to stop and the patience is over."""
        return self.process_reason is not None and time.monotonic() >= self._interrupt_at

    def check(self) -> None:
        """Raise `Interrupted` when the process has to stop."""
        if self.process_reason is not None:
            raise self.error()

    def error(self) -> Interrupted:
        """Return the error that ends a task which was asked to stop."""
        return Interrupted(
            f"Asked to stop: {self.reason}", "Nothing to mend: the work goes on at the next launch.", {}
        )

    @contextmanager
    def busy_with_database(self) -> Iterator[None]:
        """Keep signals from interrupting an exchange with the LaunchPad."""
        before, self.phase = self.phase, Phase.DATABASE
        try:
            yield
        finally:
            self.phase = before


#: The one `Stop` of this process: signals concern the process, not an object in it.
STOP = Stop()


def install(worker: Worker, environ: Mapping[str, str] = os.environ) -> None:
    """Let SIGTERM, SIGUSR1, SIGINT and the deadline ask `STOP`; call once, in the main thread.

    Parameters
    ----------
    worker : Worker
        Its walltime and its time for handing over.
    environ : mapping
        Where the scheduler's end time is looked for.
    """
    STOP.deadline = deadline(worker, environ)
    STOP.handover_s = worker.handover_s
    for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT):
        signal.signal(number, _on_signal)
    signal.signal(signal.SIGALRM, _on_alarm)
    if STOP.deadline:
        signal.setitimer(signal.ITIMER_REAL, max(STOP.deadline - STOP.handover_s - time.time(), 0.001))


def disarm() -> None:
    """Stop the clock of `install`: an alarm would kill an interpreter that is shutting down."""
    signal.setitimer(signal.ITIMER_REAL, 0)


def deadline(worker: Worker, environ: Mapping[str, str]) -> float | None:
    """Return when this process will be killed, in seconds since the epoch, or None where nobody says.

    The scheduler's own end time (``SLURM_JOB_END_TIME``) comes first, then the walltime of the worker file,
    counted from now.
    """
    told = environ.get("SLURM_JOB_END_TIME", "")
    if told.isdigit():
        return float(told)
    return time.time() + worker.walltime_s if worker.walltime_s else None


def why_stopped(action: FWAction | None) -> str | None:
    """Return why a task ended that was asked to, or None when it ended by a failure of its own.

    Parameters
    ----------
    action : FWAction or None
        What FireWorks made of its error.
    """
    if kind_of_error(action) in _STOPPED or STOP.interrupted or STOP.process_reason is not None:
        return STOP.reason or _details(action).get("what") or "the firetask interrupted itself"
    return None


def kind_of_error(action: FWAction | None) -> str | None:
    """Return the kind of the error that a task ended with, where it is one of the package's."""
    return _details(action).get("kind")


def _details(action: FWAction | None) -> Mapping[str, Any]:
    details = ((action.stored_data.get("_exception") if action else None) or {}).get("_details")
    return details if isinstance(details, Mapping) else {}


def _on_signal(number: int, frame: FrameType | None) -> None:
    reason = f"signal {signal.Signals(number).name}"
    repeated = reason == STOP.process_reason
    STOP.request(reason, STOP.long_patience_s if number == signal.SIGUSR1 else PATIENCE_S)
    _interrupt_if(STOP.phase is Phase.IDLE or (repeated and STOP.phase is Phase.TASK))


def _on_alarm(number: int, frame: FrameType | None) -> None:
    asked = STOP.process_reason is not None
    _interrupt_if(asked and (STOP.phase is Phase.IDLE or (STOP.overdue() and STOP.phase is Phase.TASK)))


def _interrupt_if(now: bool) -> None:
    if now:
        STOP.interrupted = True
        raise STOP.error()
    signal.setitimer(signal.ITIMER_REAL, _LOOK_AGAIN_S)
