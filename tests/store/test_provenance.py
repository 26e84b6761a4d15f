"""The trail from a temperature to every label, and from a label to every temperature."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from pymongo import MongoClient
from pymongo.monitoring import CommandListener, CommandStartedEvent

from beamheat_fw.errors import InputError
from beamheat_fw.store import labels
from beamheat_fw.store.database import Store, make
from beamheat_fw.store.datasets import create_dataset
from beamheat_fw.store.documents import (
    Committee,
    Dataset,
    Edge,
    LabelRequest,
    LabelResult,
    Potential,
)
from beamheat_fw.store.documents.records import Reference
from beamheat_fw.store.provenance import Maker, Source, locate, record_sources, save_with_sources, trail
from beamheat_fw.store.server.embedded import EmbeddedServer


class _Finds(CommandListener):
    """Counts the queries."""

    count = 0

    def started(self, event: CommandStartedEvent) -> None:
        self.count += event.command_name == "find"

    def succeeded(self, event: object) -> None:
        """Not needed."""

    def failed(self, event: object) -> None:
        """Not needed."""


MAKER = Maker(fw_id=3, launch_id=4, versions={"nequip": "0.19.1"}, host="node1")


def _completed(store: Store, count: int, settings: str = "emt") -> list[str]:
    made = [
        Atoms("Au2", positions=[[4, 4, 4], [4, 4, 6.2 + 0.05 * step]], cell=[9] * 3) for step in range(count)
    ]
    level = labels.Level("emt", {"calculator": settings})
    ids = labels.plan_labels(store, made, [LabelRequest(campaign_id="c")] * count, level).label_ids
    for identifier in ids:
        labels.complete(store, identifier, LabelResult(energy_eV=1.0, forces_eV_A=np.zeros((2, 3))))
    return list(ids)


def _committee(store: Store, dataset_id: str) -> str:
    potential = make(
        Potential, campaign_id="c", round=0, member=0, dataset_id=dataset_id, model_seed=1, data_seed=2
    )
    save_with_sources(store, potential, [Source("datasets", dataset_id, "training-set")], MAKER)
    committee = make(Committee, campaign_id="c", round=0, potential_ids=[potential.id], dataset_id=dataset_id)
    return save_with_sources(store, committee, [Source("potentials", potential.id, "member")], MAKER)


def test_trail_reaches_every_label_and_back(store: Store) -> None:
    ids = _completed(store, 5)
    dataset_id = create_dataset(store, {"train": ids[:4], "holdout": ids[4:]})
    committee_id = _committee(store, dataset_id)
    back = trail(store, committee_id)
    assert {node["id"] for node in back["nodes"] if node["collection"] == "labels"} == set(ids)
    assert [node["collection"] for node in back["nodes"][:2]] == ["potentials", "datasets"]
    assert not back["truncated"]
    ahead = trail(store, ids[0], "ahead")
    assert [node["collection"] for node in ahead["nodes"]] == ["datasets", "potentials", "committees"]
    edge = next(edge for edge in back["edges"] if edge["role"] == "training-set")
    assert (edge["launch_id"], edge["host"], edge["versions"]) == (4, "node1", {"nequip": "0.19.1"})
    assert {edge["role"] for edge in back["edges"]} == {"member", "training-set", "train", "holdout"}


def test_repeated_writing_leaves_one_edge(store: Store) -> None:
    dataset_id = create_dataset(store, {"train": _completed(store, 1)})
    for _ in range(3):
        _committee(store, dataset_id)
    assert store.collection(Edge).count_documents({}) == 2


def test_edge_is_there_before_the_document_it_explains(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset_id = create_dataset(store, {"train": _completed(store, 1)})
    written = []
    save = Store.save
    monkeypatch.setattr(
        Store, "save", lambda *args, **kw: written.append(args[1].collection) or save(*args, **kw)
    )
    _committee(store, dataset_id)
    assert written == ["provenance", "potentials", "provenance", "committees"]


def test_closure_of_ten_thousand_documents_takes_a_few_queries(store: Store, mongod: EmbeddedServer) -> None:
    edges = [
        make(
            Edge,
            source=Reference(collection="md_runs", id=f"n{number}"),
            to=Reference(collection="md_runs", id=f"n{(number - 1) // 10}"),
            role="part",
        )
        for number in range(1, 10_000)
    ]
    store.collection(Edge).insert_many([edge.to_mongo() for edge in edges])
    asked = _Finds()
    with MongoClient(mongod.uri, event_listeners=[asked]) as client:
        found = trail(Store(client[store.db.name]), "n0")
    assert len(found["nodes"]) == 9_999
    assert max(node["depth"] for node in found["nodes"]) == 4
    # Two collections for each of the four generations and the empty fifth; the last two are large.
    assert asked.count <= 2 * (5 + 2)
    assert trail(store, "n0", max_nodes=100)["truncated"]
    assert [node["id"] for node in trail(store, "n9999", "ahead")["nodes"]] == ["n999", "n99", "n9", "n0"]


def test_circle_of_edges_ends(store: Store) -> None:
    a, b = Reference(collection="md_runs", id="a"), Reference(collection="md_runs", id="b")
    record_sources(store, a, [Source("md_runs", "b", "x")], MAKER)
    record_sources(store, b, [Source("md_runs", "a", "x")], MAKER)
    assert [node["id"] for node in trail(store, "a")["nodes"]] == ["b"]


def test_document_is_found_by_the_beginning_of_its_id(store: Store) -> None:
    ids = _completed(store, 2)
    assert [(found.collection, found.id) for found in locate(store, ids[0][:20])] == [("labels", ids[0])]
    assert locate(store, "nobody.*") == []


def test_dataset_is_its_content(store: Store) -> None:
    ids = _completed(store, 3)
    first = create_dataset(store, {"train": ids[:2], "holdout": ids[2:]})
    assert create_dataset(store, {"holdout": ids[2:], "train": ids[1::-1]}) == first
    assert create_dataset(store, {"train": ids}) != first
    found = store.load(Dataset, first)
    assert (found.nlabels, found.elements, found.level) == (3, ("Au",), "emt")
    assert found.label_ids == tuple(sorted(ids))


def test_dataset_of_two_settings_is_refused_with_both_hashes(store: Store) -> None:
    ids = _completed(store, 1, "emt") + _completed(store, 1, "other")
    hashes = sorted({label.settings_hash for label in labels.load_labels(store, ids)})
    with pytest.raises(InputError) as refusal:
        create_dataset(store, {"train": ids})
    assert all(settings in refusal.value.message() for settings in hashes)
    assert store.collection(Dataset).count_documents({}) == 0


@pytest.mark.parametrize("fault", ["planned", "missing", "shared", "empty"])
def test_dataset_refuses_what_cannot_be_trained_on(store: Store, fault: str) -> None:
    ids = _completed(store, 2)
    splits = {
        "missing": {"train": [*ids, "nobody"]},
        "shared": {"train": ids, "holdout": ids[:1]},
        "empty": {"train": []},
        "planned": {"train": ids},
    }
    if fault == "planned":
        store.db.labels.update_one({"_id": ids[0]}, {"$set": {"state": "running"}})
    with pytest.raises(InputError):
        create_dataset(store, splits[fault])
    assert store.collection(Dataset).count_documents({}) == 0
