"""A chunk of labels whose job ends, then whose rocket is killed: what is there stays, the rest goes on."""

from __future__ import annotations

import signal
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest
from ase import Atoms
from labelling_bench import LabellingBench, labelling_bench_on
from labelling_bench import structures as unit_cells
from pymongo import MongoClient
from rocket_bench import kill, wait_until

from beamheat_fw.doctor import examine_and_fix
from beamheat_fw.drivers.labelling.folder import LabellingFolder
from beamheat_fw.drivers.labelling.results import Attempt
from beamheat_fw.store.database import Store
from beamheat_fw.store.documents import Label
from beamheat_fw.store.rounds import load_round
from beamheat_fw.store.server.embedded import EmbeddedServer

pytestmark = [pytest.mark.mongod, pytest.mark.slow]

LABELS = 8
TRIED = Attempt("RanksDiedError: rc 137", "started again", "KilledRank")


def structures() -> list[Atoms]:
    """Cells so large that a label lasts some tenths of a second."""
    return [atoms * (3, 3, 2) for atoms in unit_cells(LABELS)]


def completed(labelling: LabellingBench) -> dict[str, Label]:
    return {label.id: label for label in labelling.store.find(Label, {"state": "completed"})}


def cut_off(
    labelling: LabellingBench, rocket: subprocess.Popen[str], how: signal.Signals
) -> dict[str, Label]:
    """End a rocket in the middle of its chunk; return the labels that are there."""
    kill(rocket, how)
    kept = completed(labelling)
    assert len(kept) < LABELS
    return kept


@dataclass(frozen=True)
class Story:
    """Labels after each cut and at the end, and which each machine began, one entry for each time."""

    victim: str
    after_walltime: dict[str, Label]
    after_kill: dict[str, Label]
    end: dict[str, Label]
    begun: dict[str, list[str]]


@pytest.fixture(scope="module")
def story(
    mongod: EmbeddedServer, mongo_client: MongoClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Story]:
    """End a job on one machine, kill -9 the rocket of another in the same chunk, then let it go on."""
    folder = tmp_path_factory.mktemp("cut")
    name = f"cut_{uuid.uuid4().hex[:12]}"
    file = folder / "my_launchpad.yaml"
    file.write_text(f"uri_mode: true\nhost: {mongod.uri}\nname: {name}\n")
    with labelling_bench_on(file, Store(mongo_client[name]), folder) as labelling:
        yield cut_twice(labelling)
    mongo_client.drop_database(name)


def cut_twice(labelling: LabellingBench) -> Story:
    folder = labelling.bench.folder
    first, second = str(folder / "first"), str(folder / "second")
    campaign = labelling.begin(structures())
    victim = load_round(labelling.store, campaign.campaign_id, 0).label_ids[-1]
    rocket = labelling.rlaunch("rapidfire", scratch=first)
    wait_until(lambda: completed(labelling), "a label")
    (work,) = folder.glob("first/jobs/*/work")
    LabellingFolder(work).record(victim, [TRIED])
    # Schedulers warn of a walltime by it.
    after_walltime = cut_off(labelling, rocket, signal.SIGUSR1)

    rocket = labelling.rlaunch("rapidfire", scratch=second)
    # One is made, the next in flight: the database may not know of either yet.
    wait_until(lambda: len(begun_on(folder / "second")) >= 2, "two labels begun")
    after_kill = cut_off(labelling, rocket, signal.SIGKILL)
    examine_and_fix(labelling.bench.launchpad, labelling.store, Path(second))
    assert labelling.rlaunch("rapidfire", scratch=second).wait(120) == 0, labelling.bench.log()
    end = completed(labelling)
    assert len(end) == LABELS, labelling.bench.log()
    begun = {machine: begun_on(folder / machine) for machine in ("first", "second")}
    return Story(victim, after_walltime, after_kill, end, begun)


def begun_on(scratch: Path) -> list[str]:
    """Return the labels whose calculation a machine began, one for each time."""
    lines = [line for log in scratch.rglob("logs/program.txt") for line in log.read_text().splitlines()]
    return [line.split()[1] for line in lines if line.startswith("begun ")]


def test_after_kill_9_in_a_chunk_at_most_the_label_in_flight_is_made_again(story: Story) -> None:
    assert {label_id: story.end[label_id] for label_id in story.after_kill} == story.after_kill
    begun = story.begun["second"]
    assert len(begun) - len(set(begun)) <= 1


def test_what_a_walltime_leaves_of_a_chunk_goes_on_on_another_machine_from_the_same_rung(
    story: Story,
) -> None:
    kept = story.after_walltime
    assert story.victim not in kept
    assert {label_id: story.end[label_id] for label_id in kept} == kept
    again = set(story.begun["first"]) & set(story.begun["second"])
    assert len(again) <= 1
    assert not again & kept.keys()
    victim = story.end[story.victim]
    assert victim.analysis.details["attempts"] == [asdict(TRIED)]
    assert victim.run_stats["attempts"] == 2
    # A launch of its own for what was left.
    by_launch = {label_id: label.made_by.launch_id for label_id, label in story.end.items() if label.made_by}
    here = {by_launch[label_id] for label_id in kept}
    assert len(here) == 1
    assert not here & {launch for label_id, launch in by_launch.items() if label_id not in kept}
