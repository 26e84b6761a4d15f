"""`beamheat resume`."""

from __future__ import annotations

from beamheat_fw.cli.output import JsonOption, LaunchpadOption
from beamheat_fw.cli.steering import CampaignArgument, steer


def command(
    campaign: CampaignArgument, as_json: JsonOption = False, launchpad: LaunchpadOption = None
) -> None:
    """Go on with a paused campaign.

    Example: beamheat resume quickstart
    """
    from beamheat_fw.doctor.steering import resume

    steer(resume, "resumed", campaign, as_json, launchpad)
