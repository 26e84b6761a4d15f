"""Results as CSV tables, one row a document and one column a value, units in the columns' names."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from beamheat_fw.errors import InputError
from beamheat_fw.whole_files import write_whole

#: What says nothing about a result.
_LEFT_OUT: Final = ("schema_version", "analysis")


def write_table(documents: Iterable[Mapping[str, Any]], path: Path) -> int:
    """Write documents as a CSV file, which appears whole or not at all; return how many.

    A dict becomes a column for each of its keys, such as ``breakdown.power_K``; a list is JSON text in one
    column; nothing is an empty cell.

    Raises
    ------
    InputError
        There are no documents, or the file cannot be written.
    """
    rows = [_row(document) for document in documents]
    if not rows:
        raise InputError("There are no results to export", "Widen the filters.", {"file": str(path)})
    # A dict, as a set has no order; rows may differ in their columns.
    columns = dict.fromkeys(column for row in rows for column in row)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(columns), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    try:
        write_whole(path, text.getvalue().encode())
    except OSError as error:
        raise InputError(
            "The file cannot be written", "Choose another place.", {"file": str(path), "reason": str(error)}
        ) from None
    return len(rows)


def _row(document: Mapping[str, Any]) -> dict[str, Any]:
    return dict(_cells({name: value for name, value in document.items() if name not in _LEFT_OUT}))


def _cells(values: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _cells(value, f"{prefix}{name}.")
        elif isinstance(value, (list, tuple)):
            yield f"{prefix}{name}", json.dumps(value, default=str)
        else:
            yield f"{prefix}{name}", value.isoformat() if hasattr(value, "isoformat") else value
