"""``beamheat submit``: put a campaign into the LaunchPad, or write it as a workflow file for ``lpad add``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from beamheat_fw.cli.output import JsonOption, LaunchpadOption, emit
from beamheat_fw.cli.steering import MaxCoreHoursOption
from beamheat_fw.errors import InputError


def command(
    campaign_file: Annotated[Path, typer.Argument(metavar="CAMPAIGN.yaml", help="The campaign file.")],
    launchpad: LaunchpadOption = None,
    to_file: Annotated[
        Path | None,
        typer.Option(
            "--to-file", help="Write a FireWorks workflow for `lpad add` instead.", show_default=False
        ),
    ] = None,
    max_core_hours: MaxCoreHoursOption = None,
    as_json: JsonOption = False,
) -> None:
    """Submit a campaign. The same file submitted twice is one campaign.

    Example: beamheat submit workflows/quickstart.yaml
    """
    from beamheat_fw.campaign import load_campaign, spectrum_path

    campaign = load_campaign(campaign_file)
    spectrum = spectrum_path(campaign_file, campaign.eels)
    document: dict[str, Any] = {"campaign": campaign.name, "campaign_id": campaign.campaign_id}
    if to_file is not None:
        if max_core_hours is not None:
            raise InputError(
                "A workflow file carries no bound on core hours",
                "Submit it without --to-file, or leave --max-core-hours out.",
            )
        from beamheat_fw.flows.steps import carry_campaign

        write_workflow(carry_campaign(campaign, spectrum), to_file)
        emit(document | {"file": str(to_file)}, as_json=as_json, readable=_print_file)
        return
    from beamheat_fw.cli.connection import connect
    from beamheat_fw.firetasks.campaigns import submit_campaign

    is_new = submit_campaign(connect(launchpad), campaign, spectrum, max_core_hours)
    emit(document | {"is_new": is_new}, as_json=as_json, readable=_print_submitted)


def write_workflow(workflow: Any, path: Path) -> None:
    """Write a workflow in the format of the file's suffix, whole or not at all.

    Raises
    ------
    InputError
        The suffix is neither .yaml, .yml nor .json, or the folder does not exist.
    """
    if path.suffix not in (".yaml", ".yml", ".json") or not path.parent.is_dir():
        raise InputError(
            "The workflow cannot be written there",
            "Give a file ending in .yaml or .json in a folder that exists.",
            {"file": str(path)},
        )
    draft = path.with_name(f".{path.stem}.tmp{path.suffix}")
    workflow.to_file(str(draft))
    draft.replace(path)


def _print_submitted(document: dict[str, Any]) -> None:
    what = "submitted" if document["is_new"] else "is in the database already; nothing was added twice"
    print(f"{document['campaign']} ({document['campaign_id'][:12]}) {what}")


def _print_file(document: dict[str, Any]) -> None:
    print(f"{document['file']} holds {document['campaign']}: add it with `lpad add {document['file']}`")
