"""The program that labels a folder's structures; runs under mpirun, knows files only.

mpirun -np 2 python -m beamheat_fw.drivers.labelling.program FOLDER
"""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from beamheat_fw.drivers.labelling.folder import LabellingFolder
from beamheat_fw.drivers.labelling.recovery import Correction, Ladder, Walltime, reason_of
from beamheat_fw.drivers.labelling.reference import Reference, make_reference
from beamheat_fw.drivers.labelling.results import Attempt, Evaluation, LabelResult
from beamheat_fw.drivers.labelling.team import Team
from beamheat_fw.drivers.labelling.warm_start import near_after_near
from beamheat_fw.drivers.process import end_with_parent
from beamheat_fw.errors import InputError
from beamheat_fw.physics.structures.assembly import check_structure

#: Above this mean of the forces over the atoms a label gets a warning.
MAX_NET_FORCE_EV_A = 0.05


@dataclass
class Climb:
    """How far one structure has come.

    Attributes
    ----------
    numerics : object
        The numerical path of the next attempt.
    attempts : list of Attempt
        Those that failed.
    evaluation : Evaluation or None
    needs_ranks : int or None
        Ranks that the next attempt needs, where this program has fewer.
    """

    numerics: Any
    attempts: list[Attempt] = field(default_factory=list)
    evaluation: Evaluation | None = None
    needs_ranks: int | None = None

    def repeat(self, attempt: Attempt, correction: Correction | None) -> None:
        """Take up an attempt of an earlier program, which has judged it, perhaps with fewer ranks."""
        self.attempts.append(attempt)
        if correction is not None and correction.what == attempt.correction:
            self.numerics = correction.numerics

    def go_on(self, attempt: Attempt, correction: Correction | None) -> bool:
        """Take up a failed attempt; return whether another one follows in this program."""
        if correction is None:
            self.attempts.append(attempt)
            return False
        self.attempts.append(replace(attempt, correction=correction.what, ranks=correction.ranks))
        self.numerics, self.needs_ranks = correction.numerics, correction.ranks
        return correction.ranks is None


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

    def label(self, label_id: str, atoms: Atoms, earlier: Sequence[Attempt] = ()) -> LabelResult | None:
        """Return the label of a structure, climbing the recovery ladder as far as needed.

        Parameters
        ----------
        label_id : str
        atoms : Atoms
        earlier : sequence of Attempt
            Attempts at it that ended with their program.

        Returns
        -------
        LabelResult or None
            None when the next attempt is left to a program of more ranks.
        """
        started, cpu_started = time.monotonic(), time.process_time()
        try:
            check_structure(atoms)
        except InputError as error:
            return LabelResult(label_id, "failed", errors=(error.message(),), run_stats=self._run_stats())
        climb = self._climb(label_id, atoms, earlier)
        if climb.needs_ranks:
            if self.team.rank == 0:
                self.folder.record(label_id, climb.attempts)
            return None
        evaluation = climb.evaluation
        return LabelResult(
            label_id,
            "failed" if evaluation is None else "completed",
            evaluation,
            errors=(climb.attempts[-1].reason,) if evaluation is None else (),
            warnings=() if evaluation is None else suspicions(evaluation),
            attempts=tuple(climb.attempts),
            run_stats=self._run_stats()
            | self.reference.path(atoms, climb.numerics)
            | {
                "wall_s": round(time.monotonic() - started, 3),
                "cpu_s": round(self.team.total(time.process_time() - cpu_started), 3),
                "attempts": len(climb.attempts) + (evaluation is not None),
            },
        )

    def _climb(self, label_id: str, atoms: Atoms, earlier: Sequence[Attempt]) -> Climb:
        ladder = Ladder(self.reference.ladder)
        climb = Climb(self.reference.numerics)
        for attempt in earlier:
            correction = ladder.correct(attempt.problem, climb.numerics)
            if attempt.correction is not None:
                climb.repeat(attempt, correction)
            elif not climb.go_on(attempt, correction):
                return climb
        while True:
            log = self.folder.log(label_id, len(climb.attempts))
            # What has failed once is never tried again from the structure before.
            warm = self.reference.starts_warm and not climb.attempts
            climb.evaluation, error = self._attempt(atoms, climb.numerics, log, warm)
            if climb.evaluation is not None:
                return climb
            # All ranks climb together, after the lowest rank that failed.
            problem, reason = self.team.first((ladder.recognise(error), reason_of(error)) if error else None)
            correction = ladder.correct(problem, climb.numerics)
            if not climb.go_on(Attempt(reason, None, problem), correction):
                return climb

    def _attempt(
        self, atoms: Atoms, numerics: Any, log: Path, warm: bool
    ) -> tuple[Evaluation | None, Exception | None]:
        evaluation, error = None, None
        try:
            evaluation = self.reference.evaluate(atoms, numerics, log, warm=warm)
        except self.reference.failures as caught:
            # Its traceback would hold on to the arrays of the failed attempt.
            error = caught.with_traceback(None)
            # Where the others wait for this rank inside GPAW, the program ends, and its log has to say why.
            print(f"rank {self.team.rank}: {reason_of(error)}", file=sys.stderr, flush=True)
        self.team.meet(failed=error is not None)
        failed_somewhere = self.team.largest(float(error is not None)) > 0.0
        return (None if failed_somewhere else evaluation), error

    def _run_stats(self) -> dict[str, Any]:
        peak_MiB = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return {
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
    ranks, most_ranks = (int(os.environ.get(f"BEAMHEAT_{name}", "1")) for name in ("RANKS", "MOST_RANKS"))
    reference = make_reference(settings, ranks, most_ranks)
    labeller = Labeller(folder, reference, Team(parallel=reference.uses_mpi and ranks > 1))
    earlier, finished, wishes = folder.earlier(), folder.finished(), folder.wished_ranks()
    # No rank may change these files before all have read them: they would take different ways from here.
    labeller.team.meet()
    for label_id, atoms in in_turn(folder.structures(), earlier, reference.starts_warm):
        if label_id in finished or (ranks < most_ranks and wishes.get(label_id, 0) > ranks):
            continue
        if labeller.team.rank == 0:
            folder.take_off(label_id)
            print("begun", label_id, flush=True)
        result = labeller.label(label_id, atoms, earlier.get(label_id, ()))
        if labeller.team.rank == 0 and result is not None:
            folder.save(result)


def in_turn(
    structures: Mapping[str, Atoms], earlier: Mapping[str, Sequence[Attempt]], starts_warm: bool
) -> list[tuple[str, Atoms]]:
    """Return the structures, those last during which a job ended: the others shall not wait for them.

    Where structures may start from each other, near ones follow one another.
    """

    def too_long(item: tuple[str, Atoms]) -> bool:
        return any(attempt.problem == Walltime.__name__ for attempt in earlier.get(item[0], ()))

    return sorted(near_after_near(structures) if starts_warm else structures.items(), key=too_long)


if __name__ == "__main__":
    main(sys.argv[1:])
