"""Whether a worker compiles the potential that drives a run, and for which runs that pays."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

#: What compiling takes on one core, and the least that a compiled step was found to save, with models of two
#: layers (docs/measurements.md).
COMPILE_S: Final = 60.0
_SAVED_MS: Final = 3.0
_SAVED_MS_ATOM: Final = 0.011


@dataclass(frozen=True)
class Compiling:
    """Whether a worker compiles the potentials that drive its runs.

    Attributes
    ----------
    when : {'auto', 'never', 'always'}
        ``auto`` compiles for runs that are long enough to repay it.
    cache : Path, optional
        Where compiled models are kept; not needed for ``never``.
    """

    when: Literal["auto", "never", "always"] = "never"
    cache: Path | None = None


#: For runs that no worker has a say in.
NEVER: Final = Compiling()


def saved_s(steps: int, atoms: int) -> float:
    """Return the seconds that a rank saves by a compiled potential.

    Parameters
    ----------
    steps : int
    atoms : int
        That the rank moves, of all its replicas together.
    """
    return steps * 1e-3 * (_SAVED_MS + _SAVED_MS_ATOM * atoms)
