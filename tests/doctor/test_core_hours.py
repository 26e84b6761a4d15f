"""A campaign may cost so many core hours: then it pauses by itself, and goes on when the bound is raised."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rocket_bench import Bench

from beamheat_fw.cli import main
from beamheat_fw.store.database import Store

pytestmark = pytest.mark.mongod

CAMPAIGN = str(Path(__file__).parents[2] / "workflows" / "emt_au_cu.yaml")


def states(bench: Bench) -> dict[str, str]:
    """Return the state of each firework of the first step by its firetask."""
    first = bench.launchpad.fireworks.find({"spec.stage": "propose"})
    return {fw["name"].split()[-1]: fw["state"] for fw in first}


def test_campaign_pauses_when_its_core_hours_are_spent(
    bench: Bench, store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def beamheat(*words: str) -> tuple[int, str, str]:
        status = main.run([*words, "-l", str(bench.launchpad_file)])
        return status, *capsys.readouterr()

    monkeypatch.chdir(bench.folder)
    assert beamheat("submit", CAMPAIGN, "--max-core-hours", "1e-6")[0] == 0
    first = bench.launchpad.fireworks.find_one({"name": {"$regex": "ProposeStructures"}})["fw_id"]
    assert bench.rlaunch("singleshot", "-f", str(first)).wait(60) == 0, bench.log()
    bench.launchpad.launches.update_one({"fw_id": first}, {"$set": {"runtime_secs": 36.0}})
    # The next one that begins finds the bound reached; it is given back, and nothing has failed.
    assert bench.rlaunch("rapidfire").wait(60) == 0, bench.log()
    assert states(bench) == {
        "ProposeStructures": "COMPLETED", "AnalyseSpectrum": "PAUSED", "Advance": "PAUSED"
    }  # fmt: skip
    said = beamheat("status")[1]
    assert "paused" in said
    assert "0.01 of 1e-06 core hours are spent; go on with" in said.replace("\n", " ")
    assert beamheat("doctor")[0] == 0

    assert "--max-core-hours" in (refused := beamheat("resume", "emt_au_cu"))[2]
    assert refused[0] == 2
    assert beamheat("submit", CAMPAIGN, "--max-core-hours", "2")[0] == 2
    assert beamheat("resume", "emt_au_cu", "--max-core-hours", "2")[0] == 0
    document = json.loads(beamheat("status", "emt_au_cu", "--json")[1])[0]
    assert (document["state"], document["state_reason"], document["max_core_hours"]) == ("active", None, 2.0)
    last = bench.launchpad.fireworks.find_one({"name": {"$regex": "Advance"}})["fw_id"]
    assert bench.rlaunch("singleshot", "-f", str(last)).wait(60) == 0, bench.log()
    assert states(bench)["Advance"] == "COMPLETED"


def test_doctor_pauses_what_no_worker_looks_at(
    bench: Bench, store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(bench.folder)
    options = ["-l", str(bench.launchpad_file)]
    assert main.run(["submit", CAMPAIGN, "--max-core-hours", "0", *options]) == 0
    assert main.run(["doctor", "--fix", *options]) == 0
    assert "core hours spent" in capsys.readouterr().out
    assert set(states(bench).values()) == {"PAUSED"}
