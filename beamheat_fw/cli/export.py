"""``beamheat export``: labels, datasets, results and committees as files that other programs read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from beamheat_fw.cli.output import JsonOption, LaunchpadOption, emit
from beamheat_fw.errors import InputError

if TYPE_CHECKING:
    from beamheat_fw.store.database import Store
    from beamheat_fw.store.filters import Filters

_LABELLED: Final = ("extxyz", "mace", "ase-db")
_TABLES: Final = ("csv", "parquet")
#: What can be exported, in which formats; the first is the default.
FORMATS: Final[dict[str, tuple[str, ...]]] = {
    "labels": _LABELLED,
    "dataset": _LABELLED,
    **dict.fromkeys(("conductances", "predictions", "spectra", "md_runs", "rounds", "potentials"), _TABLES),
    "committee": ("nequip",),
}
#: Those of one document, and its collection.
ONE: Final = {"dataset": "datasets", "committee": "committees"}


def command(
    what: Annotated[str, typer.Argument(help=", ".join(FORMATS), autocompletion=lambda: list(FORMATS))],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="The file to write; a folder for a committee.")
    ],
    identifier: Annotated[
        str | None,
        typer.Argument(metavar="[ID]", help="The dataset's or committee's id, or how it begins."),
    ] = None,
    file_format: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="extxyz (ASE's keys, which NequIP reads), mace (extxyz with REF_energy and REF_forces) or "
            "ase-db; csv or parquet for results; nequip for a committee's packages.",
            show_default="by the file's name, else the first that fits",
        ),
    ] = None,
    formula: Annotated[str | None, typer.Option(help="Labels or results of this composition.")] = None,
    tag: Annotated[str | None, typer.Option(help="Labels or results with this tag.")] = None,
    campaign: Annotated[str | None, typer.Option(help="Labels or results of this campaign.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
    launchpad: LaunchpadOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write labels or a dataset (eV, eV/Å), results as a table, or a committee's models.

    Example: beamheat export labels --campaign quickstart --format extxyz -o labels.extxyz
    """
    from beamheat_fw.store.filters import Filters
    from beamheat_fw.store.server.launchpad_file import open_store

    chosen = _format(what, identifier, file_format or _named_format(what, output))
    if output.exists() and not force:
        raise InputError("The file is there already", "Give --force to replace it.", {"file": str(output)})
    if output.exists() and output.is_dir() != (what == "committee"):
        raise InputError(
            "A folder is no file", "Name a folder for a committee, else a file.", {"file": str(output)}
        )
    filters = Filters(formula=formula, tag=tag, campaign=campaign)
    if identifier is not None and filters != Filters():
        raise InputError(
            "One document needs no filters", "Leave --formula, --tag and --campaign out.", {"id": identifier}
        )
    store = open_store(launchpad)
    whole = None if identifier is None else _whole_id(store, ONE[what], identifier)
    if what == "committee":
        from beamheat_fw.store.packages import write_packages

        counted = {"members": write_packages(store, str(whole), output, replace=force)}
    elif what in ("labels", "dataset"):
        counted = {"frames": _write_frames(store, whole, filters, output, chosen)}
    else:
        counted = {"rows": _write_results(store, what, filters, output, chosen)}
    emit({"file": str(output), "format": chosen, **counted}, as_json=as_json, readable=_print_result)


def _named_format(what: str, output: Path) -> str | None:
    """Return the format that the file's name asks for, where it names one that can be had."""
    named = output.suffix.removeprefix(".")
    return named if named in FORMATS.get(what, ()) else None


def _format(what: str, identifier: str | None, asked: str | None) -> str:
    """Return the format, of what can be exported so."""
    known = FORMATS.get(what, ())
    chosen = asked or next(iter(known), None)
    if chosen not in known or (what in ONE) != (identifier is not None):
        kinds = (f"{name}{' ID' if name in ONE else ''} ({', '.join(FORMATS[name])})" for name in FORMATS)
        raise InputError(
            "This cannot be exported",
            f"Export one of {'; '.join(kinds)}.",
            {"what": what, "id": identifier, "format": asked},
        )
    return chosen


def _write_frames(store: Store, dataset: str | None, filters: Filters, output: Path, chosen: str) -> int:
    from dataclasses import replace

    from beamheat_fw.store.documents import Label
    from beamheat_fw.store.exchange.exports import FORMATS as KNOWN
    from beamheat_fw.store.exchange.exports import dataset_frames, label_frames, write_frames
    from beamheat_fw.store.filters import build_query

    if dataset is not None:
        frames = dataset_frames(store, dataset)
    else:
        query = build_query(store, Label, replace(filters, state="completed"))
        frames = label_frames(list(store.find(Label, query)))
    write_frames(frames, output, next(known for known in KNOWN if known == chosen))
    return len(frames)


def _write_results(store: Store, what: str, filters: Filters, output: Path, chosen: str) -> int:
    from beamheat_fw.store.exchange.result_tables import write_table
    from beamheat_fw.store.filters import build_query, find_raw, model_named

    model = model_named(what)
    found = find_raw(store, model, build_query(store, model, filters))
    return write_table(found, output, "parquet" if chosen == "parquet" else "csv")


def _whole_id(store: Store, collection: str, wanted: str) -> str:
    from beamheat_fw.store.provenance import locate

    found = [each.id for each in locate(store, wanted) if each.collection == collection]
    if len(found) != 1:
        raise InputError(
            f"There is no one document of {collection} with this id",
            f"See `beamheat find {collection} --json`.",
            {"id": wanted, "found": found},
        )
    return found[0]


def _print_result(result: dict[str, Any]) -> None:
    counted = next(name for name in ("frames", "rows", "members") if name in result)
    print(f"{result[counted]} {counted} in {result['file']}")
