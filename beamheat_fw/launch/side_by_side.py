"""Several rapidfire workers side by side in one allocation, for work that is too small for a job of its own.

FireWorks' ``rlaunch multi`` shares one LaunchPad through a server process; when that dies all rockets are
lost. Here each worker is a process of its own, with its own connection, heartbeat and share of the cores.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any

from fireworks import FWorker

from beamheat_fw.errors import CalculationError, InputError
from beamheat_fw.launch.launchpad import SurvivingLaunchPad
from beamheat_fw.launch.rockets import Loop, rapidfire
from beamheat_fw.launch.stopping import PATIENCE_S, STOP
from beamheat_fw.launch.worker import read_worker


@dataclass(frozen=True)
class Crew:
    """What every worker needs to know.

    Attributes
    ----------
    settings : mapping
        Of the launchpad file.
    fworker : dict
        The worker file's content.
    loop : Loop
    loglvl : str
    """

    settings: Mapping[str, Any]
    fworker: dict[str, Any]
    loop: Loop
    loglvl: str

    def work(self, orders: Connection) -> None:
        """Be one of the workers."""
        # Whoever started us passes signals on; the scheduler's own may come too, and is not a second one.
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        threading.Thread(target=_listen, args=(orders,), daemon=True).start()
        launchpad = SurvivingLaunchPad.from_dict(self.settings)
        rapidfire(launchpad, FWorker.from_dict(self.fworker), self.loop, self.loglvl)


def multi(
    settings: Mapping[str, Any], fworker: FWorker, loop: Loop, workers: int, loglvl: str = "INFO"
) -> None:
    """Run rockets side by side until nothing is left, a signal or the deadline.

    Parameters
    ----------
    settings : mapping
        Of the launchpad file.
    fworker : FWorker
        Its cores are shared out.
    loop : Loop
        Of each worker.
    workers : int

    Raises
    ------
    InputError
        There are fewer cores than workers.
    CalculationError
        A worker died; the others have gone on to their end.
    """
    cores = read_worker(fworker.env).cores
    if workers > cores:
        raise InputError(
            "There are more workers than cores",
            "Ask for fewer, or correct env.cores in my_fworker.yaml.",
            {"workers": workers, "cores": cores},
        )
    shared = FWorker(
        fworker.name, fworker.category, fworker._query, {**fworker.env, "cores": cores // workers}
    )
    crew = Crew(settings, shared.to_dict(), loop, loglvl)
    context = multiprocessing.get_context("spawn")  # a forked connection to MongoDB would be shared
    started = [_start(context, crew) for _ in range(workers)]
    _pass_signals_on([orders for _, orders in started])
    for process, _ in started:
        process.join()
    if died := [process.exitcode for process, _ in started if process.exitcode]:
        raise CalculationError(
            "Workers died",
            "See their messages above; `beamheat doctor` names what they left.",
            {"exit": died},
        )


def _start(context: Any, crew: Crew) -> tuple[BaseProcess, Connection]:
    orders, given = context.Pipe(duplex=False)
    process = context.Process(target=crew.work, args=(orders,))
    process.start()
    orders.close()
    return process, given


def _pass_signals_on(pipes: list[Connection]) -> None:
    def pass_on(number: int, frame: FrameType | None) -> None:
        for pipe in pipes:
            try:
                pipe.send(number)
            except BrokenPipeError:  # this one has ended
                continue

    for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT):
        signal.signal(number, pass_on)


def _listen(orders: Connection) -> None:
    """Ask this process to stop when it is told to, or when there is nobody left to tell it."""
    while True:
        try:
            number = orders.recv()
        except EOFError:
            reason, patience_s = "the process that started this worker is gone", PATIENCE_S
        else:
            reason = f"signal {signal.Signals(number).name}"
            patience_s = STOP.long_patience_s if number == signal.SIGUSR1 else PATIENCE_S
        STOP.request(reason, patience_s)
        os.kill(os.getpid(), signal.SIGALRM)  # its handler, in the main thread, looks
        if reason.startswith("the process"):
            return
