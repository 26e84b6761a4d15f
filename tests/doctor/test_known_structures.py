"""A campaign over a database that almost has one of its labels says so before it pays, and afterwards."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from rocket_bench import Bench

from beamheat_fw.campaign import load_campaign
from beamheat_fw.cli import main
from beamheat_fw.firetasks.labels import level_of
from beamheat_fw.physics.structures import build_training_set
from beamheat_fw.store.database import Store
from beamheat_fw.store.documents import LabelRequest, LabelResult
from beamheat_fw.store.labels import complete, plan_labels

pytestmark = pytest.mark.mongod

CAMPAIGN = Path(__file__).parents[2] / "workflows" / "emt_au_cu.yaml"


def test_near_duplicates_in_the_database_are_named_by_check_and_kept_with_the_round(
    bench: Bench, store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def beamheat(*words: str) -> str:
        assert main.run([*words, "-l", str(bench.launchpad_file)]) == 0
        return capsys.readouterr().out

    monkeypatch.chdir(bench.folder)
    campaign = load_campaign(CAMPAIGN)
    same, near = build_training_set(campaign.structures)[:2]
    near.positions[0, 0] += 0.02
    asked = [LabelRequest(campaign_id="another")] * 2
    finished, stored = plan_labels(store, [same, near], asked, level_of(campaign)).label_ids
    complete(store, finished, LabelResult(energy_eV=0.0, forces_eV_A=np.zeros((len(same), 3))))

    checked = json.loads(beamheat("check", str(CAMPAIGN), "--json"))
    assert checked["labelled_already"] == 1
    (warning,) = [each for each in checked["warnings"] if "near-duplicate" in each]
    assert f"structure 1 is a near-duplicate of label {stored[:12]}" in warning

    beamheat("submit", str(CAMPAIGN))
    first = bench.launchpad.fireworks.find_one({"name": {"$regex": "ProposeStructures"}})["fw_id"]
    assert bench.rlaunch("singleshot", "-f", str(first)).wait(60) == 0, bench.log()
    (status,) = json.loads(beamheat("status", "emt_au_cu", "--json"))
    assert status["rounds"][0]["warnings"] == [warning]
