"""A chunk of labels whose rocket is killed, or whose job ends: what is there stays, the rest goes on."""

from __future__ import annotations

import signal
import subprocess
from dataclasses import asdict

import pytest
from ase import Atoms
from labelling_bench import LabellingBench
from labelling_bench import structures as unit_cells
from rocket_bench import kill, wait_until

from beamheat_fw.doctor import examine_and_fix
from beamheat_fw.drivers.labelling.folder import LabellingFolder
from beamheat_fw.drivers.labelling.results import Attempt
from beamheat_fw.store.documents import Label
from beamheat_fw.store.rounds import load_round

pytestmark = [pytest.mark.mongod, pytest.mark.slow]

LABELS = 8


def structures() -> list[Atoms]:
    """Cells so large that a label lasts some tenths of a second."""
    return [atoms * (3, 3, 2) for atoms in unit_cells(LABELS)]


def completed(labelling: LabellingBench) -> dict[str, Label]:
    return {label.id: label for label in labelling.store.find(Label, {"state": "completed"})}


def begun(labelling: LabellingBench) -> list[str]:
    """Return the labels whose calculation any worker began, one for each time."""
    logs = labelling.bench.folder.rglob("logs/program.txt")
    lines = [line for log in logs for line in log.read_text().splitlines()]
    return [line.split()[1] for line in lines if line.startswith("begun ")]


def cut_off(
    labelling: LabellingBench, rocket: subprocess.Popen[str], how: signal.Signals
) -> dict[str, Label]:
    """End a rocket in the middle of its chunk; return the labels that are there."""
    wait_until(lambda: len(completed(labelling)) >= 2, "two labels")
    kill(rocket, how)
    kept = completed(labelling)
    assert len(kept) < LABELS
    return kept


def check_nothing_lost_or_made_twice(labelling: LabellingBench, kept: dict[str, Label]) -> None:
    labels = completed(labelling)
    assert len(labels) == LABELS, labelling.bench.log()
    assert {label_id: labels[label_id] for label_id in kept} == kept
    assert len(begun(labelling)) - len(set(begun(labelling))) <= 1


def test_after_kill_9_in_a_chunk_at_most_the_label_in_flight_is_made_again(labelling: LabellingBench) -> None:
    labelling.begin(structures())
    kept = cut_off(labelling, labelling.rlaunch("rapidfire"), signal.SIGKILL)
    examine_and_fix(labelling.bench.launchpad, labelling.store, labelling.bench.folder / "scratch")
    labelling.work_off()
    check_nothing_lost_or_made_twice(labelling, kept)


def test_what_a_walltime_leaves_of_a_chunk_goes_on_on_another_machine_from_the_same_rung(
    labelling: LabellingBench,
) -> None:
    """SIGUSR1 is how schedulers warn of it; the other machine has a scratch of its own."""
    campaign = labelling.begin(structures())
    victim = load_round(labelling.store, campaign.campaign_id, 0).label_ids[-1]
    folder = labelling.bench.folder
    rocket = labelling.rlaunch("rapidfire", scratch=str(folder / "first"))
    wait_until(lambda: completed(labelling), "a label")
    tried = Attempt("RanksDiedError: rc 137", "started again", "KilledRank")
    (work,) = folder.glob("first/jobs/*/work")
    LabellingFolder(work).record(victim, [tried])
    kept = cut_off(labelling, rocket, signal.SIGUSR1)
    assert victim not in kept
    assert labelling.rlaunch("rapidfire", scratch=str(folder / "second")).wait(120) == 0
    check_nothing_lost_or_made_twice(labelling, kept)
    labels = completed(labelling)
    assert len({label.made_by.launch_id for label in labels.values() if label.made_by}) == 2
    assert labels[victim].analysis.details["attempts"] == [asdict(tried)]
    assert labels[victim].run_stats["attempts"] == 2
