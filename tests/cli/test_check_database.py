"""`beamheat check` and the database that a campaign's nodes have to reach."""

from __future__ import annotations

from pathlib import Path

import pytest

from beamheat_fw.campaign import load_campaign
from beamheat_fw.cli.check import check_database
from beamheat_fw.errors import InputError

WORKFLOWS = Path(__file__).parents[2] / "workflows"

pytestmark = pytest.mark.mongod


def test_queues_on_the_embedded_server_are_refused_with_the_fix(
    launchpad_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    embedded = tmp_path / ".beamheat" / "my_launchpad.yaml"
    embedded.parent.mkdir()
    embedded.write_text(launchpad_file.read_text())
    queued = load_campaign(WORKFLOWS / "au_hbn.yaml")
    with pytest.raises(InputError, match="name it with -l"):
        check_database(queued, embedded)
    check_database(queued, launchpad_file)
    check_database(load_campaign(WORKFLOWS / "emt_au_cu.yaml"), embedded)
