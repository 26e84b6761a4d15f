"""The exploration of one rank: Langevin dynamics on its start structures, batch after batch."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from ase import Atoms

from beamheat_fw.drivers.md.batch import Batch
from beamheat_fw.drivers.md.checkpoints import Checkpoint, CheckpointFolder
from beamheat_fw.drivers.md.crew import RankPlace
from beamheat_fw.drivers.md.dynamics import Dynamics, MakeForces
from beamheat_fw.drivers.md.endings import FINISHED, STOPPED, WALL_TIME
from beamheat_fw.drivers.md.exploration.frames import FrameInfo, FrameLog
from beamheat_fw.drivers.md.inputs import write_structures
from beamheat_fw.drivers.md.judging import Judge, Look
from beamheat_fw.drivers.md.observables import frame_temperatures_K
from beamheat_fw.drivers.md.progress import Progress
from beamheat_fw.drivers.md.protocols import ExplorationProtocol
from beamheat_fw.physics.committee.gate import FAILED, Verdict
from beamheat_fw.whole_files import write_whole


@dataclass(frozen=True)
class TrajectoryEnd:
    """How a trajectory ended.

    Attributes
    ----------
    trajectory : str
    step : int
    ended : {'finished', 'failed', 'wall_time'}
    reason : str
    """

    trajectory: str
    step: int
    ended: str
    reason: str = ""


@dataclass(frozen=True)
class BatchFiles:
    """The files of one batch of a rank; that of the frames is written last: the batch is done."""

    folder: Path
    rank: int
    number: int

    @property
    def name(self) -> str:
        """Rank and number, as they stand in file names."""
        return f"{self.rank}-{self.number:03d}"

    @property
    def frames(self) -> Path:
        """The frames, as extended XYZ."""
        return self.folder / f"frames-{self.name}.extxyz"

    @property
    def ends(self) -> Path:
        """How the batch's trajectories ended, as JSON."""
        return self.folder / f"trajectories-{self.name}.json"


def share_of_rank(starts: Sequence[Atoms], rank: int, ranks: int) -> list[Atoms]:
    """Return the start structures of one rank: dealt out from the largest to the smallest."""
    order = sorted(range(len(starts)), key=lambda index: (-len(starts[index]), index))
    return [starts[index] for index in order[rank::ranks]]


def in_batches(starts: Sequence[Atoms], max_atoms: int) -> list[list[Atoms]]:
    """Cut start structures into batches of at most `max_atoms` atoms, but at least one structure."""
    batches: list[list[Atoms]] = []
    room = 0
    for atoms in starts:
        if len(atoms) > room or not batches:
            batches.append([])
            room = max_atoms
        batches[-1].append(atoms)
        room -= len(atoms)
    return batches


