"""`beamheat pause`."""

from __future__ import annotations

from beamheat_fw.cli.output import JsonOption, LaunchpadOption
from beamheat_fw.cli.steering import CampaignArgument, steer


def command(
    campaign: CampaignArgument, as_json: JsonOption = False, launchpad: LaunchpadOption = None
) -> None:
    """Start nothing more of a campaign; what runs goes on to its end.

    Example: beamheat pause quickstart
    """
    from beamheat_fw.doctor.steering import pause

    steer(pause, "paused", campaign, as_json, launchpad)
