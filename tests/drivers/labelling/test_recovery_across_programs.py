"""Attempts that end with their program: what the next program makes of them."""

import pytest
from ase.build import bulk

from beamheat_fw.campaign import EmtSettings
from beamheat_fw.drivers.labelling import driver
from beamheat_fw.drivers.labelling.driver import label_structures
from beamheat_fw.drivers.labelling.folder import LabellingFolder
from beamheat_fw.drivers.labelling.results import Attempt
from beamheat_fw.drivers.mpi import MpiLauncher
from beamheat_fw.errors import Interrupted
from tests.drivers.labelling.folders import hydrogen, label, quick_settings, write_folder

KILLED = Attempt("RanksDiedError: rc 137", None, "KilledRank")
TOO_LONG = Attempt("JobEndedError: the job ended after 7000 s", None, "Walltime")


def interrupted(folder, stop):
    with pytest.raises(Interrupted):
        list(label_structures(folder, ranks=1, launcher=MpiLauncher(), stop=stop))


def order_of(folder):
    log = (folder / "logs" / "program.txt").read_text()
    return [line.split()[1] for line in log.splitlines() if line.startswith("begun ")]


@pytest.fixture
def cells(make_folder):
    return make_folder({name: bulk("Au", cubic=True) for name in ("first", "last")}, EmtSettings())


def test_a_structure_too_long_for_a_job_waits_until_the_others_are_done(cells):
    LabellingFolder(cells).record("first", [TOO_LONG])
    results = label(cells, ranks=1)
    assert order_of(cells) == ["last", "first"]
    assert results["first"].state == "completed"
    (attempt,) = results["first"].attempts
    assert attempt.correction == "another job, after all others"
    assert results["first"].run_stats["attempts"] == 2
    assert results["last"].run_stats["attempts"] == 1


def test_a_structure_too_long_for_two_jobs_has_failed(cells):
    judged = Attempt(TOO_LONG.reason, "another job, after all others", "Walltime")
    LabellingFolder(cells).record("first", [judged, TOO_LONG])
    results = label(cells, ranks=1)
    assert results["last"].state == "completed"
    assert results["first"].state == "failed"
    assert results["first"].errors == (TOO_LONG.reason,)
    assert [attempt.correction for attempt in results["first"].attempts] == [judged.correction, None]


@pytest.mark.gpaw
def test_the_end_of_a_job_counts_only_against_a_structure_that_had_all_of_it(
    make_folder, quick_gpaw, molecule, monkeypatch
):
    folder = make_folder({"h2": molecule(0.8), "other": molecule(0.9)}, quick_gpaw)
    labelling = LabellingFolder(folder)
    interrupted(folder, stop=lambda: labelling.in_flight() == "h2")
    assert labelling.earlier() == {}
    monkeypatch.setattr(driver, "FAIR_TRY_S", 0.0)
    interrupted(folder, stop=lambda: labelling.in_flight() == "h2")
    (attempt,) = labelling.earlier()["h2"]
    assert (attempt.problem, attempt.correction) == ("Walltime", None)


#: On one rank the large structure has 560 MiB of data, on each of two 460, the program alone 360.
MEMORY_MIB = 510


def hydrogen_in_a_wide_cell():
    atoms = hydrogen(0.8)
    atoms.set_cell([10.8, 10.8, 28.8])
    atoms.center()
    return atoms


@pytest.fixture(scope="module")
def grown(tmp_path_factory):
    """What a worker of two cores, each with little memory, makes of structures; it starts with one rank.

    One of them is too large for one rank, others have killed ranks before.
    """
    names = ("killed", "untouched", "top", "wish")
    structures = {"large": hydrogen_in_a_wide_cell()}
    structures |= {name: hydrogen(0.8 + 0.02 * i) for i, name in enumerate(names)}
    folder = write_folder(tmp_path_factory.mktemp("grown"), structures, quick_settings())
    labelling = LabellingFolder(folder)
    labelling.record("killed", [KILLED])
    judged = Attempt(KILLED.reason, "2 ranks", "KilledRank", ranks=2)
    labelling.record("top", [judged, Attempt(KILLED.reason, "started again", "KilledRank"), KILLED])
    labelling.record("wish", [Attempt(KILLED.reason, "64 ranks", "KilledRank", ranks=64)])
    limited = MpiLauncher(f"mpirun -np {{ranks}} prlimit --data={MEMORY_MIB << 20}")
    return label(folder, ranks=1, most_ranks=2, launcher=limited)


@pytest.mark.gpaw
@pytest.mark.mpi
def test_a_structure_too_large_for_the_memory_of_one_rank_is_labelled_by_two(grown):
    large = grown["large"]
    assert (large.state, large.run_stats["ranks"]) == ("completed", 2)
    (attempt,) = large.attempts
    # NumPy raises MemoryError, GPAW's C code aborts: which of them asks for too much first is chance.
    assert attempt.problem in ("OutOfMemory", "KilledRank")
    assert attempt.correction == "2 ranks"


@pytest.mark.gpaw
@pytest.mark.mpi
def test_a_structure_whose_ranks_were_killed_gets_more_ranks_after_the_others(grown):
    assert (grown["untouched"].state, grown["untouched"].run_stats["ranks"]) == ("completed", 1)
    assert (grown["killed"].state, grown["killed"].run_stats["ranks"]) == ("completed", 2)
    assert next(iter(grown)) == "untouched"
    assert [attempt.correction for attempt in grown["killed"].attempts] == ["2 ranks"]


@pytest.mark.gpaw
@pytest.mark.mpi
def test_ranks_killed_at_the_top_of_the_ladder_end_it(grown):
    """Killed on one rank, then on the two that it was given: nothing is calculated any more."""
    top = grown["top"]
    assert (top.state, top.run_stats["ranks"]) == ("failed", 2)
    assert [attempt.correction for attempt in top.attempts] == ["2 ranks", "started again", None]


@pytest.mark.gpaw
@pytest.mark.mpi
def test_a_wish_for_more_ranks_than_this_worker_has_is_not_waited_for(grown):
    assert (grown["wish"].state, grown["wish"].run_stats["ranks"]) == ("completed", 2)
