"""``beamheat status``: where campaigns stand, with the reasons of what failed."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from beamheat_fw.cli.output import JsonOption, LaunchpadOption, emit


def command(
    campaign: Annotated[
        str | None, typer.Argument(metavar="[CAMPAIGN]", help="Name, id or file; all by default.")
    ] = None,
    launchpad: LaunchpadOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show where campaigns stand: rounds, gate, queue, failures with their reasons.

    Example: beamheat status quickstart
    """
    from beamheat_fw.cli.connection import connect
    from beamheat_fw.report.status import campaign_status
    from beamheat_fw.store.campaigns import find_campaign
    from beamheat_fw.store.database import Store
    from beamheat_fw.store.documents import CampaignRecord

    store = Store.from_launchpad(connect(launchpad, to_write=False))
    records = [find_campaign(store, campaign)] if campaign else list(store.find(CampaignRecord, {}))
    documents = [campaign_status(store, record) for record in records]
    emit(documents, as_json=as_json, readable=_print_all)


def _print_all(documents: list[dict[str, Any]]) -> None:
    from rich.console import Console

    console = Console()
    if not documents:
        console.print(
            "No campaign is in this database. Submit one: beamheat submit workflows/quickstart.yaml"
        )
    for document in documents:
        print_status(console, document)


def print_status(console: Any, document: dict[str, Any]) -> None:
    """Print one campaign's status."""
    from rich.table import Table

    from beamheat_fw.cli.progress import bars
    from beamheat_fw.report.code_versions import mixed_versions_text
    from beamheat_fw.report.status import verdict_text

    console.print(f"[bold]{document['campaign']}[/bold] {document['campaign_id'][:12]}: {document['state']}")
    if document["state_reason"]:
        console.print(document["state_reason"], highlight=False)
    if document["max_core_hours"] is not None:
        spent, bound = document["core_hours"], document["max_core_hours"]
        console.print(f"core hours: {spent:.3g} of {bound:g}", highlight=False)
    if document["rounds"]:
        table = Table("round", "labels", "failed", "accurate", "candidate", "gate failed", "verdict")
        for entry in document["rounds"]:
            counts = entry["counts"]
            table.add_row(
                str(entry["round"]),
                f"{entry['completed']}/{entry['labels']}",
                str(entry["failed"]),
                *(str(counts.get(name, "-")) for name in ("accurate", "candidate", "failed")),
                verdict_text(entry) if entry["verdict"] else "-",
            )
        console.print(table)
    for entry in document["rounds"]:
        for warning in entry["warnings"]:
            console.print(f"[yellow]warning[/yellow] round {entry['round']}: {warning}", highlight=False)
    for bar in bars(document):
        if bar.left:
            console.print(f"{bar.name} {bar.done}/{bar.total}: {bar.left}", highlight=False)
    queue = ", ".join(f"{count} {state.lower()}" for state, count in document["fireworks"].items())
    console.print(f"fireworks: {queue or 'none'}")
    for failure in document["failures"]:
        console.print(
            f"[red]failed[/red] {failure['name']} (fw {failure['fw_id']}): {failure['reason']}",
            highlight=False,
        )
    for mixed in document["mixed_versions"]:
        console.print(f"[yellow]warning[/yellow] {mixed_versions_text(mixed)}", highlight=False)
    if document["delta_T_K"] is not None:
        console.print(f"temperature rise: {document['delta_T_text']}")
