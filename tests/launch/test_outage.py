from __future__ import annotations

import time

import pytest
from pymongo.errors import AutoReconnect, DuplicateKeyError, OperationFailure

from beamheat_fw.launch.outage import DatabaseAway, survive


def test_operation_is_repeated_until_the_database_is_back() -> None:
    answers = iter([AutoReconnect("away"), AutoReconnect("away"), 42])

    def operation() -> int:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert survive(operation, "asking") == 42


@pytest.mark.parametrize("code", [211, 134])
def test_server_that_has_just_started_is_asked_again(code: int) -> None:
    """No keys found for HMAC, which a killed mongod said in a storm; no majority known yet."""
    answers = iter([OperationFailure("not yet", code=code), 42])

    def operation() -> int:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert survive(operation, "asking") == 42


def test_limit_and_giving_up_end_the_trying() -> None:
    def operation() -> None:
        raise AutoReconnect("away")

    started = time.monotonic()
    with pytest.raises(DatabaseAway, match="while asking"):
        survive(operation, "asking", limit_s=0.5)
    assert 0.5 <= time.monotonic() - started < 2
    with pytest.raises(DatabaseAway):
        survive(operation, "asking", give_up=lambda: True)


def test_wrong_request_is_not_repeated() -> None:
    calls = []

    def operation() -> None:
        calls.append(1)
        raise DuplicateKeyError("twice")

    with pytest.raises(DuplicateKeyError):
        survive(operation, "writing")
    assert len(calls) == 1
