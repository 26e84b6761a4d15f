"""Explore with a committee over MPI ranks, in a job folder."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ase import Atoms

from beamheat_fw.drivers.md.endings import FINISHED, WALL_TIME
from beamheat_fw.drivers.md.inputs import STARTS_FILE, read_structures, write_structures
from beamheat_fw.drivers.md.launching import OUTCOME_FILE, rank_outcomes, run_ranks
from beamheat_fw.drivers.md.protocols import (
    COMMITTEE_FILE,
    PROTOCOL_FILE,
    CommitteeFile,
    ExplorationProtocol,
)
from beamheat_fw.drivers.mpi import MpiLauncher
from beamheat_fw.errors import InputError
from beamheat_fw.whole_files import write_whole

_PROGRAM = "beamheat_fw.drivers.md.exploration.program"
_NEEDED = ("trajectory", "temperature_K", "seed")


@dataclass(frozen=True)
class ExplorationResult:
    """How an exploration ended.

    Attributes
    ----------
    ended : {'finished', 'wall_time'}
    verdicts : mapping of str to int
        Frames of each verdict.
    trajectories : list of mapping
        ``trajectory``, ``step``, ``ended`` (finished, failed or wall_time) and ``reason`` of each.
    """

    ended: str
    verdicts: dict[str, int]
    trajectories: list[dict[str, Any]]

    @property
    def failed_trajectories(self) -> int:
        """Trajectories that the gate or a hard check ended."""
        return sum(trajectory["ended"] == "failed" for trajectory in self.trajectories)


def stage_explore(
    folder: Path, starts: Sequence[Atoms], protocol: ExplorationProtocol, committee: CommitteeFile
) -> None:
    """Write an exploration's input; the packages that `committee` names must be in the folder.

    Raises
    ------
    InputError
        A start structure lacks its trajectory, temperature or seed, or two share a trajectory's name.
    """
    for atoms in starts:
        missing = [name for name in _NEEDED if name not in atoms.info]
        if missing:
            raise InputError(
                "A start structure does not say how to run it",
                f"Give {', '.join(_NEEDED)} in its info.",
                {"formula": atoms.get_chemical_formula(), "missing": ", ".join(missing)},
            )
    names = Counter(str(atoms.info["trajectory"]) for atoms in starts)
    doubled = [name for name, count in names.items() if count > 1]
    if doubled:
        raise InputError(
            "Two start structures share a trajectory's name",
            "Name every trajectory once.",
            {"trajectory": doubled[0]},
        )
    write_structures(folder / STARTS_FILE, starts)
    protocol.write(folder / PROTOCOL_FILE)
    committee.write(folder / COMMITTEE_FILE)


def explore(
    folder: Path, *, ranks: int, launcher: MpiLauncher, stop: Callable[[], bool]
) -> ExplorationResult:
    """Run, or go on with, the exploration staged in `folder`.

    Parameters
    ----------
    folder : Path
        Holds ``starts.extxyz``, ``protocol.json``, ``committee.json`` and the packages.
    ranks : int
        MPI ranks; a run goes on with the number it began with.
    launcher : MpiLauncher
    stop : callable
        Turns true when the run should write its checkpoints and end.

    Raises
    ------
    Interrupted
        It was asked to stop; run it again to go on.
    InputError, CalculationError
        The input cannot be used, or a rank failed.
    """
    done = folder / OUTCOME_FILE
    if not done.exists():
        run_ranks(_PROGRAM, folder, ranks, launcher, stop)
        result = _gather(folder, {outcome["ended"] for outcome in rank_outcomes(folder, ranks)})
        write_whole(done, json.dumps(asdict(result)).encode())
    return ExplorationResult(**json.loads(done.read_text(encoding="utf-8")))


def read_frames(folder: Path) -> list[Atoms]:
    """Read the frames of all finished batches of a job folder.

    Returns
    -------
    list of Atoms
        With arrays ``body``, ``mean_forces_eV_A`` (N, 3) and ``spread_eV_A`` (N,), and the fields of
        `beamheat_fw.drivers.md.frames.FrameInfo` in their info.
    """
    paths = sorted(folder.glob("frames-*.extxyz"))
    return [atoms for path in paths if path.stat().st_size for atoms in read_structures(path)]


def _gather(folder: Path, endings: set[str]) -> ExplorationResult:
    trajectories = [
        end
        for path in sorted(folder.glob("trajectories-*.json"))
        for end in json.loads(path.read_text(encoding="utf-8"))
    ]
    return ExplorationResult(
        ended=WALL_TIME if WALL_TIME in endings else FINISHED,
        verdicts=dict(Counter(str(atoms.info["verdict"]) for atoms in read_frames(folder))),
        trajectories=sorted(trajectories, key=lambda end: end["trajectory"]),
    )
