"""One campaign over two clusters that share nothing but the database."""

from __future__ import annotations

import subprocess
import time
from typing import Any

import pytest
from cluster_site import REPOSITORY, Desk

pytestmark = [pytest.mark.mongod, pytest.mark.nequip, pytest.mark.mpi, pytest.mark.slow]

CAMPAIGN = REPOSITORY / "workflows" / "emt_au_cu.yaml"
_PATIENCE_S = 900.0


def start(desk: Desk) -> list[subprocess.Popen[Any]]:
    """Submit the campaign on one cluster, and start the queue launcher of each."""
    genoa = desk.clusters[0]
    genoa.login.run("beamheat", "submit", "-l", f"{genoa.folder}/my_launchpad.yaml", str(CAMPAIGN))
    for cluster in desk.clusters:
        cluster.write_adapters(ntasks=2)
    options = ("rapidfire", "--nlaunches", "infinite", "-m", "2", "--sleep", "1")
    return [cluster.start_beamheat_qlaunch(*options) for cluster in desk.clusters]


def is_over(desk: Desk) -> bool:
    """Tell whether the prediction is there and every workflow complete."""
    database = desk.store.db
    open_ones = database["workflows"].count_documents({"state": {"$ne": "COMPLETED"}})
    return database["predictions"].count_documents({}) > 0 and not open_ones


def wait_for_end(desk: Desk) -> None:
    """Wait for the campaign's end."""
    give_up_at = time.monotonic() + _PATIENCE_S
    while not is_over(desk):
        if time.monotonic() > give_up_at:
            states = [
                (f["name"], f["state"]) for f in desk.launchpad.fireworks.find() if f["state"] != "COMPLETED"
            ]
            pytest.fail(f"not over after {_PATIENCE_S} s: {states}\n{desk.logs()}")
        time.sleep(0.5)


def end(desk: Desk, launchers: list[subprocess.Popen[Any]]) -> None:
    """End the queue launchers."""
    for cluster, launcher in zip(desk.clusters, launchers, strict=True):
        cluster.login.call("sh", "-c", "kill $(ps -eo pid=,args= | awk '/beamheat qlaunch/ {print $1}')")
        launcher.wait(30)


def outcome(desk: Desk) -> dict[str, Any]:
    """Return what a campaign came to, without ids and times that differ from run to run."""
    database = desk.store.db
    first = database["rounds"].find_one({"round": 0})["label_ids"]
    labels = {label["_id"]: label for label in database["labels"].find()}
    asked_for = [label for found in database["rounds"].find() for label in found["label_ids"]]
    names = (
        "labels",
        "rounds",
        "datasets",
        "committees",
        "potentials",
        "spectra",
        "conductances",
        "predictions",
    )
    return {
        "first labels": {key: (labels[key]["energy_eV"], labels[key]["forces_eV_A"]) for key in first},
        "label states": sorted({label["state"] for label in labels.values()}),
        "labels are those asked for, once each": sorted(labels) == sorted(asked_for),
        "spectrum": [spectrum["_id"] for spectrum in database["spectra"].find()],
        "steps": sorted(found["metadata"]["step_key"] for found in database["workflows"].find()),
        "runs": database["md_runs"].count_documents({}),
        "counts": {name: database[name].count_documents({}) for name in names},
        "fireworks": sorted(found["name"] for found in database["fireworks"].find()),
    }


def test_campaign_runs_over_two_clusters_to_a_temperature(desk: Desk) -> None:
    launchers = start(desk)
    wait_for_end(desk)
    end(desk, launchers)
    found = outcome(desk)
    assert found["label states"] == ["completed"]
    assert found["labels are those asked for, once each"]
    assert found["counts"]["predictions"] == found["counts"]["conductances"] == 1
    assert found["counts"]["committees"] == found["counts"]["rounds"] == 3
    assert len(found["steps"]) == len(set(found["steps"]))
    hosts: dict[str, set[str]] = {}
    for launch in desk.launchpad.launches.find({"state": "COMPLETED"}):
        category = desk.firework(launch["fw_id"])["spec"]["_category"]
        hosts.setdefault(category, set()).add(launch["host"].rstrip("12"))
    assert hosts == {"dft": {"genoa"}, "light": {"genoa"}, "train": {"hopper"}, "md": {"hopper"}}
