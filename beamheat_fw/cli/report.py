"""``beamheat report``: one self-contained HTML page of a campaign."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from beamheat_fw.cli.output import JsonOption, LaunchpadOption, emit


def command(
    campaign: Annotated[str, typer.Argument(metavar="CAMPAIGN", help="Name, id or file.")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="The HTML file; NAME.html by default.", show_default=False),
    ] = None,
    launchpad: LaunchpadOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a campaign's report: one HTML page that needs no network, however far the campaign has come.

    Example: beamheat report quickstart -o quickstart.html
    """
    from beamheat_fw.cli.connection import connect
    from beamheat_fw.report.page import write_report
    from beamheat_fw.store.campaigns import find_campaign
    from beamheat_fw.store.database import Store

    store = Store.from_launchpad(connect(launchpad, to_write=False))
    record = find_campaign(store, campaign)
    path = write_report(store, record.id, output or Path(f"{record.name}.html"))
    document = {"campaign": record.name, "campaign_id": record.id, "report": str(path.absolute())}
    emit(document, as_json=as_json, readable=_print)


def _print(document: dict[str, Any]) -> None:
    print(f"report: {document['report']}")
