"""Labels a folder of structures with one set of ranks and streams the results."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from beamheat_fw.drivers.labelling.folder import LabellingFolder
from beamheat_fw.drivers.labelling.recovery import (
    JobEndedError,
    KilledRank,
    RanksDiedError,
    Walltime,
    reason_of,
)
from beamheat_fw.drivers.labelling.reference import uses_mpi
from beamheat_fw.drivers.labelling.results import Attempt, LabelResult
from beamheat_fw.drivers.mpi import MpiLauncher
from beamheat_fw.drivers.process import ChildProcess, Command
from beamheat_fw.errors import CalculationError, Interrupted

_PROGRAM = "beamheat_fw.drivers.labelling.program"
#: Deaths without a single result between them after which it is not the structures' fault.
_MOST_FRUITLESS_DEATHS = 4
#: A job that ended sooner says nothing about a structure: it was stopped, or was about to end.
FAIR_TRY_S = 600.0


def label_structures(
    folder: Path,
    *,
    ranks: int,
    launcher: MpiLauncher,
    stop: Callable[[], bool],
    most_ranks: int | None = None,
) -> Iterator[LabelResult]:
    """Label the structures of a folder, yielding each result as it is there.

    Results that are in the folder already come first. All others are calculated by one program; when its
    ranks die it is started again for what remains, and the recovery ladder judges the structure in flight.
    Structures that want more ranks come last, in a program of their own.

    Parameters
    ----------
    folder : Path
        With ``structures.extxyz`` and ``settings.json``, see the package.
    ranks : int
        MPI ranks of one calculation; a reference without MPI runs alone.
    launcher : MpiLauncher
    stop : callable
        Turns true when the work should end early; the structure in flight is lost, the others are kept.
    most_ranks : int, optional
        Ranks that a structure may get which runs out of memory or time; `ranks` by default.

    Raises
    ------
    InputError
        Structures or settings cannot be read.
    Interrupted
        `stop` turned true.
    CalculationError
        The program ended outside any structure, or several structures in a row killed it: it is the
        installation that has to be mended.
    """
    labelling = LabellingFolder(folder)
    labelling.prepare()
    wanted = list(labelling.structures())
    team = _Ranks(labelling, launcher, ranks, max(ranks, most_ranks or ranks))
    watch = _Watch(labelling, wanted)
    yield from watch.new_results()
    fruitless_deaths = 0
    while waiting := watch.waiting():
        before, seen_before, death = team.progress(), watch.seen, None
        with ChildProcess(team.command(waiting)) as child:
            try:
                for _ in child.ticks(stop):
                    yield from watch.new_results()
            except CalculationError as error:
                death = error
            except Interrupted:
                # Whoever goes on may do so on another machine, which does not see this folder.
                yield from watch.new_results()
                _record_end_of_job(labelling, alone=watch.seen == seen_before)
                raise
        yield from watch.new_results()
        went_on = watch.seen > seen_before or team.progress() > before
        if death is None and not went_on:
            raise _ended_early(labelling, watch.waiting())
        if death is not None:
            fruitless_deaths = 0 if went_on else fruitless_deaths + 1
            _record_death(labelling, death, give_up=fruitless_deaths >= _MOST_FRUITLESS_DEATHS)


@dataclass(frozen=True)
class _Ranks:
    """Which program labels what is waiting, on how many ranks."""

    labelling: LabellingFolder
    launcher: MpiLauncher
    ranks: int
    most_ranks: int

    def progress(self) -> int:
        """Return a number that grows when a label is left to a program of more ranks."""
        return sum(self.labelling.wished_ranks().values())

    def command(self, waiting: Sequence[str]) -> Command:
        """Return the program for the labels of the fewest ranks."""
        parallel = uses_mpi(self.labelling.settings())
        wishes = self.labelling.wished_ranks()
        wished = min(wishes.get(label_id, self.ranks) for label_id in waiting)
        ranks = min(max(wished, self.ranks), self.most_ranks) if parallel else 1
        program = [sys.executable, "-m", _PROGRAM, "."]
        # A label half made leaves nothing: the sooner its ranks are gone, the sooner the next program starts.
        environment = self.launcher.environment(ranks, last_words_s=0)
        # Without it GPAW refuses to run under an MPI launcher, other than as `gpaw python`.
        environment["GPAW_MPI_BACKEND"] = "cgpaw"
        environment["BEAMHEAT_RANKS"] = str(ranks)
        environment["BEAMHEAT_MOST_RANKS"] = str(self.most_ranks if parallel else 1)
        return Command(
            self.launcher.argv(program, ranks) if parallel else program,
            self.labelling.root,
            self.labelling.root.absolute() / "logs" / "program.txt",
            environment,
        )


class _Watch:
    """Which results were handed on."""

    def __init__(self, labelling: LabellingFolder, wanted: list[str]) -> None:
        self._labelling = labelling
        self._wanted = wanted
        self._yielded: set[str] = set()

    @property
    def seen(self) -> int:
        return len(self._yielded)

    def waiting(self) -> list[str]:
        return [label_id for label_id in self._wanted if label_id not in self._yielded]

    def new_results(self) -> Iterator[LabelResult]:
        finished = self._labelling.finished() - self._yielded
        for label_id in self._wanted:
            if label_id in finished:
                result = LabelResult.read(self._labelling.result(label_id))
                self._yielded.add(label_id)
                yield result


def _record_death(labelling: LabellingFolder, death: CalculationError, give_up: bool) -> None:
    label_id = labelling.in_flight()
    if label_id is None or give_up:
        raise death
    reason = reason_of(RanksDiedError(f"rc {death.values['rc']}; {death.values['log_tail']}"))
    _record(labelling, label_id, Attempt(reason, None, KilledRank.__name__))


def _record_end_of_job(labelling: LabellingFolder, alone: bool) -> None:
    """Count it against a structure that a job ended during it, if it had all of the job's time."""
    label_id, seconds = labelling.in_flight(), labelling.seconds_in_flight()
    if label_id is None or not alone or seconds < FAIR_TRY_S:
        return
    reason = reason_of(JobEndedError(f"the job ended after {seconds:.0f} s of work on this structure alone"))
    _record(labelling, label_id, Attempt(reason, None, Walltime.__name__))


def _record(labelling: LabellingFolder, label_id: str, attempt: Attempt) -> None:
    labelling.record(label_id, [*labelling.earlier().get(label_id, []), attempt])


def _ended_early(labelling: LabellingFolder, waiting: list[str]) -> CalculationError:
    return CalculationError(
        "The labelling program ended without an error and without all results",
        f"Read its log {labelling.root / 'logs' / 'program.txt'}.",
        {"waiting": waiting[:5]},
    )
