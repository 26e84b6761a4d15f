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

KILLED = Attempt("RanksDiedError: rc 137", None, "KilledRank")
TOO_LONG = Attempt("JobEndedError: the job ended after 7000 s", None, "Walltime")


def label(folder, ranks=1, most_ranks=None, stop=lambda: False):
    results = label_structures(folder, ranks=ranks, launcher=MpiLauncher(), stop=stop, most_ranks=most_ranks)
    return {result.label_id: result for result in results}


def order_of(folder):
    log = (folder / "logs" / "program.txt").read_text()
    return [line.split()[1] for line in log.splitlines() if line.startswith("begun ")]


@pytest.fixture
def cells(make_folder):
    return make_folder({name: bulk("Au", cubic=True) for name in ("first", "last")}, EmtSettings())


def test_a_structure_too_long_for_a_job_waits_until_the_others_are_done(cells):
    LabellingFolder(cells).record("first", [TOO_LONG])
    results = label(cells)
    assert order_of(cells) == ["last", "first"]
    assert results["first"].state == "completed"
    (attempt,) = results["first"].attempts
    assert attempt.correction == "another job, after all others"
    assert results["first"].run_stats["attempts"] == 2
    assert results["last"].run_stats["attempts"] == 1


def test_a_structure_too_long_for_two_jobs_has_failed(cells):
    judged = Attempt(TOO_LONG.reason, "another job, after all others", "Walltime")
    LabellingFolder(cells).record("first", [judged, TOO_LONG])
    results = label(cells)
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
    with pytest.raises(Interrupted):
        label(folder, stop=lambda: labelling.in_flight() == "h2")
    assert labelling.earlier() == {}
    monkeypatch.setattr(driver, "FAIR_TRY_S", 0.0)
    with pytest.raises(Interrupted):
        label(folder, stop=lambda: labelling.in_flight() == "h2")
    (attempt,) = labelling.earlier()["h2"]
    assert (attempt.problem, attempt.correction) == ("Walltime", None)


@pytest.mark.gpaw
@pytest.mark.mpi
def test_a_structure_whose_ranks_were_killed_gets_more_ranks_after_the_others(
    make_folder, quick_gpaw, molecule
):
    folder = make_folder({"h2": molecule(0.8), "other": molecule(0.9)}, quick_gpaw)
    LabellingFolder(folder).record("h2", [KILLED])
    results = label(folder, ranks=1, most_ranks=2)
    assert {name: result.run_stats["ranks"] for name, result in results.items()} == {"other": 1, "h2": 2}
    assert {result.state for result in results.values()} == {"completed"}
    assert [attempt.correction for attempt in results["h2"].attempts] == ["2 ranks"]


@pytest.mark.gpaw
@pytest.mark.mpi
def test_ranks_killed_at_the_top_of_the_ladder_end_it(make_folder, quick_gpaw, molecule):
    """Killed on one rank, then on the two that it was given: nothing is calculated any more."""
    folder = make_folder({"h2": molecule(0.8)}, quick_gpaw)
    judged = Attempt(KILLED.reason, "2 ranks", "KilledRank", ranks=2)
    again = Attempt(KILLED.reason, "started again", "KilledRank")
    LabellingFolder(folder).record("h2", [judged, again, KILLED])
    result = label(folder, ranks=1, most_ranks=2)["h2"]
    assert (result.state, result.run_stats["ranks"]) == ("failed", 2)
    assert [attempt.correction for attempt in result.attempts] == ["2 ranks", "started again", None]


@pytest.mark.gpaw
def test_a_wish_for_more_ranks_than_this_worker_has_is_not_waited_for(make_folder, quick_gpaw, molecule):
    folder = make_folder({"h2": molecule(0.8)}, quick_gpaw)
    judged = Attempt(KILLED.reason, "64 ranks", "KilledRank", ranks=64)
    LabellingFolder(folder).record("h2", [judged])
    assert label(folder)["h2"].state == "completed"
