"""Nodes without a route to the database: staged, run by a folder alone, brought in; nothing lost or twice."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster_site import Cluster, Desk, Site
from outpost import Outpost

pytestmark = [pytest.mark.mongod, pytest.mark.slow]


@pytest.fixture(scope="module")
def cluster(site: Site) -> Iterator[Cluster]:
    """A cluster of which the login machine alone reaches the database."""
    vega = Cluster("vega", 3, site.folder / "vega", ["dft", "train", "md"])
    vega.folder.mkdir()
    try:
        vega.start(site.switch, [site.mongod.folder], nodes_routed=False)
        yield vega
    finally:
        vega.stop()


@pytest.fixture
def outpost(desk: Desk, cluster: Cluster) -> Iterator[Outpost]:
    """The cluster, set up for a fresh database."""
    outpost = Outpost(desk, cluster)
    outpost.set_up()
    yield outpost
    outpost.clear()


def labels(outpost: Outpost) -> dict[str, int]:
    """Return how many labels are in each state."""
    counts = outpost.desk.store.db["labels"].aggregate([{"$group": {"_id": "$state", "n": {"$sum": 1}}}])
    return {found["_id"]: found["n"] for found in counts}


def test_labels_are_calculated_where_no_database_is(outpost: Outpost, tmp_path: Path) -> None:
    desk, vega = outpost.desk, outpost.cluster
    refused = vega.nodes[0].call("beamheat", "status", "-l", f"{vega.folder}/my_launchpad.yaml")
    assert (refused.returncode, "does not answer" in refused.stderr) == (2, True)
    disk, secret = tmp_path / "disk", f"hush-{secrets.token_hex(8)}"
    disk.mkdir()
    lines = f"export NODE_DISK={disk} SECRET={secret}"
    outpost.set_up(local_scratch="$NODE_DISK", pre_rocket=lines)
    chunks = outpost.submit_labels(tmp_path)
    launcher = outpost.qlaunch("-m", "2", "--nlaunches", "infinite")
    for fw_id in chunks:
        desk.wait_for(fw_id, "COMPLETED")
    launcher.terminate()
    launcher.wait(30)
    assert labels(outpost) == {"completed": 24}
    launches = [launch for fw_id in chunks for launch in desk.launches(fw_id)]
    assert [launch["state"] for launch in launches] == ["COMPLETED"] * len(chunks)
    nodes = {node.name for node in vega.nodes}
    assert {launch["host"] for launch in launches} <= nodes
    assert all(0 < launch["runtime_secs"] < 60 for launch in launches)
    assert {label["made_by"]["host"] for label in desk.store.db["labels"].find()} <= nodes
    assert sum(len(outpost.results(fw_id)) for fw_id in chunks) == 24
    assert list(disk.iterdir()) == []
    # Nothing that lies about the work holds the password, nor does the database hold the site's lines.
    files = [path for folder in (vega.launches, vega.scratch) for path in folder.rglob("*") if path.is_file()]
    assert {"FW.json", "beamheat_ended.json"} <= {path.name for path in files}
    password = desk.site.mongod.password.encode()
    assert [path for path in files if password in path.read_bytes()] == []
    assert any(secret.encode() in path.read_bytes() for path in files if path.suffix == ".script")
    assert not [launch for launch in launches if secret in str(launch)]
    assert vega.doctor()["left"] == []
