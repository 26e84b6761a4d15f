"""Reads a command's options that carry an error, and names the option where one cannot be read."""

from __future__ import annotations

from typing import Any

import typer

from beamheat_fw.errors import InputError
from beamheat_fw.physics.rise.measured import Measured, parse_measured


def quantity(text: str) -> Any:
    """Declare an option that takes a value with its error."""
    return typer.Option(help=text, metavar="VALUE[+-ERROR]", show_default=False)


def measured(option: str, text: str) -> Measured:
    """Read an option's value and error.

    Raises
    ------
    InputError
        It cannot be read; names the option.
    """
    try:
        return parse_measured(text)
    except InputError as error:
        raise InputError(error.what, error.fix, {"option": option, **error.values}) from None


def optional(option: str, text: str | None) -> Measured | None:
    """Read an option that may be missing, and is above zero if it is not."""
    if text is None:
        return None
    value = measured(option, text)
    if value.value <= 0.0:
        raise InputError(
            "A value is not above zero", "Give a positive value, or leave it out.", {option: text}
        )
    return value
