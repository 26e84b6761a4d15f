"""What `beamheat pause`, `resume` and `cancel` share: from a campaign's name to one line of report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from beamheat_fw.cli.output import emit

CampaignArgument = Annotated[str, typer.Argument(help="Name, id or file of a campaign.", show_default=False)]

MaxCoreHoursOption = Annotated[
    float | None,
    typer.Option(
        min=0, help="Pause the campaign when its launches have come to so many.", show_default=False
    ),
]


def steer(
    act: Callable[[Any, Any, Any], int], done: str, campaign: str, as_json: bool, launchpad: Path | None
) -> None:
    """Do something with a campaign and report how many of its fireworks it concerned."""
    from beamheat_fw.cli.as_worker import connect_as_worker
    from beamheat_fw.store.campaigns import find_campaign
    from beamheat_fw.store.database import Store

    pad, _ = connect_as_worker(launchpad)
    store = Store.from_launchpad(pad)
    record = find_campaign(store, campaign)
    document = {"campaign": record.name, "campaign_id": record.id, "fireworks": act(pad, store, record)}
    emit(
        document | {"done": done},
        as_json=as_json,
        readable=lambda _: print(f"{record.name} is {done}; fireworks concerned: {document['fireworks']}"),
    )
