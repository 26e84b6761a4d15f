"""Runs the replicas of a job folder with LAMMPS, one after the other, each on all ranks."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Generator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from beamheat_fw.drivers.md.batch import Batch
from beamheat_fw.drivers.md.endings import FINISHED, WALL_TIME
from beamheat_fw.drivers.md.engines import Outcomes, Start
from beamheat_fw.drivers.md.escape import escapes
from beamheat_fw.drivers.md.heating.ledger import energy_drift, exchangeable_heat_eV
from beamheat_fw.drivers.md.heating.recorder import write_arrays
from beamheat_fw.drivers.md.inputs import SYSTEM_FILE, read_structures
from beamheat_fw.drivers.md.lammps.samples import read_samples, restarts
from beamheat_fw.drivers.md.lammps.script import Segment, script, species_of, write_data
from beamheat_fw.drivers.md.lammps.settings import PairStyle
from beamheat_fw.drivers.md.progress import Progress
from beamheat_fw.drivers.md.protocols import COMMITTEE_FILE, PROTOCOL_FILE, CommitteeFile, HeatProtocol
from beamheat_fw.drivers.process import ChildProcess, Command, run_to_end
from beamheat_fw.whole_files import write_whole

LOG_FILE = "lammps.log"
_POTENTIAL_FILE = "driver.nequip.lmp.pt"
#: Restart files of a replica that stay: one that is cut short leaves the one before it.
_KEPT = 2


@dataclass(frozen=True)
class LammpsRun:
    """A job folder's run.

    Attributes
    ----------
    folder : Path
    protocol : HeatProtocol
    system : Atoms
    start : Start
    """

    folder: Path
    protocol: HeatProtocol
    system: Atoms
    start: Start

    def command(self, words: Sequence[str], ranks: int | None) -> Command:
        """Return a command in the folder; on the launcher's ranks where a number is given."""
        launcher = self.start.launcher
        argv = list(words) if ranks is None else launcher.argv(words, ranks)
        # Told to end, LAMMPS writes nothing: its ranks need no time for it.
        environment = launcher.environment(ranks or 1, last_words_s=0)
        return Command(argv, self.folder, self.folder / LOG_FILE, environment)


def run(folder: Path, start: Start) -> Outcomes:
    """Run, or go on with, what is staged in a folder; the outcome is that of one rank.

    Raises
    ------
    Interrupted
        `stop` turned true; what came after the last restart file is done again.
    InputError, CalculationError
        The input cannot be used, or LAMMPS failed, as it does when an atom leaves the box.
    """
    protocol = HeatProtocol.read(folder / PROTOCOL_FILE)
    system = read_structures(folder / SYSTEM_FILE)[0]
    job = LammpsRun(folder.resolve(), protocol, system, start)
    write_data(job.folder, system)
    lines = _pair_lines(job)
    started = time.monotonic()
    replicas = []
    for number in range(protocol.replicas_per_rank):
        replicas.append((yield from _replica(job, lines, number)))
    late = any(replica.pop("late") for replica in replicas)
    step = min(replica.pop("step") for replica in replicas)
    return [
        {
            "rank": 0,
            "ended": WALL_TIME if late else FINISHED,
            "step": step,
            "steps": protocol.steps,
            "time_ps": protocol.time_ps(step),
            "wall_s": time.monotonic() - started,
            "checkpoints_passed_over": [],
            "replicas": replicas,
        }
    ]


def _pair_lines(job: LammpsRun) -> list[str]:
    style = PairStyle.of(job.protocol.lammps)
    if style.is_trained and not (job.folder / _POTENTIAL_FILE).exists():
        committee = CommitteeFile.read(job.folder / COMMITTEE_FILE)
        package = committee.packages[committee.driver or 0]
        program = str(Path(sys.executable).with_name("nequip-prepare-lmp-mliap"))
        run_to_end(job.command([program, package, _POTENTIAL_FILE], None), job.start.stop)
    return style.lines(species_of(job.system), _POTENTIAL_FILE)


