from __future__ import annotations

import datetime

import pytest
from bench_tasks import Fail, Sleep
from fireworks import Firework
from rocket_bench import Bench

from beamheat_fw.doctor.resubmission import MOST_EQUAL_FAILURES, Selection, choose, resubmit

pytestmark = pytest.mark.mongod


@pytest.fixture
def failed(bench: Bench) -> tuple[int, int]:
    """Return two fireworks that have failed, of stages train and md."""
    spec = [{"campaign_id": "one", "stage": stage} for stage in ("train", "md")]
    first = bench.add(Firework(Fail(message="diverged"), spec=spec[0]))[0]
    second = bench.add(Firework(Fail(message="too hot"), spec=spec[1]))[0]
    assert bench.rlaunch("rapidfire").wait(60) == 0
    return first, second


def chosen(bench: Bench, **selection: object) -> list[int]:
    return [choice.fw_id for choice in choose(bench.launchpad, Selection(**selection))]  # type: ignore[arg-type]


def test_failures_are_selected_by_what_is_known_of_them(bench: Bench, failed: tuple[int, int]) -> None:
    first, second = failed
    bench.add(Firework(Sleep(), spec={"campaign_id": "one"}))
    now = datetime.datetime.now(datetime.UTC)
    assert chosen(bench) == [first, second]
    assert chosen(bench, campaign_id="one", stage="md") == [second]
    assert chosen(bench, campaign_id="two") == []
    assert chosen(bench, fw_ids=(first,)) == [first]
    assert chosen(bench, error_kind="ValueError") == [first, second]
    assert chosen(bench, error_kind="CalculationError") == []
    assert chosen(bench, since=now - datetime.timedelta(hours=1)) == [first, second]
    assert chosen(bench, since=now) == []
    assert chosen(bench, until=now) == [first, second]
    assert chosen(bench, until=now - datetime.timedelta(hours=1)) == []
    (one,) = choose(bench.launchpad, Selection(fw_ids=(first,)))
    assert (one.error_kind, one.error, one.attempts, one.refusal) == ("ValueError", "diverged", 1, "")
    assert bench.state(first) == "FIZZLED"


def test_same_error_is_tried_again_only_so_often(bench: Bench, failed: tuple[int, int]) -> None:
    first, second = failed
    for _ in range(MOST_EQUAL_FAILURES - 1):
        assert all(choice.rerun for choice in resubmit(bench.launchpad, Selection()))
        assert bench.rlaunch("rapidfire").wait(60) == 0
    refused = list(resubmit(bench.launchpad, Selection()))
    assert [choice.attempts for choice in refused] == [MOST_EQUAL_FAILURES] * 2
    assert all("3 times in a row" in choice.refusal and not choice.rerun for choice in refused)
    assert bench.state(first) == bench.state(second) == "FIZZLED"
    assert all(choice.rerun for choice in resubmit(bench.launchpad, Selection(), limit=4))
    assert bench.state(first) == bench.state(second) == "READY"


def test_defused_work_is_taken_up_again_when_asked_for(bench: Bench, failed: tuple[int, int]) -> None:
    first, _ = failed
    bench.launchpad.defuse_fw(first)
    assert chosen(bench, fw_ids=(first,)) == []
    (one,) = resubmit(bench.launchpad, Selection(state="DEFUSED", fw_ids=(first,)))
    assert one.rerun


def test_refused_firework_is_resubmitted_once_it_is_allowed(bench: Bench) -> None:
    (fw_id,) = bench.add(Firework(Sleep()))
    assert bench.rlaunch("rapidfire", allowed_tasks=[]).wait(60) == 0
    assert bench.state(fw_id) == "FIZZLED"
    (one,) = resubmit(bench.launchpad, Selection())
    assert (one.error_kind, one.rerun) == ("RefusedTask", True)
    assert bench.rlaunch("rapidfire").wait(60) == 0
    assert bench.state(fw_id) == "COMPLETED"
