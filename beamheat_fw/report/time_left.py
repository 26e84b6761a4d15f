"""How long what is under way still takes: an interval from what this campaign has measured, or unknown."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Final

#: Finished labels below which a pace is a guess.
FEWEST: Final = 4
#: A single duration says of the next one that it lies within this factor.
_ALONE: Final = 2.0


@dataclass(frozen=True)
class TimeLeft:
    """An interval for the time left.

    Attributes
    ----------
    low_s : float
    high_s : float or None
        None where the work takes longer than anything like it has taken: then nothing bounds it.
    """

    low_s: float
    high_s: float | None


def left_at_pace(finished_at: Sequence[datetime | None], left: int) -> TimeLeft | None:
    """Return how long the pieces of work that are left take at the pace of those that are done.

    The pace counts ends, not durations, so that it holds for any number of workers. The interval reaches two
    standard errors to either side: of the sum of the gaps to come, and of the mean gap that it rests on.

    Parameters
    ----------
    finished_at : sequence of datetime or None
        When pieces ended; those without a time do not count.
    left : int

    Returns
    -------
    TimeLeft or None
        None where too few have ended to know.
    """
    if left == 0:
        return TimeLeft(0.0, 0.0)
    ends = sorted(end for end in finished_at if end is not None)
    if len(ends) < FEWEST:
        return None
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(ends)]
    total = left * statistics.fmean(gaps)
    error = statistics.stdev(gaps) * math.sqrt(left + left**2 / len(gaps))
    return TimeLeft(max(total - 2.0 * error, 0.0), total + 2.0 * error)


def left_at_durations(
    durations_s: Sequence[float], elapsed_s: Sequence[float], waiting: int
) -> TimeLeft | None:
    """Return how long runs still take, from the shortest and the longest of those like them that are done.

    Parameters
    ----------
    durations_s : sequence of float
        Of runs that are done.
    elapsed_s : sequence of float
        How long each run that is under way has taken so far.
    waiting : int
        How many have not begun; as many as run now will run at a time.

    Returns
    -------
    TimeLeft or None
        None where none is done yet.
    """
    if not elapsed_s and not waiting:
        return TimeLeft(0.0, 0.0)
    if not durations_s:
        return None
    low, high = min(durations_s), max(durations_s)
    if len(durations_s) == 1:
        low, high = low / _ALONE, high * _ALONE
    turns = math.ceil(waiting / max(len(elapsed_s), 1))
    shortest = max((max(low - each, 0.0) for each in elapsed_s), default=0.0)
    longest = max((high - each for each in elapsed_s), default=0.0)
    overdue = any(each > high for each in elapsed_s)
    return TimeLeft(shortest + turns * low, None if overdue else longest + turns * high)
