"""Where a campaign stands, and putting its next step into the LaunchPad."""

from __future__ import annotations

from dataclasses import replace

from fireworks import LaunchPad

from beamheat_fw.campaign import Campaign, parse_campaign
from beamheat_fw.firetasks.label_cost import estimated_core_s
from beamheat_fw.flows import CampaignState, RoundState, next_step
from beamheat_fw.launch.submission import insert_once
from beamheat_fw.store.campaigns import begin_round, set_campaign_state
from beamheat_fw.store.database import Store
from beamheat_fw.store.documents import CampaignRecord, Committee, Conductance, Prediction
from beamheat_fw.store.rounds import rounds_of_campaign


def read_state(store: Store, campaign_id: str) -> CampaignState:
    """Read from the store what `flows.next_step` needs to know of a campaign."""
    mine = {"campaign_id": campaign_id}
    rounds = rounds_of_campaign(store, campaign_id)
    committee = next(iter(store.find(Committee, mine, newest_first=True, limit=1)), None)
    conductance = next(iter(store.find(Conductance, mine, newest_first=True, limit=1)), None)
    prediction = next(iter(store.find(Prediction, mine, newest_first=True, limit=1)), None)
    return CampaignState(
        tuple(RoundState(r.round, r.label_ids, r.committee_id, r.verdict) for r in rounds),
        committee.potential_ids if committee else (),
        conductance.id if conductance else None,
        prediction.id if prediction else None,
    )


def _with_costs(store: Store, campaign: Campaign, state: CampaignState) -> CampaignState:
    """Add what the labels of a round cost that is about to be learned from."""
    if not state.rounds or state.rounds[-1].committee_id or not state.rounds[-1].label_ids:
        return state
    *before, last = state.rounds
    costs = estimated_core_s(store, campaign, last.label_ids)
    return replace(state, rounds=(*before, replace(last, label_core_s=costs)))


def advance(store: Store, launchpad: LaunchPad, campaign_id: str) -> str | None:
    """Insert what follows next in a campaign, unless it is there or the campaign is not active.

    Returns
    -------
    str or None
        The step's key when this call inserted it.
    """
    record = store.load(CampaignRecord, campaign_id)
    if record.state != "active":
        return None
    campaign = parse_campaign(record.document, source=record.name)
    state = _with_costs(store, campaign, read_state(store, campaign_id))
    workflow = next_step(campaign, state)
    if workflow is None:
        if state.prediction_id:
            set_campaign_state(store, campaign_id, "finished")
        return None
    if not insert_once(launchpad, workflow):
        return None
    begin_round(store, campaign_id, workflow.metadata["round"])
    return workflow.metadata["step_key"]
