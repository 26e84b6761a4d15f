"""Documents are checked before they are written, and written once however often it is tried."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from pymongo.errors import WriteError

from beamheat_fw.errors import InputError, StoreError
from beamheat_fw.store.database import Store, make
from beamheat_fw.store.documents import MODELS, CampaignRecord, Conductance, MDRun, Round, Spectrum
from beamheat_fw.store.documents.heat import Checkpoint, Segment
from beamheat_fw.store.md_runs import add_checkpoint, add_segment, checkpoints_of
from beamheat_fw.store.rounds import load_round, rounds_of_campaign, upsert_round


def _conductance(**changed: object) -> Conductance:
    fields = {
        "campaign_id": "c",
        "result_key": "interface",
        "conductance_MW_m2K": 30.0,
        "conductance_low_MW_m2K": 20.0,
        "conductance_high_MW_m2K": None,
        "compatible_with_zero": False,
        "method": "relaxation",
        "area_definition": "hull",
        "area_nm2": np.float64(1.5),
    }
    return make(Conductance, **(fields | changed))


def test_document_written_twice_is_one_with_its_first_date(store: Store) -> None:
    identifier = store.save(_conductance())
    first = store.load(Conductance, identifier)
    store.save(_conductance(conductance_MW_m2K=31.0))
    second = store.load(Conductance, identifier)
    assert store.collection(Conductance).count_documents({}) == 1
    assert second.conductance_MW_m2K == 31.0
    assert second.created_at == first.created_at
    assert abs(datetime.now(UTC) - second.last_updated) < timedelta(seconds=30)
    assert second.conductance_high_MW_m2K is None


def test_create_leaves_an_existing_document_alone(store: Store) -> None:
    assert store.create(_conductance())
    assert not store.create(_conductance(conductance_MW_m2K=1.0))
    assert next(store.find(Conductance, {})).conductance_MW_m2K == 30.0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("conductance_MW_m2K", float("nan")),
        ("conductance_MW_m2K", "hot"),
        ("conductance", 3.0),
        ("area_nm2", 0.0),
    ],
)
def test_wrong_field_is_named_and_nothing_written(field: str, value: object) -> None:
    with pytest.raises(InputError, match=field):
        _conductance(**{field: value})


def test_update_checks_its_fields(store: Store) -> None:
    identifier = store.save(_conductance())
    store.update(Conductance, identifier, {"temperature_K": np.float64(350.0), "tags": ["gold"]})
    found = store.load(Conductance, identifier)
    assert (found.temperature_K, found.tags) == (350.0, ("gold",))
    for fields in (
        {"temperature": 1.0},
        {"temperature_K": float("inf")},
        {"result_key": "other"},
        {"id": "x"},
    ):
        with pytest.raises(InputError):
            store.update(Conductance, identifier, fields)
    assert store.load(Conductance, identifier) == found
    with pytest.raises(StoreError, match="no such document"):
        store.update(Conductance, "nobody", {"tags": []})


def test_document_of_another_release_is_not_misread(store: Store) -> None:
    identifier = store.save(_conductance())
    change = {"$set": {"schema_version": 99}}
    with pytest.raises(WriteError, match="failed validation"):
        store.db.conductances.update_one({"_id": identifier}, change)
    store.db.conductances.update_one({"_id": identifier}, change, bypass_document_validation=True)
    with pytest.raises(StoreError, match="another release"):
        store.load(Conductance, identifier)


def test_spectrum_is_the_same_when_file_and_settings_are(store: Store) -> None:
    values = dict(
        file_name="scan.hspy",
        file_sha256="ab",
        beam_energy_keV=80.0,
        t_over_lambda=0.3,
        t_over_lambda_error=0.01,
        mean_loss_eV=25.0,
        mean_loss_error_eV=1.0,
    )
    first = make(Spectrum, **values, settings={"window_eV": [2.0, 50.0]})
    again = make(Spectrum, **(values | {"file_name": "copy.hspy"}), settings={"window_eV": (2.0, 50.0)})
    other = make(Spectrum, **values, settings={"window_eV": [2.0, 40.0]})
    assert first.id == again.id != other.id


def test_round_grows_piece_by_piece_and_races_to_one(store: Store) -> None:
    with ThreadPoolExecutor(4) as pool:
        ids = set(pool.map(lambda n: upsert_round(store, "c", 1, counts={"accurate": n}), range(8)))
    assert len(ids) == 1
    upsert_round(store, "c", 1, label_ids=["b", "a"], state="labelled")
    upsert_round(store, "c", 0, verdict="not converged")
    upsert_round(store, "other", 5)
    found = load_round(store, "c", 1)
    assert (found.label_ids, found.state, found.verdict) == (("b", "a"), "labelled", None)
    assert list(found.counts) == ["accurate"]
    assert [each.round for each in rounds_of_campaign(store, "c")] == [0, 1]
    with pytest.raises(InputError, match="state"):
        upsert_round(store, "c", 1, state="done")


def test_md_run_grows_and_repeated_parts_replace_themselves(store: Store) -> None:
    run = make(MDRun, campaign_id="c", run_key="heat-0", kind="heating")
    store.create(run)
    add_segment(store, run.id, Segment(start_step=0, end_step=10, wall_s=1.0))
    add_segment(store, run.id, Segment(start_step=0, end_step=20, wall_s=2.0, host="$node"))
    add_segment(store, run.id, Segment(start_step=20, end_step=30, wall_s=1.0))
    overtaken = [
        add_checkpoint(store, run.id, Checkpoint(step=step, sha256=f"s{step}")) for step in (20, 10, 20, 30)
    ]
    found = store.load(MDRun, run.id)
    assert [(part.start_step, part.end_step) for part in found.segments] == [(0, 20), (20, 30)]
    assert found.segments[0].host == "$node"
    assert [one.sha256 for one in checkpoints_of(store, run.id)] == ["s30", "s20"]
    assert [[one.sha256 for one in each] for each in overtaken] == [[], [], [], ["s10"]]
    other = Checkpoint(step=5, sha256="x", made_from="other inputs")
    assert len(add_checkpoint(store, run.id, other)) == 2
    assert checkpoints_of(store, run.id) == [other]
    assert checkpoints_of(store, "nobody") == []
    with pytest.raises(StoreError, match="nobody"):
        add_checkpoint(store, "nobody", Checkpoint(step=1, sha256="x"))


def test_indexes_can_be_made_again_at_once(store: Store) -> None:
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: store.ensure_indexes(), range(3)))


def test_natural_keys_are_unique_in_the_database_too(store: Store) -> None:
    from pymongo.errors import DuplicateKeyError

    store.save(_conductance())
    with pytest.raises(DuplicateKeyError):
        store.db.conductances.insert_one(
            {"_id": "x", "campaign_id": "c", "result_key": "interface"}, bypass_document_validation=True
        )


def test_every_collection_has_a_model_with_documented_fields() -> None:
    for model in MODELS.values():
        text = "".join(cls.__doc__ or "" for cls in model.__mro__ if cls.__module__.startswith("beamheat_fw"))
        for name in model.model_fields:
            assert name in text or name in ("run_stats", "analysis", "dir_name"), f"{model.__name__}.{name}"


def test_oldest_comes_first(store: Store) -> None:
    for name in ("one", "two", "three"):
        store.save(make(CampaignRecord, id=name, name=name, document={}))
        store.db.campaigns.update_one({"_id": name}, {"$set": {"created_at": datetime(2026, 1, len(name))}})
    store.db.campaigns.update_one({"_id": "two"}, {"$set": {"created_at": datetime(2026, 1, 4)}})
    assert [found.name for found in store.find(CampaignRecord, {})] == ["one", "two", "three"]
    assert [found.name for found in store.find(CampaignRecord, {}, newest_first=True, limit=1)] == ["three"]


def test_round_model_refuses_unknown_states() -> None:
    with pytest.raises(InputError, match="state"):
        make(Round, campaign_id="c", round=1, state="gone")
