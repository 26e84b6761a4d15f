"""Heats the systems of folders over all ranks with a Morse potential: ``morse_part_program.py FOLDER...``."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from ase.io import read

from beamheat_fw.drivers.md.crew import RankPlace
from beamheat_fw.drivers.md.decomposed.crew import one_system
from beamheat_fw.drivers.md.decomposed.forces import DecomposedForces
from beamheat_fw.drivers.md.decomposed.graph import PartGraph
from beamheat_fw.drivers.md.decomposed.ranks import Ranks
from beamheat_fw.drivers.md.decomposed.share import Share
from beamheat_fw.drivers.md.decomposed.turns import run_in_turn
from beamheat_fw.drivers.md.endings import STOPPED
from beamheat_fw.drivers.md.heating.run import HeatingRun
from beamheat_fw.drivers.md.protocols import HeatProtocol
from beamheat_fw.drivers.md.rank import RankWork, run_rank

spec = importlib.util.spec_from_file_location("morse_program", Path(__file__).parents[1] / "morse_program.py")
morse = importlib.util.module_from_spec(spec)
spec.loader.exec_module(morse)


class MorsePart:
    """Morse pairs between atoms of one element; weaker between two elements. Each edge has half a pair."""

    r_max_A = morse.CUTOFF_A

    def types_of(self, numbers: np.ndarray) -> np.ndarray:
        return numbers

    def evaluate(self, graph: PartGraph) -> tuple[np.ndarray, np.ndarray]:
        first, second = graph.index
        lengths = np.linalg.norm(graph.vectors_A, axis=1)
        strength = morse.DEPTH_EV * np.where(graph.types[first] == graph.types[second], 1.0, 0.4)
        energy, slope = morse.pair_energy(lengths)
        of_atoms = np.bincount(first, 0.5 * strength * energy, graph.exchange.nlocal)
        return of_atoms, (0.5 * strength * slope / lengths)[:, None] * graph.vectors_A


def main() -> None:
    from mpi4py import MPI

    ranks = Ranks(MPI.COMM_WORLD)
    for folder in map(Path, sys.argv[1:]):
        run_rank(folder, _heating(folder, ranks))


def _heating(folder: Path, ranks: Ranks) -> RankWork:
    return lambda rank, size, stop: _heat(folder, ranks, stop)


def _heat(folder: Path, ranks: Ranks, stop: Callable[[], bool]) -> bool:
    (folder / f"pid-{ranks.rank}").write_text(str(os.getpid()))
    protocol = HeatProtocol.read(folder / "protocol.json")
    place = RankPlace(folder, ranks.rank, ranks.size, json.dumps([protocol.identity(), ranks.size]))
    system = read(folder / "system.extxyz", parallel=False)
    sharings = []

    def driving(share: Share) -> DecomposedForces:
        sharings.append(share.ids.size)
        return DecomposedForces(MorsePart(), share, morse.SKIN_A)

    def prepare(each: HeatProtocol, replica: int) -> HeatingRun:
        return HeatingRun(each, place, one_system(system, each, place, ranks, driving, replica))

    content = {**run_in_turn(protocol, prepare, stop), "sharings": len(sharings)}
    (folder / f"rank-{ranks.rank}.json").write_text(json.dumps(content))
    return content["ended"] != STOPPED


if __name__ == "__main__":
    main()
