"""The crew of a decomposed run: all ranks move one system, and the first one writes."""

from __future__ import annotations

import numpy as np
from ase import Atoms

from beamheat_fw.drivers.md.checkpoints import Checkpoint, CheckpointFolder
from beamheat_fw.drivers.md.crew import Crew, RankPlace
from beamheat_fw.drivers.md.decomposed.dynamics import DecomposedDynamics, MakeShareForces
from beamheat_fw.drivers.md.decomposed.ranks import Ranks
from beamheat_fw.drivers.md.endings import STOPPED, WALL_TIME
from beamheat_fw.drivers.md.protocols import HeatProtocol
from beamheat_fw.errors import InputError


class SharedCheckpoints:
    """Checkpoints that the first rank writes and reads for all.

    Parameters
    ----------
    folder : CheckpointFolder
    ranks : Ranks
    """

    def __init__(self, folder: CheckpointFolder, ranks: Ranks) -> None:
        self._folder = folder
        self._ranks = ranks

    @property
    def passed_over(self) -> list[str]:
        """Reasons why files were passed over by `latest`; known to the first rank."""
        return self._folder.passed_over

    def save(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint whose arrays the first rank holds."""
        if self._ranks.is_first:
            self._folder.save(checkpoint)

    def latest(self) -> Checkpoint | None:
        """Return the last whole checkpoint on every rank.

        Raises
        ------
        InputError
            On the first rank: the checkpoint belongs to another run.
        """
        return self._ranks.as_first(self._folder.latest() if self._ranks.is_first else None)


def one_system(
    system: Atoms,
    protocol: HeatProtocol,
    place: RankPlace,
    ranks: Ranks,
    make_forces: MakeShareForces,
    replica: int = 0,
) -> Crew:
    """Return a rank's part in moving one system; replicas follow each other, each moved by all ranks.

    Parameters
    ----------
    system : Atoms
        Particle on support, with the array ``body``.
    protocol : HeatProtocol
    place : RankPlace
    ranks : Ranks
    make_forces : callable
        Binds the driving potential to a share.
    replica : int

    Raises
    ------
    InputError
        There are more ranks than atoms.
    """
    if ranks.size > len(system):
        raise InputError(
            "There are more ranks than atoms to share out",
            "Ask for fewer ranks.",
            {"ranks": ranks.size, "atoms": len(system)},
        )
    folder = CheckpointFolder(place.folder, f"state-{replica}", place.run_key)

    def agree(wish: str | None) -> str | None:
        wishes = (None, WALL_TIME, STOPPED)
        return wishes[int(ranks.largest(np.array([float(wishes.index(wish))]))[0])]

    seed, drive = (protocol.seed, replica), protocol.drive(system, [replica])
    return Crew(
        dynamics=DecomposedDynamics(system, ranks, make_forces, protocol.motion, seed, drive),
        numbers=[replica],
        replicas=protocol.replicas_per_rank,
        checkpoints=SharedCheckpoints(folder, ranks),
        series=place.folder / f"series-{replica}.npz",
        writes=ranks.is_first,
        agree=agree,
        turn=replica,
        turns=protocol.replicas_per_rank,
    )
