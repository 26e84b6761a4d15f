"""Starts an MD program on its ranks and turns the way it ends into a result or an error."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from beamheat_fw.drivers.md.rank import STOPPED_STATUS
from beamheat_fw.drivers.mpi import MpiLauncher
from beamheat_fw.drivers.process import ChildProcess, Command
from beamheat_fw.errors import BeamheatError, CalculationError, InputError, IntegrityError, Interrupted

LOG_FILE = "md.log"
OUTCOME_FILE = "outcome.json"
#: glibc gives the megabytes of every step's tensors back to the system and takes them anew, page by page:
#: 6000 faults a step of 2000 atoms. Kept, there are none, in no more memory.
_KEEPS_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(256 << 20)}
_KINDS: tuple[type[BeamheatError], ...] = (InputError, CalculationError, IntegrityError)


def run_ranks(
    program: str, folder: Path, ranks: int, launcher: MpiLauncher, stop: Callable[[], bool]
) -> None:
    """Run ``python -m PROGRAM FOLDER`` on `ranks` ranks to its end; raises as `watch_ranks`."""
    for _ in watch_ranks(program, folder, ranks, launcher, stop):
        pass


def watch_ranks(
    program: str, folder: Path, ranks: int, launcher: MpiLauncher, stop: Callable[[], bool]
) -> Iterator[None]:
    """Run ``python -m PROGRAM FOLDER`` on `ranks` ranks, and yield now and then until its end.

    Raises
    ------
    Interrupted
        `stop` turned true, or the ranks were stopped from outside; their checkpoints are written.
    InputError, IntegrityError, CalculationError
        What a rank left as its error, or that the program failed.
    """
    folder = folder.resolve()
    for old in (*folder.glob("error-*.json"), *folder.glob("rank-*.json")):
        old.unlink()
    command = Command(
        argv=launcher.argv([sys.executable, "-m", program, str(folder)], ranks),
        folder=folder,
        log=folder / LOG_FILE,
        environment=rank_environment(launcher, ranks),
    )
    try:
        with ChildProcess(command) as child:
            yield from child.ticks(stop)
    except CalculationError as failure:
        _raise_rank_error(folder)
        # Launchers disagree about the status they pass on; the ranks' own word counts.
        if failure.values.get("rc") == STOPPED_STATUS or _a_rank_was_stopped(folder):
            raise Interrupted(
                "The run was stopped from outside",
                "Run it again: it goes on from its checkpoints.",
                {"folder": str(folder)},
            ) from None
        raise


def rank_environment(launcher: MpiLauncher, ranks: int) -> dict[str, str]:
    """Return the environment of ranks that evaluate a potential at every step; what is set there stays."""
    return {**_KEEPS_MEMORY, **launcher.environment(ranks)}


def _a_rank_was_stopped(folder: Path) -> bool:
    outcomes = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("rank-*.json")]
    return any(outcome["ended"] == "stopped" for outcome in outcomes)


def _raise_rank_error(folder: Path) -> None:
    for path in sorted(folder.glob("error-*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        kind = next((kind for kind in _KINDS if kind.__name__ == content["kind"]), CalculationError)
        raise kind(content["what"], content["fix"], content["values"]) from None


def rank_outcomes(folder: Path, ranks: int) -> list[dict[str, Any]]:
    """Return what each rank wrote at its end.

    Raises
    ------
    CalculationError
        A rank wrote nothing.
    """
    missing = [rank for rank in range(ranks) if not (folder / f"rank-{rank}.json").exists()]
    if missing:
        raise CalculationError(
            "A rank left no outcome", "Read the log of the run.", {"folder": str(folder), "rank": missing[0]}
        )
    return [json.loads((folder / f"rank-{rank}.json").read_text(encoding="utf-8")) for rank in range(ranks)]
