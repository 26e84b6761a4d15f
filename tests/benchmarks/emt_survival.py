"""How long MD with a committee stays physical: the benchmark's measure of survival."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Sequence
from pathlib import Path

from ase import Atoms

from beamheat_fw.drivers.md.crew import RankPlace
from beamheat_fw.drivers.md.exploration.run import BatchFiles, RankExploration
from beamheat_fw.drivers.md.forces import CommitteeForces
from beamheat_fw.drivers.md.judging import judge_of
from beamheat_fw.drivers.md.protocols import CommitteeFile, ExplorationProtocol
from beamheat_fw.drivers.nequip.committee import Committee
from tests.benchmarks.emt_learning import particle_on_copper

#: A size and temperatures that are in no training set; with EMT itself nothing breaks in 5 ps at 2000 K.
GOLD_ATOMS, TEMPERATURES_K = 12, (1100.0, 1400.0, 1700.0, 2000.0)
PROTOCOL = ExplorationProtocol(steps=500, timestep_fs=4.0, friction_per_ps=5.0, frame_every=50)


def survived_ps(folder: Path, packages: Sequence[Path], seed: int) -> float:
    """Return how long trajectories of 2 ps go on, in the mean, before a frame is broken; run once."""
    result = folder / "survived_ps.json"
    if not result.exists():
        process = multiprocessing.get_context("fork").Process(target=_run, args=(folder, packages, seed))
        process.start()
        process.join()
        if process.exitcode:
            raise RuntimeError(f"the survival run ended with status {process.exitcode}")
        files = BatchFiles(folder, 0, 0)
        ends = json.loads(files.ends.read_text())
        steps = sum(end["step"] for end in ends) / len(ends)
        result.write_text(json.dumps(1e-3 * PROTOCOL.timestep_fs * steps))
    return float(json.loads(result.read_text()))


def _run(folder: Path, packages: Sequence[Path], seed: int) -> None:
    committee = Committee.load(packages)
    RankExploration(
        [_start(number, seed) for number in range(len(TEMPERATURES_K))],
        PROTOCOL,
        RankPlace(folder, 0, 1, "survival"),
        lambda batch: CommitteeForces(committee, batch),
        judge_of(CommitteeFile(())),
    ).run(lambda: False)


def _start(number: int, seed: int) -> Atoms:
    atoms = particle_on_copper(GOLD_ATOMS)
    temperature_K = TEMPERATURES_K[number]
    atoms.info = {"trajectory": f"t{number}", "temperature_K": temperature_K, "seed": 10 * seed + number}
    return atoms
