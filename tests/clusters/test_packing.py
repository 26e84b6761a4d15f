"""Small work side by side in one job of the queue."""

from __future__ import annotations

import pytest
import yaml
from bench_tasks import Sleep
from cluster_site import Desk
from fireworks import Firework

pytestmark = [pytest.mark.mongod, pytest.mark.slow]


def pack(desk: Desk) -> None:
    """Give the cluster an adapter whose jobs run two fireworks at a time."""
    genoa = desk.clusters[0]
    adapter = yaml.safe_load((genoa.folder / "my_qadapter.yaml").read_text())
    launch = adapter["rocket_launch"].replace("rapidfire", "multi 2")
    genoa.write_adapters(rocket_launch=launch, ntasks=4)
    worker = yaml.safe_load((genoa.folder / "my_fworker.yaml").read_text())
    worker["env"]["cores"] = 4
    genoa.write("my_fworker.yaml", worker)


def test_one_job_runs_fireworks_side_by_side_and_hands_both_over(desk: Desk) -> None:
    genoa = desk.clusters[0]
    pack(desk)
    task = Sleep(polls=True, until=str(desk.file(genoa, "never")))
    ids = [desk.add(Firework(task, spec={"_category": "dft"}))[0] for _ in range(2)]
    genoa.qlaunch("singleshot")
    for fw_id in ids:
        desk.wait_for(fw_id, "RUNNING")
    (job,) = genoa.queue()
    rockets = [desk.launches(fw_id)[0]["fworker"]["env"] for fw_id in ids]
    assert {env["rocket"]["job"] for env in rockets} == {job}
    assert len({env["rocket"]["pid"] for env in rockets}) == 2
    assert {env["cores"] for env in rockets} == {2}
    genoa.login.run("scancel", "--signal=USR1", "--batch", job)
    for fw_id in ids:
        desk.wait_for(fw_id, "READY")
        desk.wait(lambda fw_id=fw_id: desk.launches(fw_id)[0]["state"] == "ARCHIVED", "an archived launch")
        (launch,) = desk.launches(fw_id)
        assert "SIGUSR1" in launch["state_history"][-1]["reason"]
    desk.wait(lambda: not genoa.queue(), "the end of the job")
    assert genoa.doctor()["left"] == []
