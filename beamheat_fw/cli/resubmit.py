"""`beamheat resubmit`: run failed fireworks again."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from beamheat_fw.cli.output import JsonOption, LaunchpadOption, emit
from beamheat_fw.errors import InputError

if TYPE_CHECKING:
    from beamheat_fw.launch.launchpad import SurvivingLaunchPad


def command(
    campaign: Annotated[
        str | None, typer.Option(help="Name, id or file of a campaign.", show_default=False)
    ] = None,
    stage: Annotated[
        str | None, typer.Option(help="propose, learn, explore or heat.", show_default=False)
    ] = None,
    state: Annotated[str, typer.Option(help="FIZZLED or DEFUSED.")] = "FIZZLED",
    error_kind: Annotated[
        str | None, typer.Option(help="Class of the error; Lost for vanished rockets.", show_default=False)
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(help="Failed then or later: 2026-03-01T12:00.", show_default=False),
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="Failed before then: 2026-03-02.", show_default=False)
    ] = None,
    fw_id: Annotated[
        list[int] | None, typer.Option("-i", "--fw-id", help="These fireworks.", show_default=False)
    ] = None,
    limit: Annotated[
        int, typer.Option(min=1, help="Refuse what failed so often in a row with the same error.")
    ] = 3,
    force: Annotated[
        bool, typer.Option("--force", help="Refuse nothing, however often it has failed.")
    ] = False,
    failed_labels: Annotated[
        bool,
        typer.Option(
            "--failed-labels", help="Instead, calculate failed labels again, of completed work too."
        ),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")] = False,
    as_json: JsonOption = False,
    launchpad: LaunchpadOption = None,
) -> int:
    """Run failed fireworks again; checkpoints and finished labels are kept. Status 1 when one was refused.

    Example: beamheat resubmit --campaign quickstart --dry-run
    """
    from beamheat_fw.cli.as_worker import connect_as_worker
    from beamheat_fw.doctor.label_retries import choose_labels, retry_labels
    from beamheat_fw.doctor.resubmission import Selection, choose, resubmit
    from beamheat_fw.store.campaigns import find_campaign
    from beamheat_fw.store.database import Store

    if state not in ("FIZZLED", "DEFUSED"):
        raise InputError("Only failed work is resubmitted", "Give FIZZLED or DEFUSED.", {"state": state})
    if failed_labels and (stage or error_kind or since or until or fw_id or state != "FIZZLED"):
        raise InputError("Failed labels are chosen by campaign alone", "Leave the other filters out.")
    moments = _moment("since", since), _moment("until", until)
    pad, _ = connect_as_worker(launchpad)
    store = Store.from_launchpad(pad)
    campaign_id = find_campaign(store, campaign).id if campaign else None
    _check_there(pad, fw_id or ())
    most = sys.maxsize if force else limit
    if failed_labels:
        chosen: Sequence[Any] = list(
            (choose_labels if dry_run else retry_labels)(pad, store, campaign_id, most)
        )
    else:
        selection = Selection(campaign_id, stage, error_kind, *moments, tuple(fw_id or ()), state)
        chosen = list((choose if dry_run else resubmit)(pad, selection, most))
    emit(
        {"dry_run": dry_run, "fireworks": [vars(firework) for firework in chosen]},
        as_json=as_json,
        readable=lambda _: (_print_labels if failed_labels else _print)(chosen, dry_run),
    )
    return 1 if any(firework.refusal for firework in chosen) else 0


def _check_there(pad: SurvivingLaunchPad, fw_ids: Sequence[int]) -> None:
    there = {found["fw_id"] for found in pad.fireworks.find({"fw_id": {"$in": list(fw_ids)}}, {"fw_id": 1})}
    if missing := sorted(set(fw_ids) - there):
        raise InputError(
            "There are no such fireworks", "See `lpad get_fws`; nothing was resubmitted.", {"fw_ids": missing}
        )


def _moment(option: str, given: str | None) -> datetime.datetime | None:
    if given is None:
        return None
    try:
        moment = datetime.datetime.fromisoformat(given)
    except ValueError:
        raise InputError(
            "This is no date", "Write it as 2026-03-01 or 2026-03-01T12:00.", {option: given}
        ) from None
    return moment.astimezone(datetime.UTC)


def _print(chosen: Sequence[Any], dry_run: bool) -> None:
    for firework in chosen:
        verdict = firework.refusal or (
            "would be run again" if dry_run else "is run again" if firework.rerun else ""
        )
        print(f"{firework.fw_id} {firework.name}: {firework.error_kind}: {firework.error}")
        print(f"    failed {firework.attempts} times; {verdict or 'is no longer failed'}")
    if not chosen:
        print("Nothing failed that fits.")


def _print_labels(chosen: Sequence[Any], dry_run: bool) -> None:
    for firework in chosen:
        print(f"{firework.fw_id} {firework.name}:")
        if firework.label_ids:
            verb = "would be" if dry_run else "are" if firework.rerun else "will be"
            print(f"    {len(firework.label_ids)} failed labels {verb} calculated again")
        if firework.refusal:
            print(f"    {len(firework.given_up)} labels {firework.refusal}")
    if not chosen:
        print("No label failed.")
