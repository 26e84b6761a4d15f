"""Firetasks that carry a campaign from step to step, and how a campaign enters the database."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fireworks import FiretaskBase, FWAction, LaunchPad

from beamheat_fw.campaign import Campaign, parse_campaign
from beamheat_fw.errors import InputError
from beamheat_fw.firetasks.context import Context
from beamheat_fw.firetasks.job import CampaignTask
from beamheat_fw.firetasks.pretrained import check_pretrained
from beamheat_fw.firetasks.progress import advance
from beamheat_fw.identity import file_sha256
from beamheat_fw.launch.outage import survive
from beamheat_fw.launch.submission import prepare_launchpad
from beamheat_fw.store.artifacts import put_artifact
from beamheat_fw.store.campaigns import load_campaign_record, save_campaign
from beamheat_fw.store.database import Store
from beamheat_fw.store.documents import CampaignRecord
from beamheat_fw.store.schema.versions import ensure_schema


def submit_campaign(
    launchpad: LaunchPad, campaign: Campaign, spectrum: Path, max_core_hours: float | None = None
) -> bool:
    """Save a campaign and put its first step into the LaunchPad; the same campaign is submitted once.

    Parameters
    ----------
    launchpad : LaunchPad
    campaign : Campaign
        As `load_campaign` returns it, with the spectrum's hash.
    spectrum : Path
        The spectrum's file on this machine.
    max_core_hours : float, optional
        At which cost a new campaign is paused.

    Returns
    -------
    bool
        Whether it is new.

    Raises
    ------
    InputError
        The spectrum is not there or is another file than the campaign names; or the campaign is there and
        has another bound on its core hours.
    """
    store = Store.from_launchpad(launchpad)
    prepare_launchpad(launchpad)
    ensure_schema(store)
    if not spectrum.is_file():
        raise InputError(
            "The campaign's spectrum is not on this machine",
            "Submit the campaign with `beamheat submit` where the file is.",
            {"file": str(spectrum)},
        )
    # Hashed before it is saved: a firework may name any file, and only the campaign's own is uploaded.
    found = file_sha256(spectrum)
    if found != campaign.eels.sha256:
        raise InputError(
            "The campaign's spectrum has changed",
            "Restore the file, or submit the campaign file again.",
            {"file": str(spectrum), "expected": campaign.eels.sha256, "found": found},
        )
    check_pretrained(store, campaign)
    put_artifact(store, spectrum)
    is_new = save_campaign(store, campaign, max_core_hours=max_core_hours)
    if not is_new and max_core_hours is not None:
        _refuse_other_bound(load_campaign_record(store, campaign.campaign_id), max_core_hours)
    advance(store, launchpad, campaign.campaign_id)
    return is_new


def _refuse_other_bound(record: CampaignRecord, max_core_hours: float) -> None:
    if record.max_core_hours != max_core_hours:
        raise InputError(
            "The campaign is in the database with another bound on its core hours",
            f"Change it with `beamheat resume {record.name} --max-core-hours {max_core_hours:g}`.",
            {"max_core_hours": record.max_core_hours},
        )


class SaveCampaign(FiretaskBase):
    """Submit the campaign that the firework carries; what ``beamheat submit --to-file`` writes."""

    _fw_name = "{{beamheat_fw.firetasks.SaveCampaign}}"
    required_params = ["campaign", "spectrum"]  # noqa: RUF012

    launchpad: Any

    def run_task(self, fw_spec: Mapping[str, Any]) -> FWAction:
        """Validate, save and submit; FireWorks calls this."""
        campaign = parse_campaign(self["campaign"], source="firework")
        is_new = survive(
            lambda: submit_campaign(self.launchpad, campaign, Path(self["spectrum"])), "submitting a campaign"
        )
        return FWAction(stored_data={"campaign_id": campaign.campaign_id, "is_new": is_new})


class Advance(CampaignTask):
    """Insert the step that follows what the database holds now."""

    _fw_name = "{{beamheat_fw.firetasks.Advance}}"

    def act(self, context: Context) -> dict[str, Any]:
        """Insert the next step; a step that is there already is left alone."""
        return {"inserted": advance(context.store, context.launchpad, context.campaign_id)}
