"""The fence: only the newest running launch of a firework can write its results."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeVar

from pymongo import ReadPreference, WriteConcern
from pymongo.errors import ConnectionFailure, OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern

from beamheat_fw.errors import Fenced, StoreError

if TYPE_CHECKING:
    from pymongo.client_session import ClientSession

    from beamheat_fw.store.database import Store

T = TypeVar("T")
_ATTEMPTS: Final = 8
_FIRST_PAUSE_S: Final = 0.05


@contextmanager
def fence(store: Store, launch_id: int) -> Iterator[ClientSession]:
    """Open a transaction that commits only if the launch still is its firework's newest and running.

    Writes that carry the session are all done or not at all. Launch and firework are touched within the
    transaction, so whoever replaces the launch meanwhile makes it fail.

    Raises
    ------
    Fenced
        Another launch has replaced this one; nothing was written.
    StoreError
        The server is not a replica set and has no transactions.
    """
    with (
        store.db.client.start_session() as session,
        session.start_transaction(
            read_concern=ReadConcern("snapshot"),
            write_concern=WriteConcern("majority", wtimeout=20_000),
            read_preference=ReadPreference.PRIMARY,
        ),
    ):
        _touch(store, launch_id, session)
        yield session


def write_fenced(store: Store, launch_id: int, write: Callable[[ClientSession], T]) -> T:
    """Call `write` with a fenced session, again when the transaction met another one or the network failed.

    Parameters
    ----------
    write : callable
        Gets the session and writes with it; may be called several times.

    Raises
    ------
    Fenced, StoreError
        As `fence`.
    """
    for attempt in range(_ATTEMPTS):
        try:
            with fence(store, launch_id) as session:
                return write(session)
        except PyMongoError as error:
            if attempt == _ATTEMPTS - 1 or not _passing(error):
                raise
            time.sleep(_FIRST_PAUSE_S * 2**attempt)
    raise AssertionError("unreachable")


def _passing(error: PyMongoError) -> bool:
    # Writes are idempotent, so a commit of unknown outcome is simply done again.
    labels = ("TransientTransactionError", "UnknownTransactionCommitResult")
    return isinstance(error, ConnectionFailure) or any(error.has_error_label(label) for label in labels)


def _touch(store: Store, launch_id: int, session: ClientSession) -> None:
    now = datetime.now(UTC)
    try:
        launch = store.db["launches"].find_one_and_update(
            {"launch_id": launch_id, "state": "RUNNING"}, {"$set": {"fenced_at": now}}, session=session
        )
    except OperationFailure as error:
        if error.code != 20:
            raise
        raise StoreError(
            "This MongoDB server has no transactions", "Run it as a replica set; one member is enough."
        ) from None
    newest = launch and store.db["fireworks"].find_one_and_update(
        {"fw_id": launch["fw_id"], "$expr": {"$eq": [{"$last": "$launches"}, launch_id]}},
        {"$set": {"fenced_at": now}},
        session=session,
    )
    if not newest:
        raise Fenced(
            "Another launch has replaced this one",
            "Nothing to do: its results are the other launch's business.",
            {"launch_id": launch_id},
        )
