"""Small work on two clusters in a storm: every firework is completed, and each result is taken once."""

from __future__ import annotations

import os
import random
import time

import pytest
from bench_tasks import Sleep
from cluster_site import Desk
from fireworks import Firework
from storm import Storm

pytestmark = [pytest.mark.mongod, pytest.mark.slow]

STORM_S = float(os.environ.get("BEAMHEAT_STORM_S", "30"))
_PATIENCE_S = 240.0


def add_chain(desk: Desk) -> list[int]:
    """Add work for one cluster that the other one's follows."""
    parent = Firework(Sleep(seconds=3, polls=True), spec={"_category": "dft"})
    child = Firework(Sleep(seconds=3, polls=True), spec={"_category": "md"}, parents=[parent])
    return desk.add(parent, child)


def test_work_in_a_storm_is_completed_once(desk: Desk) -> None:
    seed = int(os.environ.get("BEAMHEAT_STORM_SEED") or random.SystemRandom().randrange(10**6))
    print(f"BEAMHEAT_STORM_SEED={seed}")
    storm, chains = Storm(desk.site, seed), [add_chain(desk)]
    options = ("rapidfire", "--nlaunches", "infinite", "-m", "2", "--sleep", "1")
    launchers = [cluster.start_beamheat_qlaunch(*options) for cluster in desk.clusters]
    desk.wait_for(chains[0][1], "RUNNING")  # both clusters are at work
    began = time.monotonic()
    while time.monotonic() - began < STORM_S:
        chains.append(add_chain(desk))
        storm.rage(15.0, lambda: False)
    print(f"{len(chains)} chains, {dict(storm.befell)} in {time.monotonic() - began:.0f} s")
    ids = [fw_id for chain in chains for fw_id in chain]
    for fw_id in ids:
        desk.wait_for(fw_id, "COMPLETED", _PATIENCE_S)
    print(f"over after {time.monotonic() - began:.0f} s, {sum(len(desk.launches(i)) for i in ids)} launches")
    assert [launcher.poll() for launcher in launchers] == [None, None], "the queue launchers should go on"
    for fw_id in ids:
        assert [launch["state"] for launch in desk.launches(fw_id)].count("COMPLETED") == 1
    assert all(desk.firework(child)["spec"]["from_parent"] == "kept" for _, child in chains)
