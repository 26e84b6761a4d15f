"""Heats one system over all ranks: ``python -m beamheat_fw.drivers.md.decomposed.program FOLDER``."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from beamheat_fw.drivers.md.batch import Batch
from beamheat_fw.drivers.md.crew import RankPlace
from beamheat_fw.drivers.md.decomposed.crew import one_system
from beamheat_fw.drivers.md.decomposed.forces import (
    CommitteeOverRanks,
    DecomposedForces,
    DescriptorsOverRanks,
)
from beamheat_fw.drivers.md.decomposed.ranks import Ranks
from beamheat_fw.drivers.md.decomposed.share import Share
from beamheat_fw.drivers.md.decomposed.turns import run_in_turn
from beamheat_fw.drivers.md.endings import STOPPED
from beamheat_fw.drivers.md.forces import Stopwatch
from beamheat_fw.drivers.md.heating.audit import Auditor
from beamheat_fw.drivers.md.heating.run import HeatingRun
from beamheat_fw.drivers.md.inputs import SYSTEM_FILE, load_committee, load_parts, read_structures, run_key
from beamheat_fw.drivers.md.judging import judge_of
from beamheat_fw.drivers.md.known import Known
from beamheat_fw.drivers.md.protocols import COMMITTEE_FILE, PROTOCOL_FILE, CommitteeFile, HeatProtocol
from beamheat_fw.drivers.md.rank import run_rank
from beamheat_fw.whole_files import write_whole


def main() -> None:
    """Move this rank's share of the system."""
    from mpi4py import MPI

    folder = Path(sys.argv[1])
    ranks = Ranks(MPI.COMM_WORLD)
    run_rank(folder, lambda rank, size, stop: _heat(folder, ranks, stop))


def _heat(folder: Path, ranks: Ranks, stop: Callable[[], bool]) -> bool:
    protocol = HeatProtocol.read(folder / PROTOCOL_FILE)
    file = CommitteeFile.read(folder / COMMITTEE_FILE)
    system = read_structures(folder / SYSTEM_FILE)[0]
    models = load_parts(folder, file)
    watch = Stopwatch()

    def driving(share: Share) -> DecomposedForces:
        return DecomposedForces(models[file.driver or 0], share, file.skin_A, watch)

    def auditing(batch: Batch) -> CommitteeOverRanks:
        return CommitteeOverRanks(models, batch, ranks)

    key = run_key(folder, SYSTEM_FILE, protocol.identity(), ranks.size)
    place = RankPlace(folder, ranks.rank, ranks.size, key)
    first = load_committee(folder, replace(file, packages=file.packages[:1]))
    known = Known.of_folder(folder, first, DescriptorsOverRanks(models[0], ranks))
    auditor = Auditor(auditing, judge_of(file, known)) if len(models) > 1 else None

    def prepare(each: HeatProtocol, replica: int) -> HeatingRun:
        return HeatingRun(each, place, one_system(system, each, place, ranks, driving, replica), auditor)

    content = {**run_in_turn(protocol, prepare, stop), "forces_s": watch.seconds, "evaluations": watch.calls}
    write_whole(place.outcome, json.dumps(content).encode())
    return content["ended"] != STOPPED


if __name__ == "__main__":
    main()