def _replica(job: LammpsRun, pair_lines: list[str], replica: int) -> Generator[None, None, dict[str, Any]]:
    final = job.folder / f"final-{replica}.txt"
    late = False
    if not final.exists():
        there = restarts(job.folder, replica)
        segment = there[-1] if there else Segment(replica, 0)
        for overtaken in job.folder.glob(f"samples-{replica}-*.txt"):
            if int(overtaken.stem.rpartition("-")[2]) >= segment.first_step:
                overtaken.unlink()
        text = script(job.system, job.protocol, pair_lines, segment)
        write_whole(job.folder / segment.script, text.encode())
        late = yield from _run_segment(job, segment)
    samples = read_samples(job.folder, job.protocol, replica)
    columns = ("T_particle_K", "T_support_K", "E_particle_eV", "E_support_eV", "booked_eV")
    arrays = {name: samples[name][None] for name in columns}
    series = {"replica": np.array([replica]), "time_ps": samples["time_ps"], **arrays}
    write_arrays(job.folder / f"series-{replica}.npz", series)
    return {**_summary(job, samples, replica, final), "late": late}


def _run_segment(job: LammpsRun, segment: Segment) -> Generator[None, None, bool]:
    """Run LAMMPS to the end of the protocol; tell whether the replica's wall time ended it before."""
    protocol, started = job.protocol, time.monotonic()
    words = [*shlex.split(job.start.lammps), "-in", segment.script, "-log", "none"]
    progress = Progress(
        job.folder,
        protocol.steps * protocol.replicas_per_rank,
        protocol.timestep_fs,
        protocol.replicas_per_rank,
    )
    limit = None if protocol.max_wall_s is None else protocol.max_wall_s / protocol.replicas_per_rank
    with ChildProcess(job.command(words, job.start.ranks)) as child:
        for _ in child.ticks(job.start.stop, every_s=0.5):
            there = restarts(job.folder, segment.replica)
            for old in there[:-_KEPT]:
                (job.folder / old.restart).unlink()
            step = there[-1].first_step if there else segment.first_step
            progress.show(segment.replica * protocol.steps + step, protocol.phase(step))
            if limit is not None and child.return_code is None and time.monotonic() - started > limit:
                return True
            yield
    return False


def _summary(job: LammpsRun, samples: dict[str, np.ndarray], replica: int, final: Path) -> dict[str, Any]:
    protocol = job.protocol
    counts = np.bincount(job.system.arrays["body"], minlength=2)
    total = samples["E_particle_eV"] + samples["E_support_eV"]
    if protocol.injects:
        injected = samples["booked_eV"] + samples["bath_took_eV"]
        heat = float(np.ptp(injected)) if len(injected) else float("nan")
        tolerance = protocol.booking_tolerance
    else:
        heat = exchangeable_heat_eV(counts.tolist(), (protocol.support_K, protocol.particle_K))
        tolerance = protocol.drift_tolerance
    drift = energy_drift(samples["time_ps"], total - samples["booked_eV"], len(job.system), heat, tolerance)
    return {
        "replica": replica,
        "marks": _marks(job, replica, final),
        "drift": {name: value if np.isfinite(value) else None for name, value in asdict(drift).items()},
        "power_nW": protocol.power_nW(replica),
        "heat_eV": heat if np.isfinite(heat) else None,
        "step": int(samples["step"][-1]) if len(total) else 0,
    }


def _marks(job: LammpsRun, replica: int, final: Path) -> list[dict[str, Any]]:
    """Return whether atoms have left their body at the end; one that leaves the box ends the run before."""
    if not final.exists():
        return []
    positions = np.loadtxt(final, skiprows=9)[:, 1:]
    gone = escapes(Batch.of([job.system]), positions, job.protocol.escape_distance_A)
    time_ps = job.protocol.time_ps(job.protocol.steps)
    return [
        {"replica": replica, "time_ps": time_ps, "kind": "escaped", "reason": reason}
        for reason in gone.values()
    ]
