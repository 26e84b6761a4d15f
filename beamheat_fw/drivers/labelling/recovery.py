"""The recovery ladder: an error is checked by each problem in turn, and the first that knows it corrects."""

from __future__ import annotations

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
    """

    what: str
    numerics: Any


class RanksDiedError(Exception):
    """MPI ranks ended during an earlier attempt at this structure, most often for want of memory."""


class Problem(Protocol):
    """One kind of failure: how to know it, and what to try."""

    def check(self, error: Exception) -> bool:
        """Return whether `error` is this problem."""
        ...

    def correct(self, numerics: Any, met: int) -> Correction | None:
        """Return the correction for the problem's `met`-th appearance, counted from 0; None to give up."""
        ...


class Ladder:
    """Climbs the problems of a reference for one structure, remembering how often each was met."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self._problems = problems
        self._met = [0] * len(problems)

    def recognise(self, error: Exception) -> int | None:
        """Return the index of the first problem that `error` is; None when it is none of them."""
        return next((i for i, problem in enumerate(self._problems) if problem.check(error)), None)

    def correct(self, problem: int | None, numerics: Any) -> Correction | None:
        """Return what to do differently after a recognised problem; None when nothing is left to try."""
        if problem is None:
            return None
        correction = self._problems[problem].correct(numerics, self._met[problem])
        self._met[problem] += 1
        return correction


def reason_of(error: Exception) -> str:
    """Return kind and message of an error in one line; GPAW's convergence errors have no message."""
    message = " ".join(str(error).split())
    return f"{type(error).__name__}: {message}" if message else type(error).__name__
