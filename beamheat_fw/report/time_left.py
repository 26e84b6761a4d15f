"""How long what is under way still takes, from the pace measured in this campaign alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

#: Finished pieces of work below which a pace is a guess.
FEWEST: Final = 4


def time_left_s(finished_at: Sequence[datetime | None], left: int) -> float | None:
    """Return how long the pieces of work that are left take at the pace of those that are done.

    The pace counts ends, not durations, so that it holds for any number of workers.

    Parameters
    ----------
    finished_at : sequence of datetime or None
        When pieces ended; those without a time do not count.
    left : int

    Returns
    -------
    float or None
        Seconds; 0 where nothing is left, None where too few have ended to know.
    """
    if left == 0:
        return 0.0
    ends = sorted(end for end in finished_at if end is not None)
    if len(ends) < FEWEST:
        return None
    return left * (ends[-1] - ends[0]).total_seconds() / (len(ends) - 1)
