"""``beamheat find``: documents of one collection, by formula, tag, campaign, state, date or any field."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from beamheat_fw.cli.find_table import COLUMNS, print_table
from beamheat_fw.cli.output import JsonOption, LaunchpadOption, emit
from beamheat_fw.errors import InputError


def command(
    collection: Annotated[str, typer.Argument(help=", ".join(COLUMNS), autocompletion=lambda: list(COLUMNS))],
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
    from beamheat_fw.store.server.launchpad_file import open_store

    model = model_named(collection)
    filters = Filters(formula, tag, campaign, state, since, until, _parse(query))
    store = open_store(launchpad)
    found = find_raw(store, model, build_query(store, model, filters), limit)
    emit(found, as_json=as_json, readable=lambda documents: print_table(collection, documents))


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
