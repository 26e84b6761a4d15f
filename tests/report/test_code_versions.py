"""`beamheat status` warns where workers of one campaign ran different codes, and nowhere else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from beamheat_fw.cli import main
from beamheat_fw.report.code_versions import mixed_versions
from beamheat_fw.store.database import Store, make
from beamheat_fw.store.documents import CampaignRecord
from beamheat_fw.store.documents.records import Reference
from beamheat_fw.store.provenance import Maker, Source, record_sources

CAMPAIGN, OTHER = "c" * 64, "d" * 64


@pytest.fixture
def campaign(store: Store) -> Store:
    """Two launches of one campaign, the first of them archived, and one of another."""
    for name, identifier, launches in (("gold", CAMPAIGN, [2]), ("lead", OTHER, [3])):
        store.create(make(CampaignRecord, id=identifier, name=name, document={}))
        archived = [1] if name == "gold" else []
        store.db["fireworks"].insert_one(
            {
                "fw_id": launches[0],
                "name": name,
                "state": "COMPLETED",
                "spec": {"campaign_id": identifier},
                "launches": launches,
                "archived_launches": archived,
            }
        )
    return store


def _made(store: Store, launch_id: int, host: str, **versions: str) -> None:
    to = Reference(collection="potentials", id=f"p{launch_id}{host}")
    record_sources(store, to, [Source("datasets", "d", "training-set")], Maker(1, launch_id, versions, host))


def test_one_set_of_versions_is_no_warning(campaign: Store) -> None:
    _made(campaign, 1, "a", gpaw="1")
    _made(campaign, 2, "b", gpaw="1", nequip="2")  # not every worker has every code
    _made(campaign, 3, "c", gpaw="9")  # of another campaign
    assert mixed_versions(campaign, CAMPAIGN) == []


def test_different_versions_are_named_with_their_hosts(
    campaign: Store, launchpad_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _made(campaign, 1, "a", gpaw="1", ase="3")
    _made(campaign, 2, "b", gpaw="2", ase="3")
    _made(campaign, 2, "c", gpaw="2", ase="3")
    command = ["status", "gold", "-l", str(launchpad_file)]
    assert main.run([*command, "--json"]) == 0
    (status,) = json.loads(capsys.readouterr().out)
    assert status["mixed_versions"] == [{"code": "gpaw", "versions": {"1": ["a"], "2": ["b", "c"]}}]
    assert main.run(command) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "warning workers of this campaign ran different versions of gpaw: 1 on a; 2 on b, c" in said


def test_reused_label_of_another_campaign_does_not_count(campaign: Store) -> None:
    _made(campaign, 2, "a", gpaw="2")
    campaign.db["labels"].database.command(
        "insert",
        "labels",
        documents=[
            {
                "_id": f"label{launch}",
                "requests": [{"campaign_id": CAMPAIGN}],
                "made_by": {"launch_id": launch, "host": "a", "versions": {"gpaw": version}},
                "structure_hash": str(launch),
            }
            for launch, version in ((1, "2"), (3, "1"))
        ],
        bypassDocumentValidation=True,
    )
    assert mixed_versions(campaign, CAMPAIGN) == []
    campaign.db["labels"].update_one(
        {"_id": "label1"}, {"$set": {"made_by.versions.gpaw": "3"}}, bypass_document_validation=True
    )
    assert [each["code"] for each in mixed_versions(campaign, CAMPAIGN)] == ["gpaw"]
