"""Costs and failures, from launches that FireWorks itself has recorded."""

from __future__ import annotations

import pytest
from fireworks import FWAction, FWorker

from beamheat_fw.flows import CampaignState, RoundState, next_step
from beamheat_fw.report.page import render
from beamheat_fw.store.campaigns import find_campaign
from beamheat_fw.store.costs import costs_of

FIZZLED = {
    "_exception": {
        "_stacktrace": "",
        "_details": {"kind": "CalculationError", "what": "Out of memory", "fix": "Use more."},
    }
}


@pytest.fixture
def launched(filled, launchpad):
    """A campaign whose labels were launched; the first launch failed, the others ran half an hour each."""
    ids = tuple(filled.label(0))
    launchpad.add_wf(
        next_step(filled.campaign, CampaignState((RoundState(0, ids, None, None),), (), None, None))
    )
    for number in range(2):
        firework, launch_id = launchpad.checkout_fw(FWorker(), "/tmp")
        failed = number == 0
        launchpad.complete_launch(
            launch_id, FWAction(stored_data=FIZZLED if failed else {}), "FIZZLED" if failed else "COMPLETED"
        )
        launchpad.launches.update_one({"launch_id": launch_id}, {"$set": {"runtime_secs": 1800.0}})
        if failed:
            launchpad.rerun_fw(firework.fw_id)
    return filled


def test_core_hours_are_run_times_times_ranks_of_every_launch(launched) -> None:
    costs = {
        cost.task: cost for cost in costs_of(launched.store, find_campaign(launched.store, "quickstart"))
    }
    labelling = costs["LabelStructures"]
    ranks = launched.campaign.labelling.ranks
    assert ranks > 1
    assert (labelling.launches, labelling.wall_h, labelling.core_h) == (2, 1.0, ranks * 1.0)
    assert costs["TrainMember"].fireworks == launched.campaign.training.members
    assert costs["TrainMember"].core_h == 0.0


def test_failed_firework_is_reported_with_its_reason(launched, launchpad) -> None:
    firework, launch_id = launchpad.checkout_fw(FWorker(), "/tmp")
    launchpad.complete_launch(launch_id, FWAction(stored_data=FIZZLED), "FIZZLED")
    page = render(launched.store, launched.id)
    assert "1 fireworks failed" not in page
    assert "1 firework failed" in page
    assert "Out of memory. Use more." in page
    assert firework.name in page
