"""A committee of one level of theory that a campaign of another level refines."""

from pathlib import Path

import pytest

from beamheat_fw.campaign import load_campaign
from beamheat_fw.errors import InputError
from beamheat_fw.firetasks.context import Context
from beamheat_fw.firetasks.labels import level_of
from beamheat_fw.firetasks.pretrained import check_pretrained, pretrained_member
from beamheat_fw.firetasks.training import TrainMember
from beamheat_fw.identity import bytes_sha256
from beamheat_fw.launch.worker import Worker
from beamheat_fw.store.artifacts import put_artifact
from beamheat_fw.store.database import Store, make
from beamheat_fw.store.documents import Committee, Potential
from beamheat_fw.store.rounds import upsert_round

pytestmark = pytest.mark.mongod

EMT = Path(__file__).parents[2] / "workflows" / "emt_au_cu.yaml"


@pytest.fixture
def campaign():
    return load_campaign(EMT)


def refining(campaign, committee_id, **training):
    changes = {"pretrained": committee_id, **training}
    return campaign.model_copy(update={"training": campaign.training.model_copy(update=changes)})


@pytest.fixture
def teacher(store: Store, campaign) -> str:
    """A committee with this campaign's architecture and elements."""
    members = [
        make(
            Potential,
            campaign_id="teacher",
            round=0,
            member=number,
            dataset_id="labels",
            model_seed=number,
            data_seed=number,
            hyperparameters=campaign.training.model_dump(mode="json"),
            elements=["Au", "Cu"],
            settings_hash="another level",
            artifact_sha256=put_artifact(store, f"model {number}".encode()),
        )
        for number in range(2)
    ]
    ids = [member.id for member in members]
    committee = make(Committee, campaign_id="teacher", round=0, potential_ids=ids, dataset_id="labels")
    for document in (*members, committee):
        store.create(document)
    return committee.id


def test_each_member_refines_its_own_and_more_members_share_them(store, campaign, teacher):
    stage = refining(campaign, teacher).training
    members = [pretrained_member(store, stage, number) for number in range(3)]
    assert [member.member for member in members] == [0, 1, 0]
    assert members[1].artifact_sha256 == bytes_sha256(b"model 1")
    check_pretrained(store, refining(campaign, teacher), {"Cu", "Au"})


def test_a_committee_that_is_not_there_is_refused(store, campaign, teacher):
    with pytest.raises(InputError, match="not in this database"):
        check_pretrained(store, refining(campaign, "nobody"))


def test_another_architecture_is_refused_by_the_values_that_differ(store, campaign, teacher):
    with pytest.raises(InputError, match="another architecture") as caught:
        check_pretrained(store, refining(campaign, teacher, r_max_A=6.0))
    assert set(caught.value.values) == {"training.r_max_A"}


def test_other_elements_are_refused(store, campaign, teacher):
    with pytest.raises(InputError, match="other elements"):
        check_pretrained(store, refining(campaign, teacher), {"Au", "B", "N"})


def test_round_0_refines_the_named_committee_and_knows_that_its_level_is_another(store, campaign, teacher):
    upsert_round(store, campaign.campaign_id, 0, dataset_id="new labels")

    def inputs_of(campaign):
        context = Context(None, store, None, campaign, campaign.campaign_id, 0, "job", Worker(), 1, 1)
        return TrainMember(member=1).inputs(context, None)

    assert inputs_of(campaign)["warm_start_sha256"] is None
    asked = refining(campaign, teacher)
    upsert_round(store, asked.campaign_id, 0, dataset_id="new labels")
    found = inputs_of(asked)
    assert found["warm_start_sha256"] == bytes_sha256(b"model 1")
    assert found["other_level"]
    same = {"$set": {"settings_hash": level_of(campaign).settings_hash}}
    store.collection(Potential).update_many({}, same)
    assert "other_level" not in inputs_of(asked)
