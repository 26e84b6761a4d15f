from __future__ import annotations

import signal
from pathlib import Path

import pytest
from rocket_bench import Bench, kill, wait_until

from beamheat_fw.campaign import load_campaign
from beamheat_fw.doctor import examine_and_fix
from beamheat_fw.doctor.data import examine_campaigns, examine_folders
from beamheat_fw.launch.job_folder import JobFolder
from beamheat_fw.store.campaigns import save_campaign
from beamheat_fw.store.database import Store

pytestmark = pytest.mark.mongod

EMT = Path(__file__).parents[2] / "workflows" / "emt_au_cu.yaml"


def test_missing_next_step_is_inserted_once(bench: Bench, store: Store) -> None:
    """As when the firework at a round's end was killed before it could insert what follows."""
    campaign = load_campaign(EMT)
    save_campaign(store, campaign)
    (finding,) = examine_campaigns(bench.launchpad, store)
    assert finding.kind == "missing step"
    assert finding.mend is not None
    assert [finding.mend(), finding.mend()] == [True, False]
    assert bench.launchpad.workflows.count_documents({"metadata.campaign_id": campaign.campaign_id}) == 1
    assert list(examine_campaigns(bench.launchpad, store)) == []


def test_real_step_killed_in_its_run_is_taken_up_again(bench: Bench, store: Store) -> None:
    """A campaign's own firework, not a stand-in: killed, mended, finished by the next rocket."""
    campaign = load_campaign(EMT)
    save_campaign(store, campaign)
    examine_and_fix(bench.launchpad, store, bench.folder / "scratch")
    rocket = bench.rlaunch("singleshot")
    wait_until(lambda: bench.launchpad.fireworks.find_one({"state": "RUNNING"}), "a running firework")
    kill(rocket, signal.SIGKILL)
    examine_and_fix(bench.launchpad, store, bench.folder / "scratch")
    assert bench.launchpad.fireworks.count_documents({"state": {"$in": ["RUNNING", "RESERVED"]}}) == 0
    assert bench.rlaunch("singleshot").wait(60) == 0
    assert bench.launchpad.fireworks.find_one({"state": "COMPLETED"}), bench.log()


def test_results_computed_but_not_saved_are_saved_by_another_run(bench: Bench, store: Store) -> None:
    campaign = load_campaign(EMT)
    save_campaign(store, campaign)
    examine_and_fix(bench.launchpad, store, bench.folder / "scratch")
    firework = bench.launchpad.fireworks.find_one({"state": "READY"})
    folder = JobFolder(bench.folder / "scratch", firework["spec"]["job_key"])
    folder.mark_run_done({})
    assert list(examine_folders(bench.launchpad, bench.folder / "scratch")) == []
    bench.launchpad.fireworks.update_one({"_id": firework["_id"]}, {"$set": {"state": "FIZZLED"}})
    (finding,) = examine_folders(bench.launchpad, bench.folder / "scratch")
    assert finding.kind == "unsaved results"
    assert finding.mend is not None
    assert finding.mend()
    assert bench.state(firework["fw_id"]) == "READY"
