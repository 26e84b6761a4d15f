from pathlib import Path

import pytest

from beamheat_fw.campaign import load_campaign
from beamheat_fw.flows import CampaignState, RoundState, next_step

WORKFLOWS = Path(__file__).parents[2] / "workflows"


@pytest.fixture(scope="module")
def campaign():
    return load_campaign(WORKFLOWS / "emt_au_cu.yaml")


def stage_of(workflow):
    return workflow.metadata["round"], workflow.metadata["stage"]


def trained(number, verdict="not converged"):
    return RoundState(number, ("a", "b"), f"committee-{number}", verdict if number else None)


def test_a_new_campaign_proposes_structures(campaign):
    assert stage_of(next_step(campaign, CampaignState())) == (0, "propose")


def test_proposed_labels_are_learned_from(campaign):
    state = CampaignState((RoundState(0, ("a", "b")),))
    assert stage_of(next_step(campaign, state)) == (0, "learn")


@pytest.mark.parametrize("last", [1, 2])
def test_a_committee_without_verdict_is_still_being_learned(campaign, last):
    rounds = (trained(0), trained(1), trained(2))[: last + 1]
    asked_early = next_step(campaign, CampaignState((*rounds[:-1], trained(last, None))))
    assert stage_of(asked_early) == (last, "learn")
    learning = next_step(campaign, CampaignState((*rounds[:-1], RoundState(last, ("a", "b")))))
    assert asked_early.metadata["step_key"] == learning.metadata["step_key"]


def test_a_round_without_proposals_waits_for_the_firework_that_makes_them(campaign):
    assert next_step(campaign, CampaignState((RoundState(0),))) is None


def test_an_exploration_without_selection_keeps_its_key(campaign):
    first = next_step(campaign, CampaignState((trained(0),)))
    again = next_step(campaign, CampaignState((trained(0), RoundState(1))))
    assert first.metadata["step_key"] == again.metadata["step_key"]
    assert stage_of(again) == (1, "explore")


def test_a_converged_committee_still_explores_the_least_number_of_rounds(campaign):
    state = CampaignState((trained(0), trained(1, "converged")))
    assert stage_of(next_step(campaign, state)) == (2, "explore")


@pytest.mark.parametrize("verdict", ["converged", "not converged", "stalled"])
def test_after_the_last_round_the_particle_is_heated(campaign, verdict):
    state = CampaignState((trained(0), trained(1), trained(2, verdict)), ("p0", "p1"))
    workflow = next_step(campaign, state)
    assert stage_of(workflow) == (2, "heat")
    assert sum("HeatParticle" in firework.name for firework in workflow.fws) == 2


def test_nothing_follows_a_prediction(campaign):
    state = CampaignState((trained(0), trained(1), trained(2)), ("p0",), "g", "t")
    assert next_step(campaign, state) is None


def test_learning_labels_in_chunks_and_waits_for_verdict_and_committee(campaign):
    ids = tuple(f"label-{number}" for number in range(23))
    workflow = next_step(campaign, CampaignState((trained(0), RoundState(1, ids))))
    by_name = {firework.name.split()[-1]: firework.fw_id for firework in workflow.fws}
    chunks = [fw_id for name, fw_id in by_name.items() if name.startswith("LabelStructures")]
    assert len(chunks) == 3
    after_labels = {by_name["CalibrateCommittee"], by_name["BuildDataset"]}
    assert all(set(workflow.links[chunk]) == after_labels for chunk in chunks)
    assert workflow.links[by_name["CalibrateCommittee"]] == [by_name["Advance"]]
    assert workflow.links[by_name["AssembleCommittee"]] == [by_name["Advance"]]
    members = workflow.links[by_name["BuildDataset"]]
    assert len(members) == campaign.training.members
    labelled = [i for firework in workflow.fws for i in firework.tasks[0].get("label_ids", [])]
    assert sorted(labelled) == sorted(ids)


def test_every_firework_has_a_category_and_a_job_key_of_its_own(campaign):
    states = [CampaignState(), CampaignState((trained(0), RoundState(1, ("a",))))]
    for state in states:
        fireworks = next_step(campaign, state).fws
        assert {firework.spec["_category"] for firework in fireworks} <= {"dft", "train", "md", "light"}
        assert len({firework.spec["job_key"] for firework in fireworks}) == len(fireworks)
