"""`beamheat doctor`, `resubmit`, `pause`, `resume` and `cancel` as a person meets them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from bench_tasks import Fail, Sleep
from fireworks import Firework
from rocket_bench import Bench

from beamheat_fw.cli import main
from beamheat_fw.launch.owner import this_process
from beamheat_fw.store.database import Store, make
from beamheat_fw.store.documents import CampaignRecord

pytestmark = pytest.mark.mongod


def beamheat(bench: Bench, *arguments: str) -> int:
    bench.worker_file()  # beside the launchpad file, where it is found
    return main.run([*arguments, "-l", str(bench.launchpad_file)])


def as_json(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_doctor_reports_and_mends_and_is_healthy_afterwards(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    (fw_id,) = bench.add(Firework(Sleep()))
    dead = {**this_process(), "pid": 2**22 + 1, "token": "t"}
    bench.launchpad.fireworks.update_one({"fw_id": fw_id}, {"$set": {"state": "RESERVED", "claim": dead}})
    assert beamheat(bench, "doctor") == 1
    shown = capsys.readouterr().out
    assert "abandoned claim" in shown
    assert "--fix" in shown
    assert beamheat(bench, "doctor", "--json") == 1
    (finding,) = as_json(capsys)["left"]
    assert (finding["kind"], finding["fw_id"], finding["can_mend"]) == ("abandoned claim", fw_id, True)
    assert beamheat(bench, "doctor", "--fix", "--json") == 0
    mended = as_json(capsys)
    assert ([item["fw_id"] for item in mended["mended"]], mended["left"]) == ([fw_id], [])
    assert beamheat(bench, "doctor") == 0
    assert capsys.readouterr().out == "Nothing is inconsistent.\n"


def test_resubmit_shows_before_it_acts(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    (fw_id,) = bench.add(Firework(Fail(message="diverged")))
    bench.rlaunch("singleshot").wait(60)
    assert beamheat(bench, "resubmit", "--dry-run", "--json") == 0
    (would,) = as_json(capsys)["fireworks"]
    assert (would["fw_id"], would["error"], would["rerun"]) == (fw_id, "diverged", False)
    assert bench.state(fw_id) == "FIZZLED"
    assert beamheat(bench, "resubmit", "-i", str(fw_id)) == 0
    assert "is run again" in capsys.readouterr().out
    assert bench.state(fw_id) == "READY"


def test_campaign_is_paused_resumed_and_cancelled_by_name(
    bench: Bench, store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store.create(make(CampaignRecord, id="c" * 64, name="gold", document={}))
    (fw_id,) = bench.add(Firework(Sleep()), campaign_id="c" * 64)
    # What follows in the campaign is not this test's business, and its file is empty.
    monkeypatch.setattr("beamheat_fw.doctor.steering.advance", lambda *_: None)
    for name, state in (("pause", "PAUSED"), ("resume", "READY"), ("cancel", "DEFUSED")):
        assert beamheat(bench, name, "gold", "--json") == 0
        assert as_json(capsys)["fireworks"] == 1
        assert bench.state(fw_id) == state


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["resubmit", "--since", "yesterday"], "2026-03-01"),
        (["resubmit", "--until", "tomorrow"], "until"),
        (["resubmit", "--failed-labels", "--stage", "heat"], "by campaign alone"),
        (["resubmit", "--state", "COMPLETED"], "FIZZLED or DEFUSED"),
        (["resubmit", "--campaign", "nobody"], "no such campaign"),
        (["pause", "nobody"], "no such campaign"),
        (["doctor", "-w", "/nowhere/worker.yaml"], "/nowhere/worker.yaml"),
    ],
)
def test_bad_input_is_one_message_and_status_2(
    bench: Bench, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert beamheat(bench, *arguments) == 2
    message = capsys.readouterr().err
    assert words in message
    assert message.count("\n") == 1


def test_database_that_is_away_is_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "pad.yaml"
    path.write_text("uri_mode: true\nhost: mongodb://127.0.0.1:1/?replicaSet=x\nname: x\n")
    assert main.run(["resubmit", "-l", str(path)]) == 2
    assert "does not answer" in capsys.readouterr().err
