"""Starts an MD program on its ranks and turns the way it ends into a result or an error."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

from beamheat_fw.drivers.md.rank import STOPPED_STATUS
from beamheat_fw.drivers.mpi import MpiLauncher
from beamheat_fw.drivers.process import Command, run_to_end
from beamheat_fw.errors import BeamheatError, CalculationError, InputError, IntegrityError, Interrupted

LOG_FILE = "md.log"
_KINDS: tuple[type[BeamheatError], ...] = (InputError, CalculationError, IntegrityError)


def run_ranks(
    program: str, folder: Path, ranks: int, launcher: MpiLauncher, stop: Callable[[], bool]
) -> None:
    """Run ``python -m PROGRAM FOLDER`` on `ranks` ranks to its end.

    Raises
    ------
    Interrupted
        `stop` turned true, or the ranks were stopped from outside; their checkpoints are written.
    InputError, IntegrityError, CalculationError
        What a rank left as its error, or that the program failed.
    """
    folder = folder.resolve()
    for old in folder.glob("error-*.json"):
        old.unlink()
    command = Command(
        argv=launcher.argv([sys.executable, "-m", program, str(folder)], ranks),
        folder=folder,
        log=folder / LOG_FILE,
        environment=launcher.environment(ranks),
    )
    try:
        run_to_end(command, stop)
    except CalculationError as failure:
        _raise_rank_error(folder)
        if failure.values.get("rc") == STOPPED_STATUS:
            raise Interrupted(
                "The run was stopped from outside",
                "Run it again: it goes on from its checkpoints.",
                {"folder": str(folder)},
            ) from None
        raise


def _raise_rank_error(folder: Path) -> None:
    for path in sorted(folder.glob("error-*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        kind = next((kind for kind in _KINDS if kind.__name__ == content["kind"]), CalculationError)
        raise kind(content["what"], content["fix"], content["values"]) from None
