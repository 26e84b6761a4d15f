"""The ranks of one labelling program: agreeing on success or failure without waiting for ever."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

_PATIENCE_S = 300.0
#: A rank that failed waits for others that fail at the same step, or in vain.
_PATIENCE_AFTER_ERROR_S = 60.0
_POLL_S = 0.002
#: Exit status after ranks lost each other.
LOST_EACH_OTHER = 43


class Team:
    """All ranks of this program, or this process alone.

    Parameters
    ----------
    parallel : bool
        Whether the program runs under MPI.

    Notes
    -----
    An exception on one rank leaves the others waiting inside a collective call of the code that raised it.
    `meet` notices: whoever arrives alone ends the whole program, and the driver starts it again.
    It uses a communicator of its own, so that its messages are never taken for the code's.
    """

    def __init__(self, parallel: bool) -> None:
        self._comm: Any = None
        if parallel:
            from mpi4py import MPI

            self._comm = MPI.COMM_WORLD.Dup()

    @property
    def rank(self) -> int:
        """The rank of this process."""
        return 0 if self._comm is None else self._comm.rank

    @property
    def size(self) -> int:
        """The number of ranks."""
        return 1 if self._comm is None else self._comm.size

    def meet(self, failed: bool = False) -> None:
        """Wait for all ranks; end the program when they do not come in time, sooner where this one failed."""
        if self._comm is None:
            return
        barrier = self._comm.Ibarrier()
        patience_s = _PATIENCE_AFTER_ERROR_S if failed else _PATIENCE_S
        deadline = time.monotonic() + patience_s
        while not barrier.Test():
            if time.monotonic() > deadline:
                print(
                    f"rank {self.rank} waited {patience_s:.0f} s for the others", file=sys.stderr, flush=True
                )
                self._comm.Abort(LOST_EACH_OTHER)
                os._exit(LOST_EACH_OTHER)
            time.sleep(_POLL_S)

    def first(self, value: Any) -> Any:
        """Return the value of the lowest rank that has one (not None), the same on every rank."""
        if self._comm is None:
            return value
        return next((each for each in self._comm.allgather(value) if each is not None), None)

    def total(self, value: float) -> float:
        """Return the sum of the ranks' values."""
        return value if self._comm is None else sum(self._comm.allgather(value))

    def largest(self, value: float) -> float:
        """Return the largest of the ranks' values."""
        return value if self._comm is None else max(self._comm.allgather(value))
