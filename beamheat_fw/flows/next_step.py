"""What follows next in a campaign: a pure function of the campaign file and where it stands."""

from __future__ import annotations

from fireworks import Workflow

from beamheat_fw.campaign import Campaign, ConvergenceStage
from beamheat_fw.flows import steps
from beamheat_fw.flows.state import CampaignState, RoundState
from beamheat_fw.flows.steps import Step

CONVERGED = "converged"


def next_step(campaign: Campaign, state: CampaignState) -> Workflow | None:
    """Return the workflow that follows from a state, or None when nothing does.

    Parameters
    ----------
    campaign : Campaign
    state : CampaignState

    Returns
    -------
    Workflow or None
        Its metadata's ``step_key`` tells whether it has been inserted already: the same state always
        gives the same key, however often it is asked.
    """

    def step(number: int, stage: str) -> Step:
        return Step(campaign, campaign.campaign_id, number, stage)

    if not state.rounds:
        return steps.propose(step(0, "propose"))
    last = state.rounds[-1]
    if not last.label_ids:
        return None if last.round == 0 else steps.explore(step(last.round, "explore"))
    # The verdict may come after the committee: no next round begins without it, whoever asks in between.
    if last.committee_id is None or (last.round > 0 and last.verdict is None):
        return steps.learn(step(last.round, "learn"), last.label_ids, last.label_core_s)
    if needs_another_round(campaign.convergence, last):
        return steps.explore(step(last.round + 1, "explore"))
    if state.prediction_id is None:
        return steps.heat(step(last.round, "heat"), state.potential_ids)
    return None


def needs_another_round(targets: ConvergenceStage, last: RoundState) -> bool:
    """Tell whether the committee has to explore again before it may be used."""
    if last.round < targets.min_rounds:
        return True
    return last.verdict != CONVERGED and last.round < targets.max_rounds
