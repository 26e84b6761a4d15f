"""Structures that no calculator can label are refused by name before anything is submitted."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from beamheat_fw.cli.main import run

ROOT = Path(__file__).parents[2]
QUICKSTART = yaml.safe_load((ROOT / "workflows" / "quickstart.yaml").read_text())


def _overlapping(document: dict[str, Any]) -> None:
    document["exploration"]["systems"][0]["height_A"] = 0.6


def _without_setup(document: dict[str, Any]) -> None:
    for particle in document["structures"]["particles"]:
        particle |= {"element": "Ac", "lattice_constant_A": 5.31}
    document["structures"]["min_image_gap_A"] = 2.0
    for system in (*document["exploration"]["systems"], document["heating"]["system"]):
        system["particle"] = document["structures"]["particles"][0]


def _particle_as_wide_as_its_cell(document: dict[str, Any]) -> None:
    document["exploration"]["systems"][2]["support"]["repeat"] = [2, 2]


def _hardly_any_vacuum(document: dict[str, Any]) -> None:
    document["structures"]["vacuum_A"] = 1.5


def _nowhere(document: dict[str, Any]) -> None:
    document["exploration"]["systems"][0]["offset_A"] = [float("nan"), 0.0]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_overlapping, "overlap"),
        (_without_setup, "no PBE setup for Ac"),
        (_particle_as_wide_as_its_cell, "too large for the support's cell"),
        (_hardly_any_vacuum, "cell is too small"),
        (_nowhere, "offset_A"),
    ],
)
def test_campaign_is_refused_in_one_line_with_the_reason(
    spoil: Any, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data").symlink_to(ROOT / "workflows" / "data")
    document = copy.deepcopy(QUICKSTART)
    spoil(document)
    path = tmp_path / "spoilt.yaml"
    path.write_text(yaml.safe_dump(document))
    assert run(["check", str(path), "--no-database"]) == 2
    message = capsys.readouterr().err
    assert said in message
    assert message.count("\n") == 1
    assert sorted(each.name for each in tmp_path.iterdir()) == ["data", "spoilt.yaml"]
