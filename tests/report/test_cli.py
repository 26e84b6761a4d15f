"""``beamheat report`` as a person calls it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from beamheat_fw.cli.main import run


def test_report_command_writes_the_page_and_names_it(
    filled, launchpad_file: Path, tmp_path: Path, capsys
) -> None:
    path = tmp_path / "page.html"
    assert run(["report", "quickstart", "-o", str(path), "-l", str(launchpad_file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["report"] == str(path)
    assert path.read_text().startswith("<!doctype html>")


@pytest.mark.parametrize("campaign", ["nothing-like-it", "missing.yaml"])
def test_unknown_campaign_is_refused_and_nothing_written(
    filled, launchpad_file: Path, tmp_path: Path, capsys, campaign: str
) -> None:
    path = tmp_path / "page.html"
    assert run(["report", campaign, "-o", str(path), "-l", str(launchpad_file)]) == 2
    assert "Traceback" not in capsys.readouterr().err
    assert not path.exists()
