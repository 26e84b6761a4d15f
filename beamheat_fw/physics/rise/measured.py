"""A value with its error, symmetric or not, and the causes the error comes from."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from beamheat_fw.errors import InputError

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_UNSIGNED = r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_SYMMETRIC = re.compile(rf"({_NUMBER})(?:\s*(?:\+-|\+/-|±)\s*({_UNSIGNED}))?")
_ASYMMETRIC = re.compile(rf"({_NUMBER})\s*\+({_UNSIGNED})\s*-({_UNSIGNED})")


@dataclass(frozen=True)
class Measured:
    """A quantity with its standard error.

    Attributes
    ----------
    value : float
        The best estimate.
    error : float
        One standard error; 0 where the value counts as exact.
    lower, upper : float, optional
        Ends of the 68 % interval where it is not symmetric about `value`.
    causes : tuple of (str, float)
        Named independent parts of the error, in the unit of `value`. Empty: one cause, named by whoever uses
        it.

    Raises
    ------
    InputError
        A number is not finite, an error is negative, or the interval does not hold the value.
    """

    value: float
    error: float = 0.0
    lower: float | None = None
    upper: float | None = None
    causes: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        if not (math.isfinite(self.value) and math.isfinite(self.error) and self.error >= 0.0):
            raise InputError(
                "A value or its error is not a finite number, or the error is negative",
                "Write it as VALUE or VALUE+-ERROR.",
                {"value": self.value, "error": self.error},
            )
        low, high = self.interval
        if not low <= self.value <= high:
            raise InputError(
                "The interval of a value does not hold the value",
                "Give the ends of the 68 % interval as absolute values, lower end first.",
                {"value": self.value, "lower": low, "upper": high},
            )

    @property
    def interval(self) -> tuple[float, float]:
        """Ends of the 68 % interval."""
        low = self.value - self.error if self.lower is None else self.lower
        high = self.value + self.error if self.upper is None else self.upper
        return low, high

    def shares(self, name: str) -> tuple[tuple[str, float], ...]:
        """Return the causes of the error, under `name` where they are not told apart."""
        return self.causes or ((name, self.error),)

    def scaled(self, factor: float) -> Measured:
        """Return the quantity times a positive, exactly known factor."""
        return Measured(
            self.value * factor,
            self.error * factor,
            None if self.lower is None else self.lower * factor,
            None if self.upper is None else self.upper * factor,
            tuple((cause, error * factor) for cause, error in self.causes),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain data: value, error, and the interval and causes where there are any."""
        document: dict[str, Any] = {"value": self.value, "error": self.error}
        if self.lower is not None or self.upper is not None:
            document["lower"], document["upper"] = self.interval
        if self.causes:
            document["causes"] = dict(self.causes)
        return document


def from_causes(value: float, causes: dict[str, float]) -> Measured:
    """Return a value whose error is the quadratic sum of named independent causes."""
    return Measured(value, math.hypot(*causes.values()) if causes else 0.0, causes=tuple(causes.items()))


def parse_measured(text: str) -> Measured:
    """Read ``VALUE``, ``VALUE+-ERROR`` (also ``±``, ``+/-``) or ``VALUE+UP-DOWN``.

    Raises
    ------
    InputError
        The text is none of these.
    """
    stripped = text.strip()
    if match := _SYMMETRIC.fullmatch(stripped):
        return Measured(float(match[1]), float(match[2] or 0.0))
    if match := _ASYMMETRIC.fullmatch(stripped):
        value, up, down = (float(part) for part in match.groups())
        return Measured(value, 0.5 * (up + down), value - down, value + up)
    raise InputError(
        "A value with an error cannot be read",
        "Write VALUE, VALUE+-ERROR or VALUE+UP-DOWN, such as 37, 37+-3 or 60+12-8.",
        {"given": text},
    )


def exact(value: float | Measured) -> Measured:
    """Return `value` as a quantity, without error where it is a plain number."""
    return value if isinstance(value, Measured) else Measured(float(value))
