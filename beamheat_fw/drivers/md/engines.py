"""The MD engines that a campaign chooses from."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from beamheat_fw.drivers.md.compile_policy import NEVER, Compiling
from beamheat_fw.drivers.mpi import MpiLauncher
from beamheat_fw.errors import InputError

#: A run at work: yields often, and its value is what each rank has to say, as `summary.summarise` makes it.
Outcomes = Generator[None, None, list[dict[str, Any]]]


@dataclass(frozen=True)
class Start:
    """How an engine is started.

    Attributes
    ----------
    ranks : int
        MPI ranks; a run goes on with the number it began with.
    launcher : MpiLauncher
    stop : callable
        Turns true when the run should write its checkpoints and end.
    lammps : str
        LAMMPS, as this worker calls it.
    compiling : Compiling
        Whether this worker compiles what drives a run, for the engine ``replicas``.
    """

    ranks: int
    launcher: MpiLauncher
    stop: Callable[[], bool]
    lammps: str = "lmp"
    compiling: Compiling = NEVER


@dataclass(frozen=True)
class Engine:
    """Where an engine's function is: it takes the job folder and a `Start`.

    It runs, or goes on with, what is staged in the folder, and leaves ``series-*.npz``.
    """

    module: str
    function: str

    def run(self, folder: Path, start: Start) -> Outcomes:
        """Run the engine; it is imported only now."""
        outcomes: Outcomes = getattr(import_module(self.module), self.function)(folder, start)
        return outcomes


ENGINES: Final = {
    "replicas": Engine("beamheat_fw.drivers.md.native", "run_replicas"),
    "decomposed": Engine("beamheat_fw.drivers.md.native", "run_decomposed"),
    "lammps": Engine("beamheat_fw.drivers.md.lammps.engine", "run"),
}


def engine_of(name: str) -> Engine:
    """Return an engine by name.

    Raises
    ------
    InputError
        There is no such engine.
    """
    if name not in ENGINES:
        raise InputError(
            "There is no such MD engine", f"Choose one of {', '.join(ENGINES)}.", {"engine": name}
        )
    return ENGINES[name]
