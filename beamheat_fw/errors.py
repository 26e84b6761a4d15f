"""The errors of beamheat_fw: what happened, with which values, and how to mend it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class BeamheatError(Exception):
    """Something went wrong that a person can mend.

    Parameters
    ----------
    what : str
        What happened, in one sentence.
    fix : str
        What to change so that it does not happen again.
    values : mapping of str to object, optional
        The values that led here; anything MongoDB can store.

    Notes
    -----
    FireWorks stores `to_dict` of an exception raised by a firetask in the launch's
    ``_exception._details``, so that a FIZZLED firework can be queried by `kind` and values.
    """

    exit_status = 1

    def __init__(self, what: str, fix: str, values: Mapping[str, Any] | None = None) -> None:
        self.what = what
        self.fix = fix
        self.values = dict(values or {})
        super().__init__(self.message())

    def message(self) -> str:
        """Return the error as one line: what (values). Fix."""
        shown = ", ".join(f"{name}={value!r}" for name, value in self.values.items())
        return f"{self.what}{f' ({shown})' if shown else ''}. {self.fix}"

    def to_dict(self) -> dict[str, Any]:
        """Return the error as a document that MongoDB and JSON can hold."""
        return {
            "kind": type(self).__name__,
            "what": self.what,
            "fix": self.fix,
            "values": {
                name: value if isinstance(value, (str, int, float, bool)) else repr(value)
                for name, value in self.values.items()
            },
        }


class InputError(BeamheatError):
    """What the user gave cannot be used; nothing was written."""

    exit_status = 2


class CalculationError(BeamheatError):
    """A real code (GPAW, NequIP, an MD engine) ended without the result asked for."""


class DiskFull(BeamheatError):
    """A file could not be written for want of space: no fault of what was being calculated."""


class StoreError(BeamheatError):
    """The database or one of its documents is not as it has to be."""


class IntegrityError(StoreError):
    """An artifact's content does not match its sha256: it was cut short or altered."""


class Interrupted(BeamheatError):
    """The work was asked to stop (signal, walltime) and stopped cleanly; it can go on later."""


class Paused(Interrupted):
    """The campaign is paused or cancelled, so its work is not begun."""


class Fenced(BeamheatError):
    """Another rocket has replaced the present one, which must not write results."""
