from __future__ import annotations

import pytest
from ase import Atoms
from bench_tasks import Sleep
from fireworks import Firework
from rocket_bench import Bench

from beamheat_fw.doctor.data import examine_labels
from beamheat_fw.doctor.steering import cancel, pause
from beamheat_fw.errors import InputError
from beamheat_fw.launch.fencing import FencedLaunchPad
from beamheat_fw.store.database import Store, make
from beamheat_fw.store.documents import CampaignRecord, Label, LabelRequest
from beamheat_fw.store.labels import Level, claim, plan_labels

pytestmark = pytest.mark.mongod

PAUSED, RESUMED = {"WAITING": "PAUSED", "READY": "PAUSED"}, {"PAUSED": "WAITING"}


@pytest.fixture
def record(store: Store) -> CampaignRecord:
    """Return a campaign in the store; its file is of no concern here."""
    made = make(CampaignRecord, id="c" * 64, name="gold", document={})
    store.create(made)
    return made


def _chain(bench: Bench, **task: object) -> list[int]:
    parent = Firework(Sleep(**task))
    return bench.add(parent, Firework(Sleep(), parents=[parent]), campaign_id="c" * 64)


def test_paused_campaign_starts_nothing(bench: Bench, store: Store, record: CampaignRecord) -> None:
    ids = _chain(bench)
    assert pause(bench.launchpad, store, record) == 2
    assert store.load(CampaignRecord, record.id).state == "paused"
    assert bench.rlaunch("rapidfire").wait(60) == 0
    assert [bench.state(fw_id) for fw_id in ids] == ["PAUSED", "PAUSED"]
    assert bench.launchpad.move(ids[0], RESUMED) == 2
    assert [bench.state(fw_id) for fw_id in ids] == ["READY", "WAITING"]
    assert bench.rlaunch("rapidfire").wait(60) == 0
    assert [bench.state(fw_id) for fw_id in ids] == ["COMPLETED", "COMPLETED"]


def test_child_of_a_parent_that_ends_during_the_pause_is_ready_afterwards(bench: Bench) -> None:
    mark, go = bench.folder / "mark", bench.folder / "go"
    first, second = _chain(bench, until=str(go), mark=str(mark))
    rocket = bench.rlaunch("singleshot")
    bench.wait_for_mark(mark)
    assert bench.launchpad.move(first, PAUSED) == 1
    go.touch()
    assert rocket.wait(60) == 0
    assert (bench.state(first), bench.state(second)) == ("COMPLETED", "PAUSED")
    bench.launchpad.move(first, RESUMED)
    assert bench.state(second) == "READY"


def test_cancelled_campaign_stops_what_runs(bench: Bench, store: Store, record: CampaignRecord) -> None:
    mark = bench.folder / "mark"
    first, second = _chain(bench, seconds=60, polls=True, mark=str(mark))
    rocket = bench.rlaunch("rapidfire")
    bench.wait_for_mark(mark)
    assert cancel(bench.launchpad, store, record) == 2
    assert rocket.wait(30) == 0
    assert (bench.state(first), bench.state(second)) == ("DEFUSED", "DEFUSED")
    cancelled = store.load(CampaignRecord, record.id)
    with pytest.raises(InputError, match="cancelled"):
        pause(bench.launchpad, store, cancelled)


def test_labels_of_a_firework_that_is_over_are_released(bench: Bench, store: Store) -> None:
    (fw_id,) = bench.add(Firework(Sleep()))
    request, level = LabelRequest(), Level("emt", {"calculator": "emt"})
    (label_id,) = plan_labels(store, [Atoms("Au", cell=[9] * 3)], [request], level).label_ids
    assert list(claim(store, [label_id], f"fw-{fw_id}"))
    assert list(examine_labels(bench.launchpad, store)) == []
    FencedLaunchPad.move(bench.launchpad, fw_id, {"READY": "DEFUSED"})
    (finding,) = examine_labels(bench.launchpad, store)
    assert finding.mend is not None
    assert finding.mend()
    assert store.collection(Label).find_one({"_id": label_id})["state"] == "planned"
