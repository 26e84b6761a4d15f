"""``beamheat db``: the embedded MongoDB of this folder, and the schema of any database."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from beamheat_fw.cli.output import JsonOption, LaunchpadOption, emit

app = typer.Typer(
    help="Start, stop or look at the embedded MongoDB; migrate, sign or prune a database."
    "\n\nExample: beamheat db start",
    no_args_is_help=True,
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
    from beamheat_fw.store.server.launchpad_file import embedded_server

    server = embedded_server(folder)
    server.start()
    emit(server.status(), as_json=as_json, readable=_print_status)


@app.command()
def stop(folder: FolderOption = None, as_json: JsonOption = False) -> None:
    """Stop the embedded MongoDB cleanly; its data stay.

    Example: beamheat db stop
    """
    from beamheat_fw.store.server.launchpad_file import embedded_server

    server = embedded_server(folder)
    server.stop()
    emit(server.status(), as_json=as_json, readable=_print_status)


@app.command()
def status(folder: FolderOption = None, as_json: JsonOption = False) -> None:
    """Say whether the embedded MongoDB runs, and where its data are.

    Example: beamheat db status --json
    """
    from beamheat_fw.store.server.launchpad_file import embedded_server

    emit(embedded_server(folder).status(), as_json=as_json, readable=_print_status)


@app.command()
def migrate(
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Try it on every document and say what would change; write nothing."),
    ] = False,
    launchpad: LaunchpadOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring a database of an earlier release to this one's schema; killed anywhere, it goes on.

    Example: beamheat db migrate --dry-run
    """
    from dataclasses import asdict

    from beamheat_fw.store.schema.migrations import look
    from beamheat_fw.store.schema.migrations import migrate as bring_up_to_date
    from beamheat_fw.store.server.launchpad_file import any_store

    with any_store(launchpad) as store:
        found = look(store) if dry_run else bring_up_to_date(store)
    document = asdict(found) | {"dry_run": dry_run, "backup": _backup(store.db.name)}
    emit(document, as_json=as_json, readable=_print_migration)


@app.command()
def sign(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how many.")] = False,
    launchpad: LaunchpadOption = None,
    as_json: JsonOption = False,
) -> None:
    """Sign all artifacts with the site's key (BEAMHEAT_ARTIFACT_KEY): trust what is in the database now.

    Example: beamheat db sign --dry-run
    """
    from beamheat_fw.store.server.launchpad_file import open_store
    from beamheat_fw.store.signatures import sign_all

    signed = sign_all(open_store(launchpad, to_write=not dry_run), dry_run=dry_run)
    emit(
        {"artifacts": signed, "dry_run": dry_run},
        as_json=as_json,
        readable=lambda _: print(f"{signed} artifacts {'would be' if dry_run else 'were'} signed"),
    )


@app.command()
def prune(
    older_than: Annotated[
        float, typer.Option(min=0, help="Days for which something must not have been touched.")
    ] = 7.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List what would go; remove nothing.")] = False,
    fworker_file: Annotated[
        Path | None,
        typer.Option("-w", "--fworker_file", help="This machine's worker file.", show_default=False),
    ] = None,
    launchpad: LaunchpadOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove folders of completed launches and jobs, and stored states and artifacts that nothing needs.

    What runs, waits, has failed or could be resubmitted keeps its folders. Folders are this machine's.

    Example: beamheat db prune --dry-run
    """
    from datetime import timedelta

    from beamheat_fw.cli.as_worker import connect_as_worker
    from beamheat_fw.doctor.pruning import prunable
    from beamheat_fw.store.database import Store

    pad, worker = connect_as_worker(launchpad, fworker_file)
    found = prunable(pad, Store.from_launchpad(pad), worker.scratch, timedelta(days=older_than))
    gone = [one for one in list(found) if dry_run or one.remove()]
    items = [{"kind": one.kind, "name": one.name, "bytes": one.size} for one in gone]
    document = {"items": items, "bytes": sum(one.size for one in gone), "dry_run": dry_run}
    emit(document, as_json=as_json, readable=_print_pruned)


def _print_pruned(document: dict[str, Any]) -> None:
    for item in document["items"]:
        print(f"{item['bytes'] / 1e6:10.2f} MB  {item['kind']:14}  {item['name']}")
    verb = "would be" if document["dry_run"] else "were"
    print(f"{len(document['items'])} items, {document['bytes'] / 1e6:.2f} MB, {verb} removed")


def _backup(database: str) -> str:
    return (
        f"mongodump --uri ADDRESS --db {database} --gzip --archive={database}.archive.gz, "
        "or, for the embedded database, `beamheat db stop` and a copy of its folder `db`"
    )


def _print_migration(document: dict[str, Any]) -> None:
    if not document["documents"]:
        print(f"The database has schema version {document['to_version']}: nothing to migrate.")
        return
    verb = "would be" if document["dry_run"] else "were"
    print(f"From schema version {document['from_version']} to {document['to_version']}:")
    for step in document["steps"]:
        print(f"  {step}")
    for name, count in document["documents"].items():
        print(f"  {count} {name} {verb} rewritten")
    if document["dry_run"]:
        print(f"Nothing was written. Back the database up first: {document['backup']}.")


def _print_status(status: dict[str, Any]) -> None:
    print(f"The embedded MongoDB {'runs' if status['running'] else 'does not run'}.")
    for name in ("data", "launchpad_file", "log"):
        print(f"{name.replace('_', ' ')}: {status[name]}")
