"""`beamheat resume`."""

from __future__ import annotations

from beamheat_fw.cli.output import JsonOption, LaunchpadOption
from beamheat_fw.cli.steering import CampaignArgument, MaxCoreHoursOption, steer


def command(
    campaign: CampaignArgument,
    max_core_hours: MaxCoreHoursOption = None,
    as_json: JsonOption = False,
    launchpad: LaunchpadOption = None,
) -> None:
    """Go on with a paused campaign.

    Example: beamheat resume quickstart --max-core-hours 500
    """
    from functools import partial

    from beamheat_fw.doctor.steering import resume

    steer(partial(resume, max_core_hours=max_core_hours), "resumed", campaign, as_json, launchpad)
