"""`beamheat cancel`."""

from __future__ import annotations

from beamheat_fw.cli.output import JsonOption, LaunchpadOption
from beamheat_fw.cli.steering import CampaignArgument, steer


def command(
    campaign: CampaignArgument, as_json: JsonOption = False, launchpad: LaunchpadOption = None
) -> None:
    """End a campaign: what runs is stopped, what was computed stays.

    Example: beamheat cancel quickstart
    """
    from beamheat_fw.doctor.steering import cancel

    steer(cancel, "cancelled", campaign, as_json, launchpad)
