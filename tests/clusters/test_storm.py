"""Small work on two clusters in a storm: every firework is completed, each result is taken once.

Labels of a campaign on one cluster, and chains that lead from it to the other one.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from bench_tasks import Sleep
from campaign_outcome import differences, outcome
from cluster_site import REPOSITORY, Cluster, Desk, Site
from fireworks import Firework
from labelling_bench import LabellingBench, labelling_bench_on
from storm import Storm, seed_of_the_storm

from beamheat_fw.campaign import load_campaign, spectrum_path
from beamheat_fw.firetasks.campaigns import submit_campaign
from beamheat_fw.launch.launchpad import SurvivingLaunchPad
from beamheat_fw.store.database import Store

pytestmark = [pytest.mark.mongod, pytest.mark.slow]

#: At least, s.
STORM_S = 20.0
_PATIENCE_S = 240.0
_BY_NOW = ("labels", "datasets")


@pytest.fixture
def site_without_training(site: Site) -> Iterator[Site]:
    """The site, whose second cluster leaves the training of the campaign alone: the test ends before it."""
    hopper = site.clusters[1]
    before, hopper.categories = hopper.categories, ["md"]
    yield site
    hopper.categories = before


@pytest.fixture
def campaign_file(tmp_path: Path) -> Path:
    """The EMT campaign with its labels in many chunks."""
    original = REPOSITORY / "workflows" / "emt_au_cu.yaml"
    document = yaml.safe_load(original.read_text())
    document["labelling"]["chunk_size"] = 3
    document["eels"]["file"] = str(original.parent / document["eels"]["file"])
    path = tmp_path / "campaign.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


def is_labelled(desk: Desk) -> bool:
    """Tell whether all is done that genoa does of the campaign before the potentials are trained."""
    done = {"name": {"$regex": "AnalyseSpectrum|BuildDataset"}, "state": "COMPLETED"}
    return desk.launchpad.fireworks.count_documents(done) == 2


def add_chain(desk: Desk) -> list[int]:
    """Add work for one cluster that the other one's follows."""
    parent = Firework(Sleep(seconds=3, polls=True), spec={"_category": "dft"})
    child = Firework(Sleep(seconds=3, polls=True), spec={"_category": "md"}, parents=[parent])
    return desk.add(parent, child)


def start(clusters: list[Cluster]) -> list[Any]:
    options = ("rapidfire", "--nlaunches", "infinite", "-m", "2", "--sleep", "1")
    return [cluster.start_beamheat_qlaunch(*options) for cluster in clusters]


@pytest.fixture
def calm(launchpad_file: Path, store: Store, tmp_path: Path) -> Iterator[LabellingBench]:
    """A bench far from the site, on the database of all other tests, which no storm reaches."""
    with labelling_bench_on(launchpad_file, store, tmp_path) as labelling:
        yield labelling


def submit(launchpad: SurvivingLaunchPad, campaign_file: Path) -> None:
    campaign = load_campaign(campaign_file)
    submit_campaign(launchpad, campaign, spectrum_path(campaign_file, campaign.eels))


def work_in_a_storm(desk: Desk, campaign_file: Path, storm: Storm) -> list[list[int]]:
    """Let both clusters work through a storm, and then to the end; return the chains of fireworks."""
    chains = [add_chain(desk)]
    launchers = start(desk.clusters)
    desk.wait_for(chains[0][1], "RUNNING")  # both clusters are at work
    submit(desk.launchpad, campaign_file)
    began = time.monotonic()
    # On a busy machine what is struck may take so long that it has not struck in every way by then.
    while (raged_s := time.monotonic() - began) < STORM_S or not storm.has_struck_in_every_way:
        assert raged_s < _PATIENCE_S, storm.befell
        chains.append(add_chain(desk))
        storm.rage(10.0, lambda: False)
    print(f"{len(chains)} chains, {dict(storm.befell)} in {time.monotonic() - began:.0f} s")
    for fw_id in (fw_id for chain in chains for fw_id in chain):
        desk.wait_for(fw_id, "COMPLETED", _PATIENCE_S)
    try:
        desk.wait(lambda: is_labelled(desk), "the labels", _PATIENCE_S)
    except AssertionError:
        left = desk.launchpad.fireworks.find({"state": {"$nin": ["COMPLETED", "WAITING"]}})
        print([(firework["name"], firework["state"]) for firework in left], desk.logs())
        raise
    launches = desk.launchpad.launches.count_documents({})
    print(f"over after {time.monotonic() - began:.0f} s, {launches} launches")
    assert [launcher.poll() for launcher in launchers] == [None, None], "the queue launchers should go on"
    return chains


def test_labels_and_chains_in_a_storm_come_to_what_they_come_to_in_the_calm(
    site_without_training: Site, campaign_file: Path, calm: LabellingBench
) -> None:
    submit(calm.bench.launchpad, campaign_file)
    undisturbed = calm.rlaunch("rapidfire")
    with site_without_training.desk("storm") as desk:
        storm = Storm(desk.site, seed_of_the_storm(), (0.5, 2.0), (1.0, 3.0))
        chains = work_in_a_storm(desk, campaign_file, storm)
        for first, second in chains:
            for fw_id in (first, second):
                assert [launch["state"] for launch in desk.launches(fw_id)].count("COMPLETED") == 1
            assert desk.firework(second)["spec"]["from_parent"] == "kept"
        found = outcome(desk.store.db, _BY_NOW)
    assert undisturbed.wait(_PATIENCE_S) == 0, calm.bench.log()
    expected = outcome(calm.store.db, _BY_NOW)
    assert len(expected["datasets"]) == 1
    for name in (*_BY_NOW, "steps"):
        assert list(differences(expected[name], found[name])) == []
