"""What every rank of an MD program shares: its number, the wish to stop, its exit status, its last words."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from beamheat_fw.errors import BeamheatError
from beamheat_fw.whole_files import write_whole

#: Exit status of a rank that was asked to stop, wrote its checkpoint and can go on later (EX_TEMPFAIL).
STOPPED_STATUS = 75

#: Does a rank's work: rank, ranks and the wish to stop in; whether the work is done out.
RankWork = Callable[[int, int, Callable[[], bool]], bool]


class StopWish:
    """Turns true once SIGTERM, SIGINT or SIGUSR1 has come."""

    def __init__(self) -> None:
        self._wished = False
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
            signal.signal(number, self._wish)

    def _wish(self, number: int, frame: object) -> None:
        self._wished = True

    def __call__(self) -> bool:
        """Tell whether this rank was asked to stop."""
        return self._wished


def run_rank(folder: Path, work: RankWork) -> None:
    """Do the work of this rank: return when done, exit with 75 when stopped as asked, with 1 when failed.

    An error is written to ``error-<rank>.json`` and ends all ranks.
    """
    stop = StopWish()
    from mpi4py import MPI

    world = MPI.COMM_WORLD
    try:
        done = work(world.rank, world.size, stop)
    except BeamheatError as error:
        write_whole(error_file(folder, world.rank), json.dumps(error.to_dict()).encode())
        print(error.message(), file=sys.stderr, flush=True)
        world.Abort(error.exit_status)
        return
    if not done:
        # Not through MPI's own end, which waits for ranks that may be dead. The launcher ends the others, and
        # they write their checkpoints as this one did.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(STOPPED_STATUS)


def error_file(folder: Path, rank: int) -> Path:
    """Return where a rank leaves its error."""
    return folder / f"error-{rank}.json"
