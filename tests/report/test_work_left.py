"""Training and MD say how long they still take, from launches that FireWorks itself has recorded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from fireworks import FWAction, FWorker, LaunchPad

from beamheat_fw.cli.progress import LiveProgress, bars, progress_line
from beamheat_fw.flows import CampaignState, RoundState, next_step
from beamheat_fw.report.status import campaign_status
from beamheat_fw.report.work_left import work_left
from beamheat_fw.store.campaigns import find_campaign


def _launch(launchpad: LaunchPad, ran_s: float | None) -> str:
    """Launch the next firework and let it have run for so long; None: it begins now and goes on."""
    firework, launch_id = launchpad.checkout_fw(FWorker(), "/tmp")
    if ran_s is not None:
        launchpad.complete_launch(launch_id, FWAction(), "COMPLETED")
        launchpad.launches.update_one({"launch_id": launch_id}, {"$set": {"runtime_secs": ran_s}})
    return firework.name


@pytest.fixture
def training(filled, launchpad):
    """A campaign whose labels and dataset are done, and whose members are next."""
    ids = tuple(filled.label(0))
    filled.train(0, ids)
    launchpad.add_wf(
        next_step(filled.campaign, CampaignState((RoundState(0, ids, None, None),), (), None, None))
    )
    while not launchpad.fireworks.find_one({"name": {"$regex": "TrainMember"}, "state": "READY"}):
        _launch(launchpad, 5.0)
    return filled


def test_time_left_of_training_is_unknown_until_a_member_is_trained(training, launchpad) -> None:
    record = find_campaign(training.store, "quickstart")
    assert "TrainMember" in _launch(launchpad, None)
    (work,) = work_left(training.store, record)
    members = training.campaign.training.members
    assert work == {"work": "training", "done": 0, "running": 1, "waiting": members - 1, "left": None}
    assert "training 0/3, time left unknown yet" in progress_line(campaign_status(training.store, record))


def test_members_left_take_as_long_as_those_that_are_trained(training, launchpad) -> None:
    record = find_campaign(training.store, "quickstart")
    _launch(launchpad, 100.0)
    _launch(launchpad, 140.0)
    _launch(launchpad, None)
    begun = (datetime.now(UTC) - timedelta(seconds=40)).replace(tzinfo=None).isoformat()
    running = {"state": "RUNNING", "state_history.state": "RUNNING"}
    launchpad.launches.update_one(running, {"$set": {"state_history.$.created_on": begun}})
    (work,) = work_left(training.store, record)
    assert (work["done"], work["running"], work["waiting"]) == (2, 1, 0)
    assert work["left"]["low_s"] == pytest.approx(60.0, abs=5.0)
    assert work["left"]["high_s"] == pytest.approx(100.0, abs=5.0)


def test_a_later_round_is_measured_by_its_epochs_and_frames(training, launchpad) -> None:
    record = find_campaign(training.store, "quickstart")
    for _ in range(3):
        _launch(launchpad, 100.0)
    stage = training.campaign.training
    assert stage.first_max_epochs != stage.max_epochs
    train = {"name": {"$regex": "TrainMember"}}
    last = launchpad.fireworks.find_one(train, sort=[("fw_id", -1)])
    launchpad.fireworks.update_one(
        {"fw_id": last["fw_id"]}, {"$set": {"spec.round": 1, "state": "WAITING", "launches": []}}
    )
    (work,) = work_left(training.store, record)
    expected = 100.0 * stage.max_epochs / stage.first_max_epochs
    assert work["left"]["low_s"] == pytest.approx(expected)
    assert work["left"]["high_s"] == pytest.approx(expected)


def test_a_pipe_gets_a_line_for_each_change_and_quiet_gets_none(training, capsys) -> None:
    status = campaign_status(training.store, find_campaign(training.store, "quickstart"))
    with LiveProgress(quiet=False) as shown:
        shown.show(status)
        shown.show(status)
    assert capsys.readouterr().out.count("fireworks ") == 1
    with LiveProgress(quiet=True) as shown:
        shown.show(status)
    assert capsys.readouterr().out == ""


def test_a_terminal_gets_bars(training, capsys, monkeypatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    status = campaign_status(training.store, find_campaign(training.store, "quickstart"))
    with LiveProgress(quiet=False) as shown:
        shown.show(status)
        shown.say("mended: nothing")
    printed = capsys.readouterr().out
    for bar in bars(status):
        assert bar.name in printed
    assert "━" in printed
    assert "mended: nothing" in printed
