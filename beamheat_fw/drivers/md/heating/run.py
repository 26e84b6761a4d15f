"""The heating run of one rank: two bodies at their own temperatures, then left alone or heated steadily."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from beamheat_fw.drivers.md.checkpoints import Checkpoint
from beamheat_fw.drivers.md.crew import Crew, RankPlace
from beamheat_fw.drivers.md.endings import FINISHED, NONE_LEFT, STOPPED, WALL_TIME
from beamheat_fw.drivers.md.escape import escapes
from beamheat_fw.drivers.md.heating.audit import Auditor, AuditRecord
from beamheat_fw.drivers.md.heating.ledger import Ledger
from beamheat_fw.drivers.md.heating.recorder import Recorder, write_arrays
from beamheat_fw.drivers.md.minimise import FireSettings, minimise
from beamheat_fw.drivers.md.observables import body_energies_eV, frame_temperatures_K, observe
from beamheat_fw.drivers.md.progress import Progress
from beamheat_fw.drivers.md.protocols import HeatProtocol


@dataclass(frozen=True)
class Mark:
    """Something a replica must not be trusted after.

    Attributes
    ----------
    replica : int
    time_ps : float
        Negative in annealing and equilibration.
    kind : {'escaped', 'gate', 'broken'}
        A replica that is broken was stopped there; the others went on and are marked only.
    reason : str
    """

    replica: int
    time_ps: float
    kind: str
    reason: str


@dataclass
class _Marks:
    """The first mark of each kind of each replica."""

    found: list[Mark] = field(default_factory=list)

    def add(self, mark: Mark) -> None:
        if not any((mark.replica, mark.kind) == (old.replica, old.kind) for old in self.found):
            self.found.append(mark)


class HeatingRun:
    """One rank's part of a run, from the built structure to the end of relaxation or injection.

    Parameters
    ----------
    protocol : HeatProtocol
    place : RankPlace
    crew : Crew
        What this rank moves.
    auditor : Auditor, optional
    """

    def __init__(
        self, protocol: HeatProtocol, place: RankPlace, crew: Crew, auditor: Auditor | None = None
    ) -> None:
        self.protocol = protocol
        self.place = place
        self.crew = crew
        self.dynamics = crew.dynamics
        self._auditor = auditor
        self._bath_paths = [
            protocol.bath_path(body_K) for body_K in (protocol.particle_K, protocol.support_K)
        ]
        replicas = len(crew.numbers)
        relax_steps = protocol.steps - protocol.bath_steps
        self.replica_counts = crew.dynamics.batch.body_counts[0]
        self.series = Recorder(replicas, relax_steps // protocol.sample_every + 1)
        self.audits = AuditRecord(replicas, protocol.steps // protocol.audit_every + 1)
        self.ledger = Ledger(replicas)
        self.marks = _Marks()
        self.start_info: dict[str, Any] = {}
        self.wall_s = 0.0
        steps = protocol.steps * crew.turns
        self._progress = Progress(place.folder, steps, protocol.timestep_fs, crew.replicas)

    def run(self, stop: Callable[[], bool]) -> str:
        """Run, or go on from the last checkpoint, until the end or until `stop` turns true.

        Returns
        -------
        str
            How it ended: ``finished``, ``wall_time``, ``stopped`` or ``no_replica_left``.
        """
        clock = time.monotonic()
        if not self._resume():
            self._begin()
        before_s = self.wall_s
        while (ending := self._ending(stop)) is None:
            self._advance()
            self.wall_s = before_s + time.monotonic() - clock
            if self.dynamics.state.step % self.protocol.checkpoint_every == 0:
                self.save()
        self.save()
        return ending

    def _ending(self, stop: Callable[[], bool]) -> str | None:
        if not self.dynamics.active:
            return NONE_LEFT
        if self.dynamics.state.step >= self.protocol.steps:
            return FINISHED
        limit = self.protocol.max_wall_s
        late = limit is not None and self.wall_s >= limit
        return self.crew.agree(STOPPED if stop() else WALL_TIME if late else None)

    def _begin(self) -> None:
        dynamics = self.dynamics
        relaxed = minimise(
            dynamics.batch, dynamics.forces, dynamics.batch.start_positions_A(), FireSettings()
        )
        self.start_info = {
            "relaxation_steps": relaxed.steps,
            "max_force_eV_A": float(relaxed.max_force_eV_A.max()),
        }
        dynamics.begin(relaxed.positions_A, self.bath_K(0))
        self.ledger.start_eV[dynamics.active] = body_energies_eV(dynamics.batch, dynamics.state)
        self._look()

    def bath_K(self, step: int) -> np.ndarray:
        """Return the bath of each atom at a step before the baths are taken away; shape (N,)."""
        particle, support = self._bath_paths
        return np.where(self.dynamics.batch.body == 1, particle.at_K(step), support.at_K(step))

    def _advance(self) -> None:
        dynamics = self.dynamics
        if dynamics.state.step < self.protocol.bath_steps:
            heat = dynamics.langevin_step(self.bath_K(dynamics.state.step))
            self.ledger.bath_eV[dynamics.active] += heat
        elif self.protocol.injects:
            heat, given = dynamics.driven_step()
            self.ledger.far_bath_eV[dynamics.active] += heat
            self.ledger.injected_eV[dynamics.active] += given
        else:
            dynamics.verlet_step()
        self._drop_broken()
        if dynamics.active:
            self._look()

    def _drop_broken(self) -> None:
        broken = self.dynamics.broken()
        if broken:
            self._mark("broken", broken)
            self.dynamics.drop(list(broken))

    def _look(self) -> None:
        step, protocol = self.dynamics.state.step, self.protocol
        relaxing = step - protocol.bath_steps
        if relaxing >= 0 and relaxing % protocol.sample_every == 0:
            self._sample(first=relaxing == 0)
        if step % protocol.audit_every == 0:
            self._audit()
        if self.place.rank == 0:
            left = None if protocol.max_wall_s is None else protocol.max_wall_s - self.wall_s
            done = self.crew.turn * protocol.steps + step
            self._progress.show(done, protocol.phase(step), left)

    def _sample(self, first: bool) -> None:
        dynamics = self.dynamics
        sample = observe(dynamics.batch, dynamics.state, self.protocol.timestep_fs)
        booked = self.ledger.booked_eV()[dynamics.active]
        self.series.add(self._time_ps(), dynamics.active, sample, booked)
        self.ledger.now_eV[dynamics.active] = sample.energies_eV
        if first:
            self.ledger.relax_start_eV[dynamics.active] = sample.energies_eV

    def _audit(self) -> None:
        dynamics = self.dynamics
        batch, positions = dynamics.whole()
        self._mark("escaped", escapes(batch, positions, self.protocol.escape_distance_A))
        if self._auditor is None:
            return
        temperatures = frame_temperatures_K(dynamics.batch, dynamics.state.velocities)
        earlier = self.audits.last_energies_eV(dynamics.active)
        look, verdicts = self._auditor(batch, positions, temperatures, earlier)
        self.audits.add(self._time_ps(), dynamics.active, look, verdicts)
        self._mark(
            "gate",
            {index: verdict.reason for index, verdict in enumerate(verdicts) if verdict.name == "failed"},
        )

    def _mark(self, kind: str, reasons: dict[int, str]) -> None:
        for index, reason in reasons.items():
            self.marks.add(Mark(self.dynamics.active[index], self._time_ps(), kind, reason))

    def _time_ps(self) -> float:
        return self.protocol.time_ps(self.dynamics.state.step)

    def recorded(self) -> dict[str, np.ndarray]:
        """Return everything measured so far, as the series file holds it."""
        return {**self.series.arrays(), **self.audits.arrays(), **self.ledger.arrays()}

    def save(self) -> None:
        """Write a checkpoint, as long as anything moves, and the series up to it."""
        recorded = self.recorded()
        if self.dynamics.active:
            arrays, motion = self.dynamics.stored()
            info = {
                "motion": motion,
                "marks": [asdict(mark) for mark in self.marks.found],
                "start": self.start_info,
                "wall_s": self.wall_s,
            }
            self.crew.checkpoints.save(Checkpoint(self.dynamics.state.step, {**arrays, **recorded}, info))
        if self.crew.writes:
            write_arrays(self.crew.series, {"replica": np.array(self.crew.numbers), **recorded})

    def _resume(self) -> bool:
        checkpoint = self.crew.checkpoints.latest()
        if checkpoint is None:
            return False
        self.dynamics.restore(checkpoint.arrays, checkpoint.info["motion"])
        self.series.restore(checkpoint.arrays)
        self.audits.restore(checkpoint.arrays)
        self.ledger.restore(checkpoint.arrays)
        self.marks.found = [Mark(**mark) for mark in checkpoint.info["marks"]]
        self.start_info = checkpoint.info["start"]
        self.wall_s = checkpoint.info["wall_s"]
        return True
