"""The time left follows the pace of what has ended, as an interval, and is not said before there is one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from beamheat_fw.cli.progress import left_in_words
from beamheat_fw.report.status import campaign_status
from beamheat_fw.report.time_left import FEWEST, TimeLeft, left_at_durations, left_at_pace
from beamheat_fw.store.documents import CampaignRecord

START = datetime(2026, 3, 1, tzinfo=UTC)
ENDS = [START + timedelta(seconds=10 * number) for number in range(6)]


def test_time_left_is_the_work_left_at_the_measured_pace() -> None:
    for ends in (ENDS, ENDS[::-1]):
        left = left_at_pace(ends, 12)
        assert left is not None
        assert (left.low_s, left.high_s) == pytest.approx((120.0, 120.0))


def test_interval_holds_most_of_what_comes() -> None:
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(400):
        gaps = rng.gamma(4.0, 2.5, 30)
        ends = [START + timedelta(seconds=float(each)) for each in np.cumsum(gaps[:10])]
        left = left_at_pace(ends, 20)
        assert left is not None
        assert left.high_s is not None
        held += left.low_s <= gaps[10:].sum() <= left.high_s
    assert 0.88 < held / 400 < 0.99


def test_time_left_is_not_guessed_from_a_few() -> None:
    assert left_at_pace(ENDS[: FEWEST - 1], 12) is None
    assert left_at_pace([None] * 9, 12) is None
    assert left_at_durations([], [30.0], 2) is None


def test_nothing_left_takes_no_time() -> None:
    assert left_at_pace([], 0) == TimeLeft(0.0, 0.0)
    assert left_at_durations([], [], 0) == TimeLeft(0.0, 0.0)


@pytest.mark.parametrize(
    ("done", "elapsed", "waiting", "expected"),
    [
        # Two side by side: the one that is behind counts.
        ([100.0, 140.0], [30.0, 90.0], 0, TimeLeft(70.0, 110.0)),
        # Three wait for two places: two turns more.
        ([100.0, 140.0], [30.0, 90.0], 3, TimeLeft(270.0, 390.0)),
        # One duration alone says little.
        ([100.0], [10.0], 0, TimeLeft(40.0, 190.0)),
        # What takes longer than all before has no bound.
        ([100.0, 140.0], [150.0], 0, TimeLeft(0.0, None)),
        ([100.0, 140.0], [], 2, TimeLeft(200.0, 280.0)),
    ],
)
def test_runs_take_as_long_as_those_before_them(
    done: list[float], elapsed: list[float], waiting: int, expected: TimeLeft
) -> None:
    assert left_at_durations(done, elapsed, waiting) == expected


def test_status_of_a_labelled_round_has_no_time_left(filled) -> None:
    filled.label(0)
    status = campaign_status(filled.store, filled.store.load(CampaignRecord, filled.id))
    assert status["rounds"][0]["labels_left"] == {"low_s": 0.0, "high_s": 0.0}
    assert status["work"] == []


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (None, "time left unknown yet"),
        ({"low_s": 80.0, "high_s": 90.0}, "80 s to 90 s left"),
        ({"low_s": 600.1, "high_s": 600.2}, "about 10 min left"),
        ({"low_s": 0.0, "high_s": None}, "0 s left or more, longer than measured so far"),
    ],
)
def test_time_left_is_said_in_words(left: dict | None, said: str) -> None:
    assert left_in_words(left) == said


def test_labels_of_an_earlier_campaign_do_not_set_the_pace(filled) -> None:
    ids = filled.label(0)
    record = filled.store.load(CampaignRecord, filled.id)
    labels = filled.store.db["labels"]
    begun = filled.store.db["rounds"].find_one({"campaign_id": filled.id})["created_at"]
    labels.update_one({"_id": ids[0]}, {"$set": {"state": "planned"}})
    for number, label_id in enumerate(ids[1:]):
        ended = begun + timedelta(seconds=10 * number)
        labels.update_one({"_id": label_id}, {"$set": {"last_updated": ended}})
    left = campaign_status(filled.store, record)["rounds"][0]["labels_left"]
    assert (left["low_s"], left["high_s"]) == pytest.approx((10.0, 10.0))
    long_ago = {"last_updated": begun - timedelta(days=1)}
    labels.update_many({"_id": {"$in": ids[1:4]}}, {"$set": long_ago})
    assert campaign_status(filled.store, record)["rounds"][0]["labels_left"] is None
