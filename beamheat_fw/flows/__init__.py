"""From a campaign and its state to FireWorks workflows; no input or output here."""

from beamheat_fw.flows.next_step import next_step
from beamheat_fw.flows.state import CampaignState, RoundState

__all__ = ["CampaignState", "RoundState", "next_step"]
