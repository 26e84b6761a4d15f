"""The time left follows the pace of what has ended, and is not said before there is one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from beamheat_fw.cli.run import labels_left
from beamheat_fw.report.status import campaign_status
from beamheat_fw.report.time_left import FEWEST, time_left_s
from beamheat_fw.store.documents import CampaignRecord

ENDS = [datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=10 * number) for number in range(6)]


def test_time_left_is_the_work_left_at_the_measured_pace() -> None:
    assert time_left_s(ENDS, 12) == pytest.approx(120.0)
    assert time_left_s(ENDS[::-1], 12) == pytest.approx(120.0)


def test_time_left_is_not_guessed_from_a_few() -> None:
    assert time_left_s(ENDS[: FEWEST - 1], 12) is None
    assert time_left_s([None] * 9, 12) is None


def test_nothing_left_takes_no_time() -> None:
    assert time_left_s([], 0) == 0.0


def test_status_of_a_labelled_round_has_no_time_left(filled) -> None:
    filled.label(0)
    status = campaign_status(filled.store, filled.store.load(CampaignRecord, filled.id))
    assert status["rounds"][0]["labels_left_s"] == 0.0
    assert labels_left(status["rounds"][0]) == ""


@pytest.mark.parametrize(
    ("left_s", "said"), [(None, "time left not known yet"), (90.0, "about 90 s left for labels")]
)
def test_time_left_is_said_in_words(left_s: float | None, said: str) -> None:
    assert labels_left({"labels_left_s": left_s, "completed": 3}) == said


def test_labels_of_an_earlier_campaign_do_not_set_the_pace(filled) -> None:
    ids = filled.label(0)
    record = filled.store.load(CampaignRecord, filled.id)
    labels = filled.store.db["labels"]
    begun = filled.store.db["rounds"].find_one({"campaign_id": filled.id})["created_at"]
    labels.update_one({"_id": ids[0]}, {"$set": {"state": "planned"}})
    for number, label_id in enumerate(ids[1:]):
        ended = begun + timedelta(seconds=10 * number)
        labels.update_one({"_id": label_id}, {"$set": {"last_updated": ended}})
    assert campaign_status(filled.store, record)["rounds"][0]["labels_left_s"] == pytest.approx(10.0)
    long_ago = {"last_updated": begun - timedelta(days=1)}
    labels.update_many({"_id": {"$in": ids[1:4]}}, {"$set": long_ago})
    assert campaign_status(filled.store, record)["rounds"][0]["labels_left_s"] is None
