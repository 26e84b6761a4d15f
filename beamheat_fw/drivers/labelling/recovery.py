"""The recovery ladder: an error is checked by each problem in turn, and the first that knows it corrects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Correction:
    """A changed numerical path.

    Attributes
    ----------
    what : str
        What was changed, for the label's record.
    numerics : object
        The numerical path of the next attempt.
    ranks : int or None
        Ranks that the next attempt needs, where the program has to be started anew for them.
    """

    what: str
    numerics: Any
    ranks: int | None = None


class RanksDiedError(Exception):
    """MPI ranks ended during an attempt at this structure, most often for want of memory."""


class JobEndedError(Exception):
    """The job ended during an attempt at this structure, to which it had given all its time."""


class Problem(Protocol):
    """One kind of failure: how to know it, and what to try."""

    def check(self, error: Exception) -> bool:
        """Return whether `error` is this problem."""
        ...

    def correct(self, numerics: Any, met: int) -> Correction | None:
        """Return the correction for the problem's `met`-th appearance, counted from 0; None to give up."""
        ...


class KilledRank:
    """Ranks were killed: it may have been the node's fault, so the same path is tried once more."""

    def check(self, error: Exception) -> bool:
        """Return whether ranks died."""
        return isinstance(error, RanksDiedError)

    def correct(self, numerics: Any, met: int) -> Correction | None:
        """Return the same path, once."""
        return Correction("started again", numerics) if met == 0 else None


class Walltime:
    """A structure needs more time than the job had: once more in another job, after all others, then no more.

    Parameters
    ----------
    ranks : int
        Of this program.
    most_ranks : int
        That the worker has cores for; 1 where the reference knows no ranks.
    """

    def __init__(self, ranks: int, most_ranks: int) -> None:
        self._ranks = ranks
        self._most_ranks = most_ranks

    def check(self, error: Exception) -> bool:
        """Return whether the job ended during the attempt."""
        return isinstance(error, JobEndedError)

    def correct(self, numerics: Any, met: int) -> Correction | None:
        """Return the same path in another job, on all of the worker's cores where it has more."""
        if met > 0:
            return None
        if self._most_ranks > self._ranks:
            return Correction(f"another job, {self._most_ranks} ranks", numerics, ranks=self._most_ranks)
        return Correction("another job, after all others", numerics)


class Ladder:
    """Climbs the problems of a reference for one structure, remembering how often each was met."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self._problems = {type(problem).__name__: problem for problem in problems}
        self._met: Counter[str] = Counter()

    def recognise(self, error: Exception) -> str | None:
        """Return the name of the first problem that `error` is; None when it is none of them."""
        return next((name for name, problem in self._problems.items() if problem.check(error)), None)

    def correct(self, problem: str | None, numerics: Any) -> Correction | None:
        """Return what to do differently after a recognised problem; None when nothing is left to try."""
        if problem not in self._problems:
            return None
        correction = self._problems[problem].correct(numerics, self._met[problem])
        self._met[problem] += 1
        return correction


def reason_of(error: Exception) -> str:
    """Return kind and message of an error in one line; GPAW's convergence errors have no message."""
    message = " ".join(str(error).split())
    return f"{type(error).__name__}: {message}" if message else type(error).__name__
