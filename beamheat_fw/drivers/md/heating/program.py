"""The program that heats: ``python -m beamheat_fw.drivers.md.heating.program FOLDER`` under mpirun."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

from beamheat_fw.drivers.md.batch import Batch
from beamheat_fw.drivers.md.crew import RankPlace, replicas
from beamheat_fw.drivers.md.driving import driver_of
from beamheat_fw.drivers.md.endings import STOPPED
from beamheat_fw.drivers.md.forces import CommitteeForces, Stopwatch
from beamheat_fw.drivers.md.heating.audit import Auditor
from beamheat_fw.drivers.md.heating.run import HeatingRun
from beamheat_fw.drivers.md.heating.summary import summarise
from beamheat_fw.drivers.md.inputs import SYSTEM_FILE, load_committee, read_structures, run_key
from beamheat_fw.drivers.md.judging import judge_of
from beamheat_fw.drivers.md.known import Known
from beamheat_fw.drivers.md.protocols import COMMITTEE_FILE, PROTOCOL_FILE, CommitteeFile, HeatProtocol
from beamheat_fw.drivers.md.rank import run_rank
from beamheat_fw.whole_files import write_whole


def main() -> None:
    """Run this rank's replicas."""
    folder = Path(sys.argv[1])
    run_rank(folder, lambda rank, ranks, stop: _heat(folder, rank, ranks, stop))


def _heat(folder: Path, rank: int, ranks: int, stop: Callable[[], bool]) -> bool:
    protocol = HeatProtocol.read(folder / PROTOCOL_FILE)
    file = CommitteeFile.read(folder / COMMITTEE_FILE)
    committee = load_committee(folder, file)
    member = file.driver or 0
    driver, form = driver_of(folder, committee)
    watch = Stopwatch()

    def driving(batch: Batch) -> CommitteeForces:
        return CommitteeForces(driver, batch, member, file.skin_A, watch)

    def auditing(batch: Batch) -> CommitteeForces:
        return CommitteeForces(committee, batch, None, file.skin_A, watch)

    place = RankPlace(folder, rank, ranks, run_key(folder, SYSTEM_FILE, protocol.identity(), ranks))
    system = read_structures(folder / SYSTEM_FILE)[0]
    known = Known.of_folder(folder, committee)
    auditor = Auditor(auditing, judge_of(file, known)) if len(committee) > 1 else None
    run = HeatingRun(protocol, place, replicas(system, protocol, place, driving), auditor)
    ending = run.run(stop)
    content = {
        **summarise(run, ending),
        "forces_s": watch.seconds,
        "evaluations": watch.calls,
        "driving": form,
    }
    write_whole(place.outcome, json.dumps(content).encode())
    return ending != STOPPED


if __name__ == "__main__":
    main()
