"""What a rank moves and writes of a run: replicas of its own, or its share of one system."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ase import Atoms

from beamheat_fw.drivers.md.batch import Batch
from beamheat_fw.drivers.md.checkpoints import Checkpoint, CheckpointFolder
from beamheat_fw.drivers.md.dynamics import Dynamics, MakeForces
from beamheat_fw.drivers.md.protocols import HeatProtocol


@dataclass(frozen=True)
class RankPlace:
    """Where a rank's run lives.

    Attributes
    ----------
    folder : Path
    rank, ranks : int
    run_key : str
        The hash of what the run is.
    """

    folder: Path
    rank: int
    ranks: int
    run_key: str

    @property
    def outcome(self) -> Path:
        """The file that says how the rank's run ended."""
        return self.folder / f"rank-{self.rank}.json"


class Checkpoints(Protocol):
    """Where states are kept; see `CheckpointFolder`."""

    @property
    def passed_over(self) -> list[str]:
        """Reasons why files were passed over by `latest`."""
        ...

    def save(self, checkpoint: Checkpoint) -> object:
        """Keep a state."""
        ...

    def latest(self) -> Checkpoint | None:
        """Return the last whole state, the same one to all who share it."""
        ...


@dataclass(frozen=True)
class Crew:
    """What a rank moves, and what it writes of it.

    Attributes
    ----------
    dynamics : Dynamics
    numbers : list of int
        The run's replicas that `dynamics` moves.
    replicas : int
        Of all ranks together.
    checkpoints : Checkpoints
    series : Path
        The file of what is measured.
    writes : bool
        Whether this rank writes it.
    agree : callable
        Takes this rank's reason to end early, or None, and returns that of all who share a system.
    turn, turns : int
        Which of the runs that follow each other this is.
    """

    dynamics: Dynamics
    numbers: list[int]
    replicas: int
    checkpoints: Checkpoints
    series: Path
    writes: bool = True
    agree: Callable[[str | None], str | None] = lambda wish: wish
    turn: int = 0
    turns: int = 1


def replicas(system: Atoms, protocol: HeatProtocol, place: RankPlace, make_forces: MakeForces) -> Crew:
    """Return the crew of an engine whose ranks move replicas of their own, each rank by itself.

    Parameters
    ----------
    system : Atoms
        Particle on support, with the array ``body``.
    protocol : HeatProtocol
    place : RankPlace
    make_forces : callable
        Binds the driving potential to a batch.
    """
    count = protocol.replicas_per_rank
    numbers = [place.rank * count + index for index in range(count)]
    batch = Batch.of([system] * count)
    seeds = [(protocol.seed, number) for number in numbers]
    return Crew(
        dynamics=Dynamics(batch, make_forces, protocol.motion, seeds, protocol.drive(system, numbers)),
        numbers=numbers,
        replicas=count * place.ranks,
        checkpoints=CheckpointFolder(place.folder, f"state-{place.rank}", place.run_key),
        series=place.folder / f"series-{place.rank}.npz",
    )
