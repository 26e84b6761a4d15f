"""``beamheat find``: documents of one collection, by formula, tag, campaign, state, date or any field."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from beamheat_fw.cli.output import JsonOption, LaunchpadOption, emit
from beamheat_fw.errors import InputError

#: What the table shows of each collection beside id and date.
COLUMNS = {
    "campaigns": ("name", "state", "current_round"),
    "labels": ("formula_pretty", "nsites", "state", "level", "energy_eV"),
    "datasets": ("nlabels", "level", "elements"),
    "potentials": ("round", "member", "state", "metrics"),
    "committees": ("round", "elements", "metrics"),
    "rounds": ("round", "state", "counts", "verdict"),
    "md_runs": ("run_key", "kind", "state", "formula_pretty"),
    "conductances": (
        "formula_pretty",
        "conductance_MW_m2K",
        "conductance_low_MW_m2K",
        "conductance_high_MW_m2K",
    ),
    "spectra": ("file_name", "beam_energy_keV", "t_over_lambda", "mean_free_path_nm", "mean_loss_eV"),
    "predictions": ("formula_pretty", "delta_T_K", "delta_T_error_K", "converged"),
    "provenance": ("from", "role", "to", "host"),
}


def command(
    collection: Annotated[str, typer.Argument(help=", ".join(COLUMNS))],
    formula: Annotated[str | None, typer.Option(help="Composition, in any way of writing it.")] = None,
    tag: Annotated[str | None, typer.Option(help="One of the document's tags.")] = None,
    campaign: Annotated[str | None, typer.Option(help="Campaign: name, id or file.")] = None,
    state: Annotated[str | None, typer.Option(help="State, such as completed.")] = None,
    since: Annotated[str | None, typer.Option(help="Made on this date or later (ISO, UTC).")] = None,
    until: Annotated[str | None, typer.Option(help="Made before this date.")] = None,
    query: Annotated[
        str | None, typer.Option(help="A MongoDB query as JSON, on the document's fields.")
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="The newest so many; 0 is all.")] = 0,
    launchpad: LaunchpadOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find documents, oldest first.

    Example: beamheat find conductances --formula Au --query '{"conductance_MW_m2K": {"$gt": 10}}'
    """
    from beamheat_fw.store.filters import Filters, build_query, find_raw, model_named
    from beamheat_fw.store.launchpad_file import open_store

    model = model_named(collection)
    filters = Filters(formula, tag, campaign, state, since, until, _parse(query))
    store = open_store(launchpad)
    found = find_raw(store, model, build_query(store, model, filters), limit)
    emit(found, as_json=as_json, readable=lambda documents: _print_table(collection, documents))


def _parse(query: str | None) -> dict[str, Any] | None:
    if query is None:
        return None
    try:
        parsed = json.loads(query)
    except ValueError as error:
        raise InputError(
            "--query is not JSON", 'Quote keys and text with ".', {"reason": str(error)}
        ) from None
    if not isinstance(parsed, dict):
        raise InputError("--query is not a JSON object", 'Write it as {"field": value}.', {"query": query})
    return parsed


def _print_table(collection: str, documents: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    columns = COLUMNS[collection]
    table = Table("id", *columns, "created", caption=f"{len(documents)} {collection}", caption_justify="left")
    for document in documents:
        created = document.get("created_at")
        cells = (_cell(document.get(column)) for column in columns)
        table.add_row(str(document["_id"])[:12], *cells, f"{created:%Y-%m-%d %H:%M}" if created else "")
    Console().print(table)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_cell(item)}" for key, item in list(value.items())[:3])
    if isinstance(value, list):
        return " ".join(_cell(item) for item in value[:6])
    return str(value)[:40]
