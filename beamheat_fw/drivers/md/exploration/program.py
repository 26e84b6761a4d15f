"""The program that explores: ``python -m beamheat_fw.drivers.md.exploration.program FOLDER`` under mpirun."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from beamheat_fw.drivers.md.batch import Batch
from beamheat_fw.drivers.md.crew import RankPlace
from beamheat_fw.drivers.md.endings import STOPPED
from beamheat_fw.drivers.md.exploration.run import RankExploration
from beamheat_fw.drivers.md.forces import CommitteeForces, Stopwatch
from beamheat_fw.drivers.md.inputs import STARTS_FILE, load_committee, read_structures, run_key
from beamheat_fw.drivers.md.judging import judge_of
from beamheat_fw.drivers.md.known import Known
from beamheat_fw.drivers.md.protocols import (
    COMMITTEE_FILE,
    PROTOCOL_FILE,
    CommitteeFile,
    ExplorationProtocol,
)
from beamheat_fw.drivers.md.rank import run_rank
from beamheat_fw.whole_files import write_whole


def main() -> None:
    """Run this rank's trajectories."""
    folder = Path(sys.argv[1])
    run_rank(folder, lambda rank, ranks, stop: _explore(folder, rank, ranks, stop))


def _explore(folder: Path, rank: int, ranks: int, stop: Callable[[], bool]) -> bool:
    protocol = ExplorationProtocol.read(folder / PROTOCOL_FILE)
    file = CommitteeFile.read(folder / COMMITTEE_FILE)
    committee = load_committee(folder, file)
    watch = Stopwatch()

    def mean(batch: Batch) -> CommitteeForces:
        return CommitteeForces(committee, batch, None, file.skin_A, watch, protocol.bias_width_eV)

    place = RankPlace(folder, rank, ranks, run_key(folder, STARTS_FILE, protocol.identity(), ranks))
    starts = read_structures(folder / STARTS_FILE)
    judge = judge_of(file, Known.of_folder(folder, committee))
    ending = RankExploration(starts, protocol, place, mean, judge).run(stop)
    write_whole(place.outcome, json.dumps({"rank": rank, "ended": ending, **asdict(watch)}).encode())
    return ending != STOPPED


if __name__ == "__main__":
    main()
