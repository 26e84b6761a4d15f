"""Results as tables, CSV or Parquet: one row a document, one column a value, units in the columns' names."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

from beamheat_fw.errors import InputError
from beamheat_fw.whole_files import write_whole

TableFormat = Literal["csv", "parquet"]
#: What says nothing about a result.
_LEFT_OUT: Final = ("schema_version", "analysis")


def write_table(documents: Iterable[Mapping[str, Any]], path: Path, table_format: TableFormat = "csv") -> int:
    """Write documents as a table, which appears whole or not at all; return how many rows it has.

    A dict becomes a column for each of its keys, such as ``breakdown.power_K``; a list is JSON text in one
    column; nothing is an empty cell. Parquet keeps numbers, truth values and dates as such.

    Raises
    ------
    InputError
        There are no documents, the file cannot be written, or Parquet's library is not installed.
    """
    rows = [_row(document) for document in documents]
    if not rows:
        raise InputError("There are no results to export", "Widen the filters.", {"file": str(path)})
    # A dict, as a set has no order; rows may differ in their columns.
    columns = list(dict.fromkeys(column for row in rows for column in row))
    content = _as_csv(columns, rows) if table_format == "csv" else _as_parquet(columns, rows)
    try:
        write_whole(path, content)
    except OSError as error:
        raise InputError(
            "The file cannot be written", "Choose another place.", {"file": str(path), "reason": str(error)}
        ) from None
    return len(rows)


def _as_csv(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(
        {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}
        for row in rows
    )
    return text.getvalue().encode()


def _as_parquet(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> bytes:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise InputError(
            "Parquet needs pyarrow, which is not installed",
            "Write CSV with --format csv, or install it: pip install 'beamheat_fw[parquet]'.",
        ) from None
    table = pyarrow.table({column: _typed([row.get(column) for row in rows]) for column in columns})
    content = pyarrow.BufferOutputStream()
    parquet.write_table(table, content)
    return content.getvalue().to_pybytes()


def _typed(values: list[Any]) -> Any:
    """Return a column of one type; one that mixes text and numbers, as free dicts may, becomes text."""
    import pyarrow

    try:
        return pyarrow.array(values)
    except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError):
        return pyarrow.array([None if value is None else str(value) for value in values])


def _row(document: Mapping[str, Any]) -> dict[str, Any]:
    return dict(_cells({name: value for name, value in document.items() if name not in _LEFT_OUT}))


def _cells(values: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _cells(value, f"{prefix}{name}.")
        elif isinstance(value, (list, tuple)):
            yield f"{prefix}{name}", json.dumps(value, default=str)
        else:
            yield f"{prefix}{name}", value
