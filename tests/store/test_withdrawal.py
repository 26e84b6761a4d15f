"""What falls when labels are wrong, what does not, and who made what stands behind a temperature."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from beamheat_fw.cli.main import run
from beamheat_fw.store import labels
from beamheat_fw.store.database import Store, make
from beamheat_fw.store.datasets import create_dataset
from beamheat_fw.store.documents import LabelRequest, LabelResult, MadeBy, Potential, Round
from beamheat_fw.store.documents.records import Reference
from beamheat_fw.store.makers import makers
from beamheat_fw.store.provenance import Maker, Source, record_sources, save_with_sources, trail
from beamheat_fw.store.withdrawal import withdrawal

OTHER = Maker(fw_id=8, launch_id=9, versions={"nequip": "0.20.0"}, host="node2")


def _ids(found: dict[str, list[dict[str, Any]]]) -> dict[str, set[str]]:
    return {name: {each["_id"] for each in documents} for name, documents in found.items()}


@pytest.fixture
def chosen(store: Store, finished: Any) -> dict[str, str]:
    """A later training set of one sound label that the finished committee chose, and its potential."""
    committee = store.db.committees.find_one()["_id"]
    later = make(Round, campaign_id=finished.campaign_id, round=1, label_ids=[finished.label_ids[4]])
    save_with_sources(store, later, [Source("committees", committee, "gate")], OTHER)
    dataset = create_dataset(store, {"train": [finished.label_ids[4]]})
    potential = make(
        Potential, campaign_id="d", round=1, member=0, dataset_id=dataset, model_seed=1, data_seed=2
    )
    save_with_sources(store, potential, [Source("datasets", dataset, "training-set")], OTHER)
    record_sources(
        store,
        Reference(collection="datasets", id=dataset),
        [Source("rounds", later.id, "selection")],
        OTHER,
    )
    return {"dataset": dataset, "potential": potential.id, "round": later.id}


def test_wrong_label_takes_every_potential_and_temperature_that_used_it(
    store: Store, finished: Any, chosen: dict[str, str]
) -> None:
    found = withdrawal(store, [finished.label_ids[0]])
    wrong = _ids(found["withdraw"])
    assert next(iter(found["withdraw"])) == "predictions"
    assert wrong["predictions"] == {finished.prediction_id}
    assert wrong["potentials"] == {each["_id"] for each in store.db.potentials.find({"round": 0})}
    assert chosen["round"] in wrong["rounds"]
    assert "spectra" not in wrong
    assert "labels" not in wrong
    assert found["withdraw"]["predictions"][0]["delta_T_K"] == 1.0
    assert all(each["artifact_sha256"] for each in found["withdraw"]["potentials"])
    assert found["counts"]["withdraw"] == {name: len(ids) for name, ids in wrong.items()}


def test_sound_label_that_a_wrong_model_chose_is_looked_at_again_and_not_withdrawn(
    store: Store, finished: Any, chosen: dict[str, str]
) -> None:
    again = _ids(withdrawal(store, [finished.label_ids[0]])["look_again"])
    assert again == {"datasets": {chosen["dataset"]}, "potentials": {chosen["potential"]}}
    both = withdrawal(store, [finished.label_ids[0], finished.label_ids[4]])
    assert both["look_again"] == {}
    assert chosen["potential"] in _ids(both["withdraw"])["potentials"]


def test_wrong_spectrum_takes_its_temperature_and_nothing_else(store: Store, finished: Any) -> None:
    found = withdrawal(store, [finished.spectrum_id])
    assert _ids(found["withdraw"]) == {"predictions": {finished.prediction_id}}


def test_label_that_nothing_used_takes_nothing(store: Store, finished: Any) -> None:
    found = withdrawal(store, [finished.label_ids[5]])
    assert found["withdraw"] == found["look_again"] == {}


def test_launches_hosts_and_versions_behind_a_temperature(store: Store, finished: Any) -> None:
    first, second = finished.label_ids[:2]
    by = MadeBy(launch_id=21, host="node7", versions={"gpaw": "25.1.0"}).model_dump()
    store.db.labels.update_many({"_id": {"$in": [first, second]}}, {"$set": {"made_by": by, "fw_id": 20}})
    here = {"collection": "predictions", "id": finished.prediction_id}
    found = makers(store, here, trail(store, finished.prediction_id))
    assert [(each["launch_id"], each["fw_id"], each["host"]) for each in found["launches"]] == [
        (1, 1, "node1"),
        (21, 20, "node7"),
    ]
    made = {"predictions": 1, "conductances": 1, "md_runs": 1, "committees": 1, "potentials": 2}
    assert found["launches"][0]["made"] == made
    assert found["launches"][1]["made"] == {"labels": 2}
    assert found["hosts"] == ["node1", "node7"]
    assert found["versions"] == {"gpaw": ["25.1.0", "26.7.0"]}
    assert found["not_recorded"] == 3


def test_completed_label_itself_says_who_made_it(store: Store) -> None:
    from ase import Atoms

    atoms = Atoms("Au2", positions=[[4, 4, 4], [4, 4, 6.5]], cell=[9] * 3)
    level = labels.Level("emt", {"calculator": "emt"})
    (identifier,) = labels.plan_labels(store, [atoms], [LabelRequest(campaign_id="c")], level).label_ids
    by = MadeBy(launch_id=5, host="node3", versions={"ase": "3.26.0"})
    labels.complete(store, identifier, LabelResult(energy_eV=1.0, forces_eV_A=[[0.1, 0, 0]] * 2, made_by=by))
    found = makers(store, {"collection": "labels", "id": identifier}, trail(store, identifier))
    assert [each["launch_id"] for each in found["launches"]] == [5]
    assert (found["hosts"], found["versions"]) == (["node3"], {"ase": ["3.26.0"]})


def test_command_lists_both_for_people_and_as_json(
    store: Store,
    finished: Any,
    chosen: dict[str, str],
    launchpad_file: Path,
    capsys: pytest.CaptureFixture,
) -> None:
    pad = ["-l", str(launchpad_file)]
    wrong = list(finished.label_ids[:2])
    assert run(["provenance", *wrong, "--withdraw", "--json", *pad]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [each["id"] for each in listed["documents"]] == wrong
    assert listed["counts"]["withdraw"]["predictions"] == 1
    assert run(["provenance", wrong[0], "--withdraw", *pad]) == 0
    printed = capsys.readouterr().out
    assert (
        "to withdraw, as values in them follow from what is wrong: 1 predictions, 1 conductances" in printed
    )
    assert f"predictions {finished.prediction_id[:12]}  " in printed
    assert "to look at again" in printed
    assert run(["provenance", finished.prediction_id, *pad]) == 0
    printed = capsys.readouterr().out
    assert "launch 1, firework 1, node1: 1 predictions" in printed
    assert "gpaw 26.7.0" in printed


@pytest.mark.parametrize(("ids", "said"), [(["0", "1"], "--withdraw"), (["nobody", "--withdraw"], "nobody")])
def test_several_trails_or_an_unknown_id_are_bad_input(
    store: Store, launchpad_file: Path, capsys: pytest.CaptureFixture, ids: list[str], said: str
) -> None:
    assert run(["provenance", *ids, "-l", str(launchpad_file)]) == 2
    printed = capsys.readouterr()
    assert said in printed.err
    assert printed.out == ""
