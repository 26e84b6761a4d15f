"""Running failed fireworks again, unless they have failed in the same way too often."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from beamheat_fw.launch.fencing import FencedLaunchPad

#: How often the same error of a firework is tried again.
MOST_EQUAL_FAILURES = 3


@dataclass(frozen=True)
class Selection:
    """Which failed fireworks are meant; whatever is None or empty does not restrict.

    Attributes
    ----------
    campaign_id, stage : str or None
    error_kind : str or None
        The class of the error: ``CalculationError``, ``ValueError``, ``Lost`` for vanished rockets.
    since : datetime or None
        Failed at this time or later.
    until : datetime or None
        Failed before this time.
    fw_ids : tuple of int
    state : {'FIZZLED', 'DEFUSED'}
    """

    campaign_id: str | None = None
    stage: str | None = None
    error_kind: str | None = None
    since: datetime.datetime | None = None
    until: datetime.datetime | None = None
    fw_ids: tuple[int, ...] = ()
    state: str = "FIZZLED"

    def query(self) -> dict[str, Any]:
        """Return the query on fireworks, as far as their documents tell."""
        query: dict[str, Any] = {"state": self.state}
        if self.campaign_id:
            query["spec.campaign_id"] = self.campaign_id
        if self.stage:
            query["spec.stage"] = self.stage
        if self.fw_ids:
            query["fw_id"] = {"$in": list(self.fw_ids)}
        return query


@dataclass(frozen=True)
class Failure:
    """How a launch failed.

    Attributes
    ----------
    kind : str
        The error's class.
    what : str
        Its message.
    at : datetime
    """

    kind: str
    what: str
    at: datetime.datetime


@dataclass(frozen=True)
class Chosen:
    """A failed firework that was selected.

    Attributes
    ----------
    fw_id : int
    name : str
    stage : str or None
    error_kind, error : str
        Of its newest failure.
    attempts : int
        How often it has failed.
    refusal : str
        Why it is not run again; empty when it may be.
    rerun : bool
        Whether it was made READY.
    """

    fw_id: int
    name: str
    stage: str | None
    error_kind: str
    error: str
    attempts: int
    refusal: str = ""
    rerun: bool = False


def choose(
    launchpad: FencedLaunchPad, selection: Selection, limit: int = MOST_EQUAL_FAILURES
) -> Iterator[Chosen]:
    """Yield the fireworks of a selection, with the verdict on each; changes nothing.

    Parameters
    ----------
    limit : int
        A firework that has failed this often in a row with the same error is refused.
    """
    for firework in launchpad.fireworks.find(selection.query()).sort("fw_id"):
        failures = _failures(launchpad, firework)
        newest = failures[-1] if failures else Failure("Unknown", "", _EPOCH)
        if selection.error_kind and newest.kind != selection.error_kind:
            continue
        if selection.since and newest.at < selection.since:
            continue
        if selection.until and newest.at >= selection.until:
            continue
        equal = _equal_at_the_end(failures)
        refusal = (
            f"refused: it has failed {equal} times in a row with the same {newest.kind}; "
            f"mend the cause, then raise --limit or give --force"
            if equal >= limit
            else ""
        )
        stage = firework["spec"].get("stage")
        yield Chosen(
            firework["fw_id"], firework["name"], stage, newest.kind, newest.what, len(failures), refusal
        )


def resubmit(
    launchpad: FencedLaunchPad, selection: Selection, limit: int = MOST_EQUAL_FAILURES
) -> Iterator[Chosen]:
    """Make the fireworks of a selection READY again; job folders, checkpoints and finished labels stay.

    Yields
    ------
    Chosen
        With `rerun` true where it was made READY.
    """
    for chosen in list(choose(launchpad, selection, limit)):
        if chosen.refusal:
            yield chosen
            continue
        if selection.state == "DEFUSED":
            rerun = launchpad.reignite_fw(chosen.fw_id) is not None
        else:
            rerun = launchpad.rerun_if(chosen.fw_id, {"state": "FIZZLED"})
        yield replace(chosen, rerun=rerun)


_EPOCH = datetime.datetime.fromtimestamp(0, datetime.UTC)


def _failures(launchpad: FencedLaunchPad, firework: Mapping[str, Any]) -> list[Failure]:
    """Return how a firework's launches failed, oldest first."""
    ids = [*firework.get("archived_launches", []), *firework["launches"]]
    failed = launchpad.launches.find({"launch_id": {"$in": ids}, "state": "FIZZLED"}).sort("launch_id")
    failures = [_failure(launch) for launch in failed]
    refused = firework["spec"].get("_exception_details")
    if refused and not failures:  # never launched
        kind, what = refused.get("kind", "Unloadable"), refused.get("what") or refused.get("_message", "")
        failures.append(Failure(kind, what, _EPOCH))
    return failures


def _failure(launch: Mapping[str, Any]) -> Failure:
    stored = (launch.get("action") or {}).get("stored_data") or {}
    exception = stored.get("_exception") or {}
    details = exception.get("_details") or {}
    last_line = (exception.get("_stacktrace") or "Unknown").strip().splitlines()[-1]
    kind, _, message = last_line.partition(":")
    at = datetime.datetime.fromisoformat(launch.get("time_end") or launch["state_history"][-1]["created_on"])
    at = at if at.tzinfo else at.replace(tzinfo=datetime.UTC)
    return Failure(details.get("kind") or kind.rpartition(".")[2], details.get("what") or message.strip(), at)


def _equal_at_the_end(failures: list[Failure]) -> int:
    count = 0
    for failure in reversed(failures):
        if (failure.kind, failure.what) != (failures[-1].kind, failures[-1].what):
            break
        count += 1
    return count
