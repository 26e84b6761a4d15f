"""Labels a folder of structures with one set of ranks and streams the results."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from beamheat_fw.drivers.labelling.folder import LabellingFolder
from beamheat_fw.drivers.labelling.recovery import RanksDiedError, reason_of
from beamheat_fw.drivers.labelling.reference import uses_mpi
from beamheat_fw.drivers.labelling.results import Attempt, LabelResult
from beamheat_fw.drivers.mpi import MpiLauncher
from beamheat_fw.drivers.process import ChildProcess, Command
from beamheat_fw.errors import CalculationError

_PROGRAM = "beamheat_fw.drivers.labelling.program"
#: A structure during which ranks died this often has failed.
_MAX_DEATHS = 2


def label_structures(
    folder: Path, *, ranks: int, launcher: MpiLauncher, stop: Callable[[], bool]
) -> Iterator[LabelResult]:
    """Label the structures of a folder, yielding each result as it is there.

    Results that are in the folder already come first. All others are calculated by one program; when its
    ranks die it is started again for what remains, and a structure during which they died twice is failed.

    Parameters
    ----------
    folder : Path
        With ``structures.extxyz`` and ``settings.json``, see the package.
    ranks : int
        MPI ranks of one calculation; a reference without MPI runs alone.
    launcher : MpiLauncher
    stop : callable
        Turns true when the work should end early; the structure in flight is lost, the others are kept.

    Raises
    ------
    InputError
        Structures or settings cannot be read.
    Interrupted
        `stop` turned true.
    CalculationError
        The program ended outside any structure, or three structures in a row killed it: it is the
        installation that has to be mended.
    """
    labelling = LabellingFolder(folder)
    labelling.prepare()
    wanted = list(labelling.structures())
    command = _command(labelling, ranks, launcher)
    watch = _Watch(labelling, wanted)
    yield from watch.new_results()
    fruitless_deaths = 0
    while watch.waiting():
        seen_before = watch.seen
        death = None
        with ChildProcess(command) as child:
            try:
                for _ in child.ticks(stop):
                    yield from watch.new_results()
            except CalculationError as error:
                death = error
        yield from watch.new_results()
        if death is None and watch.waiting():
            raise _ended_early(labelling, watch.waiting())
        if death is not None:
            fruitless_deaths = 0 if watch.seen > seen_before else fruitless_deaths + 1
            _record_death(labelling, death, give_up=fruitless_deaths >= 2 * _MAX_DEATHS)


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


def _command(labelling: LabellingFolder, ranks: int, launcher: MpiLauncher) -> Command:
    program = [sys.executable, "-m", _PROGRAM, "."]
    parallel = uses_mpi(labelling.settings())
    environment = launcher.environment(ranks if parallel else 1)
    # Without it GPAW refuses to run under an MPI launcher, other than as `gpaw python`.
    environment["GPAW_MPI_BACKEND"] = "cgpaw"
    environment["BEAMHEAT_RANKS"] = str(ranks if parallel else 1)
    return Command(
        launcher.argv(program, ranks) if parallel else program,
        labelling.root,
        labelling.root.absolute() / "logs" / "program.txt",
        environment,
    )


def _record_death(labelling: LabellingFolder, death: CalculationError, give_up: bool) -> None:
    label_id = labelling.in_flight()
    if label_id is None or give_up:
        raise death
    if labelling.count_death(label_id) < _MAX_DEATHS:
        return
    reason = reason_of(RanksDiedError(f"rc {death.values['rc']}; {death.values['log_tail']}"))
    labelling.save(
        LabelResult(
            label_id,
            "failed",
            errors=(reason,),
            attempts=(Attempt(reason, None),),
            run_stats={"versions": {}},
        )
    )


def _ended_early(labelling: LabellingFolder, waiting: list[str]) -> CalculationError:
    return CalculationError(
        "The labelling program ended without an error and without all results",
        f"Read its log {labelling.root / 'logs' / 'program.txt'}.",
        {"waiting": waiting[:5]},
    )
