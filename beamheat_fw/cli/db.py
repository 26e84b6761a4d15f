"""``beamheat db``: the embedded MongoDB of this folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from beamheat_fw.cli.output import JsonOption, emit

app = typer.Typer(
    help="Start, stop or look at the embedded MongoDB.\n\nExample: beamheat db start", no_args_is_help=True
)

FolderOption = Annotated[
    Path | None,
    typer.Option(
        "--folder", help="Where the server keeps its data; .beamheat by default.", show_default=False
    ),
]


@app.command()
def start(folder: FolderOption = None, as_json: JsonOption = False) -> None:
    """Start the embedded MongoDB; nothing happens when it runs already.

    Example: beamheat db start
    """
    from beamheat_fw.store.launchpad_file import embedded_server

    server = embedded_server(folder)
    server.start()
    emit(server.status(), as_json=as_json, readable=_print_status)


@app.command()
def stop(folder: FolderOption = None, as_json: JsonOption = False) -> None:
    """Stop the embedded MongoDB cleanly; its data stay.

    Example: beamheat db stop
    """
    from beamheat_fw.store.launchpad_file import embedded_server

    server = embedded_server(folder)
    server.stop()
    emit(server.status(), as_json=as_json, readable=_print_status)


@app.command()
def status(folder: FolderOption = None, as_json: JsonOption = False) -> None:
    """Say whether the embedded MongoDB runs, and where its data are.

    Example: beamheat db status --json
    """
    from beamheat_fw.store.launchpad_file import embedded_server

    emit(embedded_server(folder).status(), as_json=as_json, readable=_print_status)


def _print_status(status: dict[str, Any]) -> None:
    print(f"The embedded MongoDB {'runs' if status['running'] else 'does not run'}.")
    for name in ("data", "launchpad_file", "log"):
        print(f"{name.replace('_', ' ')}: {status[name]}")
