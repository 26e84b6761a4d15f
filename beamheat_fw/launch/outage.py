"""Living through a database that is away: retry with backoff, up to a stated limit."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from typing import TypeVar

from pymongo.errors import ConnectionFailure, PyMongoError

from beamheat_fw.errors import StoreError

T = TypeVar("T")

#: How long a rocket waits for the database before it gives up, in seconds.
OUTAGE_LIMIT_S = 600.0

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0
#: What a server says that has just started: it has not loaded the keys that sign its cluster times (of a
#: server with accounts), or does not know yet what a majority has. pymongo raises either at once.
_JUST_STARTED = (211, 134)
_LOG = logging.getLogger(__name__)


class DatabaseAway(StoreError):
    """The database stayed unreachable for longer than the outage limit."""


def is_outage(error: BaseException) -> bool:
    """Tell whether an error means that the server was not there, rather than that the request was wrong."""
    if not isinstance(error, PyMongoError):
        return False
    labels = ("RetryableWriteError", "TransientTransactionError")
    return (
        isinstance(error, ConnectionFailure)
        or error.timeout
        or any(error.has_error_label(label) for label in labels)
        or getattr(error, "code", None) in _JUST_STARTED
    )


def survive(
    operation: Callable[[], T],
    what: str,
    limit_s: float = OUTAGE_LIMIT_S,
    give_up: Callable[[], bool] = lambda: False,
) -> T:
    """Call an operation until the database answers.

    Parameters
    ----------
    operation : callable
        May be called again after having failed at any point in it.
    what : str
        What it does, for the log and the error: "checking out a firework".
    limit_s : float
        How long to keep trying after the first failure, s.
    give_up : callable, optional
        Ends the trying early when true.

    Raises
    ------
    DatabaseAway
        The outage lasted longer than the limit.
    """
    lost_at: float | None = None
    pause = _FIRST_PAUSE_S
    while True:
        try:
            result = operation()
        except PyMongoError as error:
            if not is_outage(error):
                raise
            now = time.monotonic()
            if lost_at is None:
                lost_at = now
                _LOG.warning("the database is away (%s); retrying for up to %.0f s", what, limit_s)
            if now - lost_at >= limit_s or give_up():
                raise _too_long(what, now - lost_at, error) from error
        else:
            if lost_at is not None:
                _LOG.warning("the database is back after %.1f s (%s)", time.monotonic() - lost_at, what)
            return result
        time.sleep(pause * random.uniform(0.5, 1.0))
        pause = min(2 * pause, _LONGEST_PAUSE_S)


def _too_long(what: str, away_s: float, error: PyMongoError) -> DatabaseAway:
    return DatabaseAway(
        f"The database could not be reached while {what}",
        "See that the server runs and is reached from here; what was computed waits in the job folders.",
        {"tried_s": round(away_s, 1), "reason": str(error).split(",")[0][:200]},
    )
