"""What the doctor finds: one inconsistency, why it is there, and what mends it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Finding:
    """One inconsistent state.

    Attributes
    ----------
    kind : str
        In two or three words: "lost run".
    about : dict
        The ids it concerns.
    cause : str
        How it came about.
    cure : str
        What `mend` does, or what a person has to do.
    mend : callable or None
        Repairs it if it is still so, and tells whether it did; None where it cannot be repaired from here.
    """

    kind: str
    about: dict[str, Any]
    cause: str
    cure: str
    mend: Callable[[], bool] | None = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        ids = ", ".join(f"{name} {value}" for name, value in self.about.items())
        return f"{self.kind} ({ids}): {self.cause}; {self.cure}"

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as a document."""
        return {
            "kind": self.kind,
            **self.about,
            "cause": self.cause,
            "cure": self.cure,
            "can_mend": bool(self.mend),
        }
