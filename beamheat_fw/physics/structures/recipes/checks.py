"""What every recipe checks of its own numbers."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite
from typing import Any

from ase.data import atomic_numbers

from beamheat_fw.errors import InputError

#: Read by pydantic where a recipe stands in a campaign file: an unknown key is refused.
STRICT: dict[str, Any] = {"extra": "forbid"}


def check_element(symbol: str) -> None:
    if symbol not in atomic_numbers or symbol == "X":
        raise InputError("An element is unknown", "Give a chemical symbol such as Au.", {"element": symbol})


def check_finite(recipe: object, *names: str) -> None:
    for name in names:
        value = getattr(recipe, name)
        numbers = value if isinstance(value, Iterable) else [value]
        if not all(isfinite(number) for number in numbers):
            raise InputError(
                f"{name} is not a finite number",
                f"Give a number for {name}.",
                {"recipe": type(recipe).__name__, name: value},
            )


def check_positive(recipe: object, *names: str) -> None:
    for name in names:
        value = getattr(recipe, name)
        numbers = value if isinstance(value, Iterable) else [] if value is None else [value]
        if (isinstance(value, Iterable) and not value) or not all(
            0.0 < number < float("inf") for number in numbers
        ):
            raise InputError(
                f"{name} is not positive and finite",
                f"Give a positive {name}.",
                {"recipe": type(recipe).__name__, name: value},
            )
