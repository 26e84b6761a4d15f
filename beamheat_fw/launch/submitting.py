"""Submitting jobs with FireWorks' own queue launcher: bounded, patient with refusals, honest about its end.

FireWorks' ``qlaunch rapidfire`` without ``-m`` submits a job at each look at a ready firework, and its exit
status is 0 when the scheduler refuses. Here a job is submitted only for work that no waiting job will take.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fireworks import FWorker
from fireworks.fw_config import RAPIDFIRE_SLEEP_SECS
from fireworks.queue.queue_adapter import QueueAdapterBase
from fireworks.queue.queue_launcher import launch_rocket_to_queue

from beamheat_fw.errors import BeamheatError
from beamheat_fw.launch.launchpad import SurvivingLaunchPad
from beamheat_fw.launch.scheduler import Queue, Scheduler, SchedulerAway
from beamheat_fw.launch.staged_submission import Stage, submit_staged

_FIRST_PAUSE_S = 2.0
_LONGEST_PAUSE_S = 300.0
_LOG = logging.getLogger(__name__)


class SubmissionRefused(BeamheatError):
    """The scheduler takes no jobs."""


@dataclass(frozen=True)
class Submission:
    """How jobs are submitted.

    Attributes
    ----------
    max_in_queue : int
        Most jobs of this user in the queue, waiting and running.
    per_job : int
        Fireworks that one job is meant to work off; more than one packs small work.
    reserve : bool
        Whether each job is for one firework, with the resources that its campaign asks for.
    nlaunches : int
        Jobs to submit; 0 until nothing is left, -1 for ever.
    sleep_s : float or None
        Between rounds, s; None for FireWorks' setting.
    refusals : int
        Refusals in a row after which to give up; the pauses between them double.
    """

    max_in_queue: int = 10
    per_job: int = 1
    reserve: bool = False
    nlaunches: int = 0
    sleep_s: float | None = None
    refusals: int = 6


@dataclass
class Submitter:
    """Submits jobs for one worker.

    Attributes
    ----------
    launchpad : SurvivingLaunchPad
    fworker : FWorker
    adapter : QueueAdapterBase
    scheduler : Scheduler
    folder : Path
        Job scripts and launches go into folders below it.
    stage : callable or None
        Stages a firework for nodes without a database, see `staged_submission`; None where they have one.
    hold : callable
        Keeps, between rounds, what is claimed for those nodes.
    """

    launchpad: SurvivingLaunchPad
    fworker: FWorker
    adapter: QueueAdapterBase
    scheduler: Scheduler
    folder: Path
    stage: Stage | None = None
    hold: Callable[[], None] = lambda: None

    def rapidfire(self, plan: Submission, between_rounds: Callable[[], None] = lambda: None) -> int:
        """Submit jobs until the plan is met; return how many.

        Parameters
        ----------
        plan : Submission
        between_rounds : callable
            Called before each round, and before the end, for repairs.

        Raises
        ------
        SubmissionRefused
            The scheduler has refused too often in a row.
        """
        submitted = 0
        while True:
            self._mend(between_rounds)
            left = plan.nlaunches - submitted if plan.nlaunches > 0 else plan.max_in_queue
            submitted += self._round(plan, left)
            if 0 < plan.nlaunches <= submitted:
                return submitted
            if plan.nlaunches == 0 and not self._work_is_left(between_rounds):
                return submitted
            time.sleep(plan.sleep_s or RAPIDFIRE_SLEEP_SECS)

    def once(self, plan: Submission) -> int:
        """Submit what one round has to, at most `plan.nlaunches` jobs; return how many."""
        return self._round(plan, plan.nlaunches)

    def _mend(self, between_rounds: Callable[[], None]) -> None:
        self.launchpad._survive(between_rounds, "mending what lost jobs left")

    def _work_is_left(self, between_rounds: Callable[[], None]) -> bool:
        """Tell whether there is or will be work, also that of a job that was lost since the round began."""
        if self.launchpad.future_run_exists(self.fworker):
            return True
        self._mend(between_rounds)
        return self.launchpad.future_run_exists(self.fworker)

    def _round(self, plan: Submission, most: int) -> int:
        try:
            wanted = self._wanted(plan, self.scheduler.look())
        except SchedulerAway as error:
            _LOG.warning("%s", error)
            return 0
        submitted = 0
        for _ in range(min(wanted, most)):
            if not self._submit(plan):
                break
            submitted += 1
        return submitted

    def _wanted(self, plan: Submission, queue: Queue) -> int:
        """Return how many jobs are missing for the work that is ready now."""
        is_ready = {**self.fworker.query, "state": "READY"}
        ready = self.launchpad._survive(
            lambda: self.launchpad.fireworks.count_documents(is_ready), "counting what is ready"
        )
        room = plan.max_in_queue - len(queue.jobs)
        if plan.reserve:
            return max(0, min(ready, room))
        # A waiting job that is not for a reserved firework will take of the same work.
        waiting = sum(job.waits and job.name == self.adapter.get("job_name") for job in queue.jobs.values())
        return max(0, min(math.ceil(ready / plan.per_job) - waiting, room))

    def _submit(self, plan: Submission) -> bool:
        """Submit one job; return False when there is no work for it any more."""
        pause = _FIRST_PAUSE_S
        for refusal in range(1, plan.refusals + 1):
            with _Refusals(f"qadapter.{self.adapter.q_name}") as reason:
                job = self._send(plan)
            if job:
                _LOG.info("submitted job %s", job)
                return True
            if job is None or not reason:  # somebody else took the work
                return False
            _LOG.warning("refused (%d of %d): %s", refusal, plan.refusals, reason[-1])
            if refusal < plan.refusals:
                time.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_S)
        raise SubmissionRefused(
            "The scheduler refuses jobs",
            "Correct the queue adapter, or wait; no firework is held.",
            {"tried": plan.refusals, "reason": reason[-1]},
        )

    def _send(self, plan: Submission) -> str | bool | None:
        """Submit one job; return its id, False when that failed, None when there is no work for it."""
        if self.stage:
            return submit_staged(self.launchpad, self.fworker, self.adapter, self.folder, self.stage)
        return launch_rocket_to_queue(
            self.launchpad,
            self.fworker,
            self.adapter,
            str(self.folder),
            reserve=plan.reserve,
            strm_lvl="CRITICAL",
            create_launcher_dir=True,
        )


class _Refusals(logging.Handler):
    """Collects what FireWorks logs of refusals: its return value does not tell."""

    def __init__(self, logger_name: str) -> None:
        super().__init__(logging.ERROR)
        self._logger = logging.getLogger(logger_name)
        self._messages: list[str] = []

    def __enter__(self) -> list[str]:
        self._logger.addHandler(self)
        return self._messages

    def __exit__(self, *error: object) -> None:
        self._logger.removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a message, without FireWorks' frame around it."""
        message = " ".join(record.getMessage().split())
        if not message.startswith("----|"):
            self._messages.append(message[-300:])
