"""A whole campaign over two clusters that share nothing but the database: calm, then in a storm, and equal.

For ``make storm``: the calm run takes minutes. The storm lasts until the campaign is over, heating included,
and for BEAMHEAT_STORM_S at least (half an hour there): if there is time left, the campaign begins again in a
fresh database.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from campaign_outcome import differences, outcome
from cluster_site import Desk, Site
from storm import Storm, seed_of_the_storm

from beamheat_fw.launch.outage import survive

pytestmark = [pytest.mark.mongod, pytest.mark.nequip, pytest.mark.mpi, pytest.mark.slow]

CAMPAIGN = Path(__file__).with_name("converging_campaign.yaml")
STORM_S = float(os.environ.get("BEAMHEAT_STORM_S", "120"))
_PATIENCE_S = 5400.0


def run(desk: Desk, disturb: Callable[[], None] = lambda: None) -> str:
    """Take the campaign from one cluster's submission to its end; return in words how long it took."""
    began = time.monotonic()
    genoa = desk.clusters[0]
    genoa.login.run("beamheat", "submit", "-l", f"{genoa.folder}/my_launchpad.yaml", str(CAMPAIGN))
    launchers = []
    for cluster in desk.clusters:
        cluster.write_adapters(ntasks=2)
        options = ("rapidfire", "--nlaunches", "infinite", "-m", "2", "--sleep", "1")
        launchers.append(cluster.start_beamheat_qlaunch(*options))
    for cluster in desk.clusters:  # a launcher that finds no database when it starts says so and ends
        desk.wait(lambda cluster=cluster: "submitting for" in cluster.log.read_text(), "the queue launchers")
    disturb()
    wait_for_end(desk)
    took_s = time.monotonic() - began
    end(desk, launchers)
    launches = desk.launchpad.launches.count_documents({})
    fireworks = desk.launchpad.fireworks.count_documents({})
    return f"over after {took_s:.0f} s, {launches} launches of {fireworks} fireworks"


def is_over(desk: Desk) -> bool:
    """Tell whether the prediction is there and every workflow complete; fail when a firework has failed."""
    fizzled = desk.launchpad.fireworks.find_one({"state": "FIZZLED"})
    if fizzled:
        launch = desk.launches(fizzled["fw_id"])[-1]
        pytest.fail(f"{fizzled['name']}: {launch['action']}\n{desk.logs()}")
    open_ones = desk.launchpad.workflows.count_documents({"state": {"$ne": "COMPLETED"}})
    return desk.store.db["predictions"].count_documents({}) > 0 and not open_ones


def wait_for_end(desk: Desk) -> None:
    """Wait for the campaign's end."""
    give_up_at = time.monotonic() + _PATIENCE_S
    while not survive(lambda: is_over(desk), "looking at the campaign"):
        if time.monotonic() > give_up_at:
            states = [
                (f["name"], f["state"]) for f in desk.launchpad.fireworks.find() if f["state"] != "COMPLETED"
            ]
            pytest.fail(f"not over after {_PATIENCE_S} s: {states}\n{desk.logs()}")
        time.sleep(0.5)


def end(desk: Desk, launchers: list[subprocess.Popen[Any]]) -> None:
    """End the queue launchers, which should all be at work."""
    assert [launcher.poll() for launcher in launchers] == [None, None], "the queue launchers should go on"
    for cluster, launcher in zip(desk.clusters, launchers, strict=True):
        cluster.login.call("sh", "-c", "kill $(ps -eo pid=,args= | awk '/beamheat qlaunch/ {print $1}')")
        launcher.wait(30)


@pytest.fixture(scope="module")
def calm_desk(site: Site) -> Iterator[Desk]:
    """A desk at which the campaign has run undisturbed."""
    with site.desk("calm") as desk:
        print(f"calm: {run(desk)}", flush=True)
        for cluster in desk.clusters:
            cluster.clear()  # the next run of this campaign would find its results in the job folders
        yield desk


def test_campaign_converges_over_two_clusters_and_comes_to_a_temperature(calm_desk: Desk) -> None:
    found = outcome(calm_desk.store.db)
    assert {label["state"] for label in found["labels"].values()} == {"completed"}
    asked_for = [label for one in found["rounds"].values() for label in one["label_ids"]]
    assert sorted(found["labels"]) == sorted(asked_for)
    rounds = len(found["rounds"])
    counts = {name: len(found[name]) for name in ("committees", "potentials", "datasets")}
    assert counts == {"committees": rounds, "potentials": 2 * rounds, "datasets": rounds}
    assert last_verdict(calm_desk) == "converged"
    assert len(found["predictions"]) == len(found["conductances"]) == len(found["spectra"]) == 1
    assert len(found["steps"]) == len(set(found["steps"]))
    hosts: dict[str, set[str]] = {}
    for launch in calm_desk.launchpad.launches.find({"state": "COMPLETED"}):
        category = calm_desk.firework(launch["fw_id"])["spec"]["_category"]
        hosts.setdefault(category, set()).add(launch["host"].rstrip("12"))
    assert hosts == {"dft": {"genoa"}, "light": {"genoa"}, "train": {"hopper"}, "md": {"hopper"}}


def last_verdict(desk: Desk) -> str:
    """Return what the last round says of the campaign."""
    return desk.store.db["rounds"].find_one(sort=[("round", -1)])["verdict"]


def begin_of_heating(desk: Desk) -> datetime:
    """Return when the molecular dynamics of the hot particle was launched first."""
    named = {"name": {"$regex": "HeatParticle"}}
    heating = [firework["fw_id"] for firework in desk.launchpad.fireworks.find(named)]
    launches = desk.launchpad.launches.find({"fw_id": {"$in": heating}})
    return min(datetime.fromisoformat(launch["time_start"]) for launch in launches)


def test_campaigns_in_a_storm_converge_to_what_the_calm_one_came_to(site: Site, calm_desk: Desk) -> None:
    calm = outcome(calm_desk.store.db)
    storm, number = Storm(site, seed_of_the_storm(), (3.0, 8.0), (1.0, 5.0)), 0
    began = time.monotonic()
    while time.monotonic() - began < STORM_S:
        number, before = number + 1, storm.befell.copy()
        with site.desk("storm") as desk:
            over = partial(survive, partial(is_over, desk), "looking at the campaign")
            summary = run(desk, partial(storm.rage, _PATIENCE_S, over))
            in_heating = sum(moment > begin_of_heating(desk) for moment in storm.struck_at)
            befell = f"{dict(storm.befell - before)}, {in_heating} strikes since the heating began"
            print(f"campaign {number}: {last_verdict(desk)}, {summary}, {befell}", flush=True)
            assert last_verdict(desk) == "converged"
            assert in_heating > 0
            assert list(differences(calm, outcome(desk.store.db))) == []
    print(f"{number} campaigns in {time.monotonic() - began:.0f} s of storm, {dict(storm.befell)}")
