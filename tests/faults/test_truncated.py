"""Spectra that are cut short, as a file or in the database, are named and never taken for whole."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from campaign_outcome import differences, essence
from labelling_bench import EMT, LabellingBench

from beamheat_fw.campaign import load_campaign
from beamheat_fw.cli.main import run
from beamheat_fw.firetasks.spectrum import analyse_file, spectrum_document

pytestmark = [pytest.mark.mongod, pytest.mark.slow]


@pytest.fixture
def campaign_file(tmp_path: Path) -> Path:
    """The EMT campaign with a spectrum file of its own."""
    document = yaml.safe_load(EMT.read_text())
    shutil.copy(EMT.parent / document["eels"]["file"], tmp_path / "scan.hspy")
    document["eels"]["file"] = "scan.hspy"
    path = tmp_path / "campaign.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


def beamheat(labelling: LabellingBench, *words: str) -> int:
    return run([*words, "-l", str(labelling.bench.launchpad_file)])


def analyse(labelling: LabellingBench) -> dict[str, Any]:
    """Let a rocket analyse the spectrum; return why it failed, nothing when it did not."""
    named = {"name": {"$regex": "AnalyseSpectrum"}}
    fw_id = labelling.bench.launchpad.fireworks.find_one(named)["fw_id"]
    rocket = labelling.rlaunch("singleshot", "-f", str(fw_id))
    assert rocket.wait(120) == 0, labelling.bench.log()
    ended = labelling.bench.newest_launch(fw_id)["action"]["stored_data"]
    return ended["_exception"]["_details"] if "_exception" in ended else {}


def test_spectrum_file_that_is_cut_short_is_named_and_gives_no_spectrum(
    labelling: LabellingBench, campaign_file: Path
) -> None:
    """A plain firetask ends in a traceback of the file's reader."""
    scan = campaign_file.with_name("scan.hspy")
    scan.write_bytes(scan.read_bytes()[: scan.stat().st_size // 2])
    assert beamheat(labelling, "submit", str(campaign_file)) == 0
    why = analyse(labelling)
    assert why["kind"] == "InputError"
    assert "scan.hspy" in str(why["values"])
    assert labelling.store.db["spectra"].count_documents({}) == 0


def test_spectrum_that_is_cut_short_in_the_database_is_never_analysed_and_can_be_brought_again(
    labelling: LabellingBench, campaign_file: Path
) -> None:
    assert beamheat(labelling, "submit", str(campaign_file)) == 0
    db = labelling.store.db
    for chunk in list(db["artifacts.chunks"].find()):
        cut = {"$set": {"data": chunk["data"][: len(chunk["data"]) // 2]}}
        db["artifacts.chunks"].update_one({"_id": chunk["_id"]}, cut)
    assert analyse(labelling)["kind"] == "IntegrityError"
    assert db["spectra"].count_documents({}) == 0
    db["artifacts.files"].delete_many({})  # as the error says
    assert beamheat(labelling, "submit", str(campaign_file)) == 0
    assert beamheat(labelling, "resubmit", "--error-kind", "IntegrityError") == 0
    assert analyse(labelling) == {}
    stage = load_campaign(campaign_file).eels
    undisturbed = spectrum_document(stage, analyse_file(campaign_file.with_name("scan.hspy"), stage))
    (found,) = db["spectra"].find()
    expected = essence(undisturbed.to_mongo())
    different = list(differences(expected, {key: essence(found)[key] for key in expected}))
    assert [one for one in different if not one.startswith(("/campaign_id", "/tags"))] == []
