"""Failed labels are calculated again when asked for, by real rockets, and not for ever."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ase.build import bulk
from rocket_bench import Bench

from beamheat_fw.campaign import load_campaign
from beamheat_fw.cli import main
from beamheat_fw.doctor.label_retries import choose_labels, retry_labels
from beamheat_fw.drivers.labelling.results import LabelResult as Calculated
from beamheat_fw.firetasks.labels import level_of
from beamheat_fw.flows.steps import Step, learn
from beamheat_fw.launch.job_folder import JobFolder
from beamheat_fw.store.campaigns import save_campaign
from beamheat_fw.store.database import Store
from beamheat_fw.store.documents import Label, LabelRequest
from beamheat_fw.store.labels import count_states, failure_kind, plan_labels
from beamheat_fw.store.rounds import upsert_round

pytestmark = pytest.mark.mongod

EMT = Path(__file__).parents[2] / "workflows" / "emt_au_cu.yaml"


@pytest.fixture
def labelling(bench: Bench, store: Store) -> tuple[dict[str, Any], list[str]]:
    """Return a campaign's labelling firework, READY, and its two labels."""
    campaign = load_campaign(EMT)
    save_campaign(store, campaign)
    structures = [bulk("Au", cubic=True), bulk("Cu", cubic=True)]
    requests = [LabelRequest(campaign_id=campaign.campaign_id, round=0, role="initial")] * 2
    ids = list(plan_labels(store, structures, requests, level_of(campaign)).label_ids)
    upsert_round(store, campaign.campaign_id, 0, label_ids=ids)
    bench.launchpad.add_wf(learn(Step(campaign, campaign.campaign_id, 0, "learn"), ids))
    return bench.launchpad.fireworks.find_one({"state": "READY"}), ids


@pytest.fixture
def failed(bench: Bench, store: Store, labelling: tuple[dict[str, Any], list[str]]) -> tuple[int, list[str]]:
    """Return the id of the labelling firework, which has ended, and its labels: the first has failed."""
    firework, ids = labelling
    bench.launchpad.fireworks.update_one({"fw_id": firework["fw_id"]}, {"$set": {"state": "COMPLETED"}})
    _fail(store, ids[0])
    return firework["fw_id"], ids


def _has_failed(store: Store, label_id: str, reasons: list[str]) -> None:
    failures = [failure_kind({"kind": "CalculationError", "what": what}) for what in reasons]
    store.collection(Label).update_one(
        {"_id": label_id}, {"$set": {"retries": len(failures), "failures": failures}}
    )


def _fail(store: Store, label_id: str) -> None:
    reason = {"kind": "CalculationError", "what": "the node broke"}
    change = {"$set": {"state": "failed", "reason": reason}, "$unset": {"energy_eV": "", "forces_eV_A": ""}}
    store.collection(Label).update_one({"_id": label_id}, change)


def test_failed_label_is_calculated_again_and_the_others_are_not(
    bench: Bench, store: Store, labelling: tuple[dict[str, Any], list[str]]
) -> None:
    """A label that failed on a broken node, whose failure is in the job's folder, too."""
    firework, (again, kept) = labelling
    fw_id = firework["fw_id"]
    assert bench.rlaunch("singleshot").wait(120) == 0
    assert count_states(store, [again, kept]) == {"completed": 2}, bench.log()
    results = JobFolder(bench.folder / "scratch", firework["spec"]["job_key"]).path / "work" / "results"
    Calculated(again, "failed", errors=("the node broke",)).write(results / f"{again}.json")
    _fail(store, again)
    before = store.load(Label, kept)
    (would,) = choose_labels(bench.launchpad, store, None, 3)
    assert (would.fw_id, would.label_ids, would.refusal, would.rerun) == (fw_id, (again,), "", False)
    assert bench.state(fw_id) == "COMPLETED"
    (done,) = retry_labels(bench.launchpad, store, None, 3)
    assert done.rerun
    assert bench.rlaunch("singleshot").wait(120) == 0
    assert bench.state(fw_id) == "COMPLETED", bench.log()
    label = store.load(Label, again)
    assert (label.state, label.retries, label.reason) == ("completed", 1, None)
    assert label.energy_eV is not None
    assert store.load(Label, kept) == before
    assert list(choose_labels(bench.launchpad, store, None, 3)) == []


def test_retry_that_was_cut_off_is_gone_on_with(
    bench: Bench, store: Store, failed: tuple[int, list[str]]
) -> None:
    """As when the command was killed after it had planned the label and before it reran the firework."""
    fw_id, (again, _) = failed
    store.collection(Label).update_one({"_id": again}, {"$set": {"state": "planned"}, "$inc": {"retries": 1}})
    (done,) = retry_labels(bench.launchpad, store, None, 3)
    assert (done.label_ids, done.rerun, bench.state(fw_id)) == ((again,), True, "READY")


def test_label_that_keeps_failing_is_refused_unless_forced(
    bench: Bench, store: Store, failed: tuple[int, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    fw_id, (again, _) = failed
    bench.worker_file()
    _has_failed(store, again, ["the node broke", "the node broke"])
    command = ["resubmit", "--failed-labels", "--json", "-l", str(bench.launchpad_file)]
    assert main.run(command) == 1
    (refused,) = json.loads(capsys.readouterr().out)["fireworks"]
    assert (refused["given_up"], refused["rerun"]) == ([again], False)
    assert "failed 3 times in the same way" in refused["refusal"]
    assert store.load(Label, again).state == "failed"
    assert main.run([*command, "--force"]) == 0
    assert store.load(Label, again).state == "planned"
    assert bench.state(fw_id) == "READY"


def test_only_equal_failures_in_a_row_are_counted(
    bench: Bench, store: Store, failed: tuple[int, list[str]]
) -> None:
    _, (again, _) = failed
    _has_failed(store, again, ["the node broke", "out of memory on 12 ranks", "out of memory on 16 ranks"])
    (chosen,) = choose_labels(bench.launchpad, store, None, 2)
    assert (chosen.label_ids, chosen.refusal) == ((again,), "")
    (done,) = retry_labels(bench.launchpad, store, None, 2)
    assert done.rerun
    label = store.load(Label, again)
    assert (label.retries, len(label.failures), label.analysis.details) == (4, 4, {})
    assert label.failures[1] == label.failures[2]


def test_label_of_a_dataset_that_was_made_without_it_is_refused(
    bench: Bench, store: Store, failed: tuple[int, list[str]]
) -> None:
    fw_id, (again, _) = failed
    bench.launchpad.fireworks.update_one(
        {"spec._tasks._fw_name": "{{beamheat_fw.firetasks.BuildDataset}}"}, {"$set": {"state": "COMPLETED"}}
    )
    (refused,) = retry_labels(bench.launchpad, store, None, 3)
    assert "made without them" in refused.refusal
    assert store.load(Label, again).state == "failed"
    assert bench.state(fw_id) == "COMPLETED"
