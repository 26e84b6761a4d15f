"""The program that labels a folder's structures; runs under mpirun, knows files only.

mpirun -np 2 python -m beamheat_fw.drivers.labelling.program FOLDER
"""

from __future__ import annotations

import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from beamheat_fw.drivers.labelling.folder import LabellingFolder
from beamheat_fw.drivers.labelling.recovery import Ladder, RanksDiedError, reason_of
from beamheat_fw.drivers.labelling.reference import Reference, make_reference
from beamheat_fw.drivers.labelling.results import Attempt, Evaluation, LabelResult
from beamheat_fw.drivers.labelling.team import Team
from beamheat_fw.drivers.process import end_with_parent
from beamheat_fw.errors import InputError
from beamheat_fw.physics.structures.assembly import check_overlap

#: Above this mean of the forces over the atoms a label gets a warning.
MAX_NET_FORCE_EV_A = 0.05


class Labeller:
    """Labels one structure after another with all ranks of a team.

    Attributes
    ----------
    folder : LabellingFolder
    reference : Reference
    team : Team
    """

    def __init__(self, folder: LabellingFolder, reference: Reference, team: Team) -> None:
        self.folder = folder
        self.reference = reference
        self.team = team

    def label(self, label_id: str, atoms: Atoms, deaths: int) -> LabelResult:
        """Return the label of a structure, climbing the recovery ladder as far as needed.

        Parameters
        ----------
        label_id : str
        atoms : Atoms
        deaths : int
            How often ranks died while working on it before.
        """
        started = time.monotonic()
        attempts: list[Attempt] = []
        evaluation = None
        errors: tuple[str, ...] = ()
        try:
            check_overlap(atoms)
        except InputError as error:
            errors = (error.message(),)
        else:
            evaluation = self._climb(label_id, atoms, attempts, deaths)
            if evaluation is None:
                errors = (attempts[-1].reason,)
        return LabelResult(
            label_id,
            "failed" if evaluation is None else "completed",
            evaluation,
            errors=errors,
            warnings=() if evaluation is None else suspicions(evaluation),
            attempts=tuple(attempts),
            run_stats=self._run_stats(time.monotonic() - started),
        )

    def _climb(self, label_id: str, atoms: Atoms, attempts: list[Attempt], deaths: int) -> Evaluation | None:
        ladder = Ladder(self.reference.ladder)
        numerics = self.reference.numerics
        if deaths:
            death = RanksDiedError("MPI ranks died during an earlier attempt")
            correction = ladder.correct(ladder.recognise(death), numerics)
            attempts.append(Attempt(reason_of(death), correction.what if correction else "started again"))
            numerics = correction.numerics if correction else numerics
        while True:
            evaluation, error = self._attempt(atoms, numerics, self.folder.log(label_id, len(attempts)))
            if evaluation is not None:
                return evaluation
            # All ranks climb together, after the lowest rank that failed.
            problem, reason = self.team.first((ladder.recognise(error), reason_of(error)) if error else None)
            correction = ladder.correct(problem, numerics)
            attempts.append(Attempt(reason, correction.what if correction else None))
            if correction is None:
                return None
            numerics = correction.numerics

    def _attempt(self, atoms: Atoms, numerics: Any, log: Path) -> tuple[Evaluation | None, Exception | None]:
        evaluation, error = None, None
        try:
            evaluation = self.reference.evaluate(atoms, numerics, log)
        except self.reference.failures as caught:
            # Its traceback would hold on to the arrays of the failed attempt.
            error = caught.with_traceback(None)
        self.team.meet()
        failed_somewhere = self.team.largest(float(error is not None)) > 0.0
        return (None if failed_somewhere else evaluation), error

    def _run_stats(self, wall_s: float) -> dict[str, Any]:
        peak_MiB = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return {
            "wall_s": round(wall_s, 3),
            "ranks": self.team.size,
            "max_rss_MiB": round(self.team.largest(peak_MiB), 1),
            "versions": self.reference.versions(),
        }


def suspicions(evaluation: Evaluation) -> tuple[str, ...]:
    """Return what to look at in a label: forces that do not add up to nothing, as they must."""
    net = float(np.linalg.norm(evaluation.forces_eV_A.mean(axis=0)))
    if net <= MAX_NET_FORCE_EV_A:
        return ()
    return (f"The forces add up to {net:.3f} eV/Å an atom: the grid or the cutoff is too coarse.",)


def main(arguments: list[str]) -> None:
    """Label every structure of a folder that has no result yet."""
    end_with_parent(os.getppid())
    folder = LabellingFolder(Path(arguments[0]))
    settings = folder.settings()
    ranks = int(os.environ.get("BEAMHEAT_RANKS", "1"))
    reference = make_reference(settings, ranks)
    labeller = Labeller(folder, reference, Team(parallel=reference.uses_mpi and ranks > 1))
    deaths, finished = folder.deaths(), folder.finished()
    for label_id, atoms in folder.structures().items():
        if label_id in finished:
            continue
        if labeller.team.rank == 0:
            folder.take_off(label_id)
        result = labeller.label(label_id, atoms, deaths.get(label_id, 0))
        if labeller.team.rank == 0:
            folder.save(result)


if __name__ == "__main__":
    main(sys.argv[1:])