class BatchExploration:
    """One batch of trajectories, from their start structures to the end or to the gate.

    Parameters
    ----------
    starts : sequence of Atoms
        With ``trajectory``, ``temperature_K`` and ``seed`` in their info; ``bias_eV`` where it is biased.
    protocol : ExplorationProtocol
    make_forces : callable
        Binds the committee's mean, with its spread, to a batch.
    judge : Judge
    checkpoints : CheckpointFolder
    """

    def __init__(
        self,
        starts: Sequence[Atoms],
        protocol: ExplorationProtocol,
        make_forces: MakeForces,
        judge: Judge,
        checkpoints: CheckpointFolder,
    ) -> None:
        self.protocol = protocol
        self._judge = judge
        self._checkpoints = checkpoints
        self.starts = Batch.of(starts)
        seeds = [(int(atoms.info["seed"]),) for atoms in starts]
        self.dynamics = Dynamics(self.starts, make_forces, protocol.motion, seeds)
        self.frames = FrameLog()
        self.ends: list[TrajectoryEnd] = []

    def run(self, ending: Callable[[int], str | None]) -> str:
        """Run, or go on, until every trajectory has ended or `ending` names a reason to end.

        Parameters
        ----------
        ending : callable
            Asked with the steps done before every step; returns a reason to end early, or None.
        """
        if not self._resume():
            self.dynamics.begin(self.starts.start_positions_A(), self._bath_K())
        while self.dynamics.active and self.dynamics.state.step < self.protocol.steps:
            reason = ending(self.dynamics.state.step)
            if reason is not None:
                self.save()
                return reason
            self._advance()
            if self.dynamics.active and self.dynamics.state.step % self.protocol.checkpoint_every == 0:
                self.save()
        return FINISHED

    def end_all(self, ended: str) -> None:
        """Book the end of the trajectories that are still in motion."""
        step = self.dynamics.state.step
        self.ends += [TrajectoryEnd(self._name(number), step, ended) for number in self.dynamics.active]

    def _name(self, start: int) -> str:
        return str(self.starts.templates[start].info["trajectory"])

    def _bath_K(self) -> np.ndarray:
        batch = self.dynamics.batch
        return np.array([float(atoms.info["temperature_K"]) for atoms in batch.templates])[batch.frame]

    def _advance(self) -> None:
        dynamics = self.dynamics
        dynamics.langevin_step(self._bath_K())
        broken = {index: Verdict(FAILED, reason) for index, reason in dynamics.broken().items()}
        if broken:
            self._end_failed(broken)
        if dynamics.active and dynamics.state.step % self.protocol.frame_every == 0:
            self._look()

    def _look(self) -> None:
        dynamics = self.dynamics
        temperatures = frame_temperatures_K(dynamics.batch, dynamics.state.velocities)
        state, earlier = dynamics.state, self.frames.last_energies_eV(dynamics.active)
        look = Look(dynamics.batch, state.positions_A, state.evaluated, temperatures, earlier)
        verdicts = self._judge(look)
        failed = {index: verdict for index, verdict in enumerate(verdicts) if verdict.name == FAILED}
        for index, verdict in enumerate(verdicts):
            if index not in failed:
                self._record(index, verdict)
        if failed:
            self._end_failed(failed)

    def _end_failed(self, failed: dict[int, Verdict]) -> None:
        dynamics = self.dynamics
        for index, verdict in failed.items():
            self._record(index, verdict)
            name = self._name(dynamics.active[index])
            self.ends.append(TrajectoryEnd(name, dynamics.state.step, "failed", verdict.reason))
        dynamics.drop(list(failed))

    def _record(self, index: int, verdict: Verdict) -> None:
        dynamics, state = self.dynamics, self.dynamics.state
        where = dynamics.batch.of_frame(index)
        arrays = {
            "positions_A": state.positions_A[where],
            "mean_forces_eV_A": state.evaluated.potential_forces_eV_A[where],
            "spread_eV_A": state.evaluated.spread_eV_A[where],  # type: ignore[index]
        }
        if not all(np.isfinite(values).all() for values in arrays.values()):
            return
        start = dynamics.batch.templates[index].info
        info = FrameInfo(
            trajectory=self._name(dynamics.active[index]),
            step=state.step,
            time_ps=state.step * self.protocol.timestep_fs * 1e-3,
            temperature_K=float(start["temperature_K"]),
            kinetic_temperature_K=float(frame_temperatures_K(dynamics.batch, state.velocities)[index]),
            mean_energy_eV=float(state.evaluated.energies_eV[index]),
            max_spread_eV_A=float(arrays["spread_eV_A"].max()),
            max_bound_eV_A=verdict.max_bound_eV_A if np.isfinite(verdict.max_bound_eV_A) else None,
            novelty=verdict.novelty,
            verdict=verdict.name,
            reason=verdict.reason,
            offered=verdict.name != FAILED,
            biased=float(start.get("bias_eV", 0.0)) != 0.0,
        )
        self.frames.add(dynamics.active[index], info, arrays)

    def save(self) -> None:
        """Write a checkpoint."""
        arrays, motion = self.dynamics.stored()
        frame_arrays, frames = self.frames.stored()
        info = {"motion": motion, "frames": frames, "ends": [asdict(end) for end in self.ends]}
        self._checkpoints.save(Checkpoint(self.dynamics.state.step, {**arrays, **frame_arrays}, info))

    def _resume(self) -> bool:
        checkpoint = self._checkpoints.latest()
        if checkpoint is None:
            return False
        self.dynamics.restore(checkpoint.arrays, checkpoint.info["motion"])
        self.frames.restore(self.starts, checkpoint.arrays, checkpoint.info["frames"])
        self.ends = [TrajectoryEnd(**end) for end in checkpoint.info["ends"]]
        return True


class RankExploration:
    """All batches of one rank; those that are done are not run again.

    Parameters
    ----------
    starts : sequence of Atoms
        Of all ranks.
    protocol : ExplorationProtocol
    place : RankPlace
    make_forces : callable
    judge : Judge
    """

    def __init__(
        self,
        starts: Sequence[Atoms],
        protocol: ExplorationProtocol,
        place: RankPlace,
        make_forces: MakeForces,
        judge: Judge,
    ) -> None:
        self._protocol = protocol
        self._place = place
        self._make_forces = make_forces
        self._judge = judge
        mine = share_of_rank(starts, place.rank, place.ranks)
        self._batches = in_batches(mine, protocol.max_batch_atoms)
        self._progress = Progress(
            place.folder, protocol.steps * len(self._batches), protocol.timestep_fs, len(starts)
        )

    def run(self, stop: Callable[[], bool]) -> str:
        """Run what is not done yet; return ``finished``, ``wall_time`` or ``stopped``."""
        started = time.monotonic()
        endings = {FINISHED}
        for number, starts in enumerate(self._batches):
            files = BatchFiles(self._place.folder, self._place.rank, number)
            if files.frames.exists():
                continue
            endings.add(self._run_batch(starts, files, started, stop))
            if STOPPED in endings:
                return STOPPED
        return WALL_TIME if WALL_TIME in endings else FINISHED

    def _run_batch(
        self, starts: list[Atoms], files: BatchFiles, started: float, stop: Callable[[], bool]
    ) -> str:
        checkpoints = CheckpointFolder(self._place.folder, f"state-{files.name}", self._place.run_key)
        batch = BatchExploration(starts, self._protocol, self._make_forces, self._judge, checkpoints)

        def ending(step: int) -> str | None:
            if self._place.rank == 0:
                self._progress.show(files.number * self._protocol.steps + step, "explore")
            if stop():
                return STOPPED
            limit = self._protocol.max_wall_s
            return WALL_TIME if limit is not None and time.monotonic() - started > limit else None

        ended = batch.run(ending)
        if ended != STOPPED:
            batch.end_all(ended)
            write_whole(files.ends, json.dumps([asdict(end) for end in batch.ends]).encode())
            write_structures(files.frames, batch.frames.structures(batch.starts))
            checkpoints.clear()
        return ended
