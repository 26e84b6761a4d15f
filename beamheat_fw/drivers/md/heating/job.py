"""Heat a particle on its support over MPI ranks, in a job folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from beamheat_fw.drivers.md.compile_policy import NEVER, Compiling
from beamheat_fw.drivers.md.endings import WALL_TIME
from beamheat_fw.drivers.md.engines import Start, engine_of
from beamheat_fw.drivers.md.inputs import SYSTEM_FILE, write_structures
from beamheat_fw.drivers.md.launching import OUTCOME_FILE
from beamheat_fw.drivers.md.protocols import COMMITTEE_FILE, PROTOCOL_FILE, CommitteeFile, HeatProtocol
from beamheat_fw.drivers.md.snapshots import Snapshot, taken_along
from beamheat_fw.drivers.mpi import MpiLauncher
from beamheat_fw.errors import InputError
from beamheat_fw.physics.interface.series import FEWEST_SAMPLES, TemperatureSeries
from beamheat_fw.whole_files import write_whole


@dataclass(frozen=True)
class HeatOutcome:
    """How a heating run ended.

    Attributes
    ----------
    ended : {'finished', 'wall_time', 'no_replica_left'}
        ``wall_time`` when any rank's budget was used before its last step.
    time_ps : float
        Time at constant energy that every rank reached; negative when one was still in its baths.
    wall_s : float
        Of the slowest rank, restarts included.
    replicas : list of mapping
        One for each replica: ``replica``, ``marks`` (kind, time_ps, reason), ``drift`` (and whether the
        ledger closes), ``ledger``, ``bath_residual_eV``, ``power_nW`` and ``heat_eV``: the heat to be
        exchanged, or put in.
    ranks : list of mapping
        One for each rank: ``step``, ``wall_s``, ``forces_s``, ``evaluations``, ``start``,
        ``checkpoints_passed_over``; with the engine ``replicas`` also ``driving``, as `Driving`.
    """

    ended: str
    time_ps: float
    wall_s: float
    replicas: list[dict[str, Any]]
    ranks: list[dict[str, Any]]

    @property
    def ledger_closes(self) -> bool:
        """Whether every replica's energy was conserved within the tolerance."""
        return all(replica["drift"]["closes"] for replica in self.replicas)

    def usable(self) -> list[int]:
        """Return the numbers of the replicas that stayed whole and whose ledger closes.

        Those that left the gate are among them (see `trusted`): their temperatures are what the potential
        gives.
        """
        return [replica["replica"] for replica in self.replicas if _is_sound(replica)]

    def trusted(self) -> list[int]:
        """Return the numbers of the usable replicas that never left the gate."""
        return [
            replica["replica"] for replica in self.replicas if _is_sound(replica) and not replica["marks"]
        ]


def stage_heat(folder: Path, system: Atoms, protocol: HeatProtocol, committee: CommitteeFile) -> None:
    """Write a heating run's input; the packages that `committee` names must be in the folder.

    Raises
    ------
    InputError
        The system lacks one of its two bodies.
    """
    body = system.arrays.get("body")
    if body is None or set(np.unique(body)) != {0, 1}:
        raise InputError(
            "The system to heat is not a particle on a support",
            "Give the array 'body': 0 for each atom of the support, 1 for each of the particle.",
            {"formula": system.get_chemical_formula()},
        )
    write_structures(folder / SYSTEM_FILE, [system])
    protocol.write(folder / PROTOCOL_FILE)
    committee.write(folder / COMMITTEE_FILE)


def heat(
    folder: Path,
    *,
    ranks: int,
    launcher: MpiLauncher,
    stop: Callable[[], bool],
    lammps: str = "lmp",
    compiling: Compiling = NEVER,
) -> HeatOutcome:
    """Run, or go on with, the heating run staged in `folder`.

    Parameters
    ----------
    folder : Path
        Holds ``system.extxyz``, ``protocol.json``, ``committee.json`` and the packages.
    ranks : int
        MPI ranks; a run goes on with the number it began with.
    launcher : MpiLauncher
    stop : callable
        Turns true when the run should write its checkpoints and end.
    lammps : str
        LAMMPS, as this worker calls it; for the engine of that name.
    compiling : Compiling
        Whether what drives the run is compiled; for the engine ``replicas``.

    Raises
    ------
    Interrupted
        It was asked to stop; run it again to go on.
    InputError, CalculationError
        The input cannot be used, or a rank failed.
    """
    start = Start(ranks, launcher, stop, lammps, compiling)
    for _ in heat_with_snapshots(folder, start, every_s=float("inf")):
        pass
    return HeatOutcome(**json.loads((folder / OUTCOME_FILE).read_text(encoding="utf-8")))


def heat_with_snapshots(folder: Path, start: Start, every_s: float) -> Iterator[Snapshot]:
    """Do as `heat`, and yield the run's state every `every_s` seconds and when it is stopped."""
    done = folder / OUTCOME_FILE
    if not done.exists():
        engine = engine_of(HeatProtocol.read(folder / PROTOCOL_FILE).engine)
        ranks = yield from taken_along(engine.run(folder, start), folder, every_s)
        write_whole(done, json.dumps(asdict(_gather(ranks))).encode())


def _is_sound(replica: Mapping[str, Any]) -> bool:
    return replica["drift"]["closes"] and all(mark["kind"] == "gate" for mark in replica["marks"])


def _gather(ranks: Sequence[dict[str, Any]]) -> HeatOutcome:
    endings = {rank["ended"] for rank in ranks}
    ended = WALL_TIME if WALL_TIME in endings else sorted(endings)[0]
    return HeatOutcome(
        ended=ended,
        time_ps=min(rank["time_ps"] for rank in ranks),
        wall_s=max(rank["wall_s"] for rank in ranks),
        replicas=[replica for rank in ranks for replica in rank["replicas"]],
        ranks=[{name: value for name, value in rank.items() if name != "replicas"} for rank in ranks],
    )


def read_series(folder: Path, member: str = "") -> dict[int, TemperatureSeries]:
    """Read the series of all ranks of a job folder, finished or not.

    Parameters
    ----------
    folder : Path
    member : str
        The potential that drove the run, written into each series.

    Returns
    -------
    dict of int to TemperatureSeries
        By the replica's number, which is also the series' `seed`. Where a replica was stopped, its series
        ends; one that ended before there were enough samples for any analysis is not among them.
    """
    found: dict[int, TemperatureSeries] = {}
    for path in sorted(folder.glob("series-*.npz")):
        with np.load(path) as arrays:
            long_enough = np.isfinite(arrays["T_particle_K"]).sum(axis=1) >= FEWEST_SAMPLES
            for index in np.flatnonzero(long_enough).tolist():
                number = int(arrays["replica"][index])
                found[number] = _series(arrays, index, number, member)
    return dict(sorted(found.items()))


def _series(arrays: Any, index: int, number: int, member: str) -> TemperatureSeries:
    columns = {
        name: arrays[name][index] for name in ("T_particle_K", "T_support_K", "E_particle_eV", "E_support_eV")
    }
    there = np.isfinite(columns["T_particle_K"])
    return TemperatureSeries(
        time_ps=arrays["time_ps"][there],
        **{name: values[there] for name, values in columns.items()},
        member=member,
        seed=number,
    )
