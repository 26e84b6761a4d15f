"""What labels cost is learned from the store, and decides which structures go into one firework."""

from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from bson import json_util

from beamheat_fw.campaign import load_campaign
from beamheat_fw.firetasks.label_cost import estimated_core_s, learned_cost
from beamheat_fw.firetasks.labels import level_of
from beamheat_fw.firetasks.progress import advance
from beamheat_fw.flows.label_cost import prior_cost
from beamheat_fw.launch.submission import prepare_launchpad
from beamheat_fw.store import labels
from beamheat_fw.store.campaigns import save_campaign
from beamheat_fw.store.database import Store
from beamheat_fw.store.documents import Label, LabelRequest, LabelResult
from beamheat_fw.store.rounds import upsert_round

pytestmark = pytest.mark.mongod

EMT = Path(__file__).parents[2] / "workflows" / "emt_au_cu.yaml"


@pytest.fixture
def campaign():
    """Ten minutes of one core for a firework of labels."""
    campaign = load_campaign(EMT)
    labelling = campaign.labelling.model_copy(update={"chunk_wall_s": 600.0, "ranks": 1})
    return campaign.model_copy(update={"labelling": labelling})


def gold(cells: int, seed: int = 0):
    atoms = bulk("Au", cubic=True) * (cells, 1, 1)
    atoms.rattle(0.05, seed=seed)
    return atoms


def plan(store: Store, campaign, structures):
    asked = LabelRequest(campaign_id=campaign.campaign_id, round=0, role="initial")
    return labels.plan_labels(store, structures, [asked] * len(structures), level_of(campaign)).label_ids


def complete(store: Store, label_id: str, **run_stats: float) -> None:
    atoms = len(labels.load_labels(store, [label_id])[0].structure["sites"])
    result = LabelResult(energy_eV=-1.0, forces_eV_A=np.zeros((atoms, 3)), run_stats=run_stats)
    labels.complete(store, label_id, result)


def test_labels_of_the_level_teach_what_the_next_ones_cost(store, campaign):
    """Ten labels of 44 electrons took 30 s on two ranks, whoever asked for them."""
    assert learned_cost(store, campaign) == prior_cost(campaign.labelling.reference)
    for label_id in plan(store, campaign, [gold(1, seed) for seed in range(10)]):
        complete(store, label_id, wall_s=30.0, ranks=2)
    imported, *left = plan(store, campaign, [gold(2), gold(1, 99)])
    complete(store, imported)
    costs = estimated_core_s(store, campaign, [imported, *left])
    assert costs[0] == 0.0
    assert costs[1] == pytest.approx(60.0, rel=0.1)


def test_a_round_is_shared_out_by_what_was_learned_the_heaviest_first(store, campaign, launchpad):
    prepare_launchpad(launchpad)
    for label_id in plan(store, campaign, [gold(1, seed) for seed in range(10)]):
        complete(store, label_id, wall_s=100.0, ranks=1)
    save_campaign(store, campaign)
    ids = plan(store, campaign, [gold(1, 20 + number) for number in range(4)] + [gold(4)])
    upsert_round(store, campaign.campaign_id, 0, label_ids=ids)
    assert advance(store, launchpad, campaign.campaign_id)
    chunks = [
        firework["spec"]["_tasks"][0]["label_ids"]
        for firework in launchpad.fireworks.find({"name": {"$regex": "LabelStructures"}}).sort("name")
    ]
    # About 400 s for the large one, 100 s for each of the others.
    assert chunks[0][0] == ids[4]
    assert sorted(map(len, chunks)) == [2, 3] or sorted(map(len, chunks)) == [1, 4]
    assert sorted(label for chunk in chunks for label in chunk) == sorted(ids)


def test_the_newest_labels_of_a_level_are_found_by_an_index_in_order(store, campaign):
    plan(store, campaign, [gold(1)])
    query = {"settings_hash": level_of(campaign).settings_hash, "state": "completed"}
    found = store.collection(Label).find(query | {"run_stats.wall_s": {"$gt": 0.0}}).sort("last_updated", -1)
    stages = json_util.dumps(found.limit(10).explain()["queryPlanner"]["winningPlan"])
    assert "IXSCAN" in stages
    assert '"SORT"' not in stages
