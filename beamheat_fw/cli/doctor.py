"""`beamheat doctor`: find and mend what faults have left behind."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from beamheat_fw.cli.output import JsonOption, LaunchpadOption, emit


def command(
    fix: Annotated[bool, typer.Option("--fix", help="Mend what can be mended.")] = False,
    fworker_file: Annotated[
        Path | None,
        typer.Option("-w", "--fworker_file", help="This machine's worker file.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
    launchpad: LaunchpadOption = None,
) -> int:
    """Compare LaunchPad, queue, launch folders and data; name, and with --fix mend, what is inconsistent.

    Safe at any time, twice, and beside live workers. The exit status is 1 while something is left to mend.

    Example: beamheat doctor --fix
    """
    from beamheat_fw.cli.as_worker import connect_as_worker
    from beamheat_fw.doctor import examine, examine_and_fix
    from beamheat_fw.launch.scheduler import find_scheduler
    from beamheat_fw.store.database import Store

    pad, worker = connect_as_worker(launchpad, fworker_file)
    store = Store.from_launchpad(pad)
    scheduler = find_scheduler()
    mended = examine_and_fix(pad, store, worker.scratch, scheduler) if fix else []
    left = list(examine(pad, store, worker.scratch, scheduler))
    document = {
        "mended": [finding.to_dict() for finding in mended],
        "left": [finding.to_dict() for finding in left],
    }
    emit(document, as_json=as_json, readable=lambda _: _print(mended, left, fix))
    return 1 if left else 0


def _print(mended: Sequence[Any], left: Sequence[Any], fix: bool) -> None:
    for finding in mended:
        print(f"mended: {finding}")
    for finding in left:
        print(f"found: {finding}")
    if not mended and not left:
        print("Nothing is inconsistent.")
    elif any(finding.mend for finding in left) and not fix:
        print("'beamheat doctor --fix' mends this.")
