"""The native engines: programs of this package under MPI."""

from __future__ import annotations

from pathlib import Path

from beamheat_fw.drivers.md.driving import decide
from beamheat_fw.drivers.md.engines import Outcomes, Start
from beamheat_fw.drivers.md.launching import rank_outcomes, watch_ranks


def run_replicas(folder: Path, start: Start) -> Outcomes:
    """Run replicas, each rank its own; what drives them is compiled first where that pays."""
    decide(folder, start.compiling, start.stop)
    return _run("beamheat_fw.drivers.md.heating.program", folder, start)


def run_decomposed(folder: Path, start: Start) -> Outcomes:
    """Run replicas one after the other, the atoms of each shared out over all ranks."""
    return _run("beamheat_fw.drivers.md.decomposed.program", folder, start)


def _run(program: str, folder: Path, start: Start) -> Outcomes:
    yield from watch_ranks(program, folder, start.ranks, start.launcher, start.stop)
    return rank_outcomes(folder, start.ranks)
