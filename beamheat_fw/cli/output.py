"""What every reporting command prints: a readable form, or one JSON document with ``--json``."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
LaunchpadOption = Annotated[
    Path | None,
    typer.Option("-l", "--launchpad", help="The launchpad file of the database to use.", show_default=False),
]


def emit(document: Any, *, as_json: bool, readable: Callable[[Any], None]) -> None:
    """Print `document` as JSON or through `readable`.

    Parameters
    ----------
    document : object
        Anything JSON can hold, beside arrays, dates, paths and object ids; NaN becomes null.
    as_json : bool
        Whether ``--json`` was given.
    readable : callable
        Prints the document for a person.
    """
    if as_json:
        json.dump(_plain(document), sys.stdout, indent=1, allow_nan=False)
        sys.stdout.write("\n")
    else:
        readable(document)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (str, int)):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
