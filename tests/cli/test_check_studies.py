"""`beamheat check --converge` and `--binding`, from the command line to the figure, on real GPAW."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from beamheat_fw.cli.main import run

ROOT = Path(__file__).parents[2]

#: Aluminium on a layer of aluminium, one atom each: what GPAW calculates in a third of a second.
STRUCTURES = {
    "particles": [{"kind": "flake", "element": "Al", "atoms_per_layer": [1]}],
    "supports": [{"kind": "fcc111", "element": "Al", "repeat": [1, 1], "layers": 1}],
    "frames": 2,
    "bare_share": 0.0,
    "free_share": 0.0,
    "vacuum_A": 4.0,
    "min_image_gap_A": 2.2,
    "disorder": {"temperatures_K": [1.0], "weights": [1.0]},
}
SYSTEM = {
    "particle": {"kind": "flake", "element": "Al", "atoms_per_layer": [1]},
    "support": STRUCTURES["supports"][0],
    "vacuum_A": 4.0,
    "min_image_gap_A": 2.2,
}
REFERENCE = {
    "calculator": "gpaw",
    "basis": "sz(dzp)",
    "h_A": 0.35,
    "energy_convergence_eV": 1e-2,
    "density_convergence": 1e-2,
}


@pytest.fixture
def campaign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "data").symlink_to(ROOT / "workflows" / "data")
    document = yaml.safe_load((ROOT / "workflows" / "quickstart.yaml").read_text())
    document |= {"name": "tiny", "structures": STRUCTURES}
    document["labelling"] |= {"reference": REFERENCE, "ranks": 1}
    document["exploration"]["systems"] = [SYSTEM]
    document["heating"]["system"] = SYSTEM
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(document))
    monkeypatch.chdir(tmp_path)
    return path


def answer(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert run(["check", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.gpaw
def test_a_convergence_study_ends_in_table_json_and_figure_and_is_made_once(
    campaign: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(campaign), "--converge", "--scan", "vacuum"]
    study = answer(capsys, *words, "--figure", "study.svg")
    (scan,) = study["scans"]
    assert [point["value"] for point in scan["points"]] == ["2.8", "4", "5.6", "8"]
    assert [point["chosen"] for point in scan["points"]] == [False, True, False, False]
    assert all(point["state"] == "completed" for point in scan["points"])
    assert study["campaign_error"]["force_rms_error_eV_A"] == scan["points"][1]["force_rms_error_eV_A"] > 0.0
    assert "CPU seconds" in Path("study.svg").read_text()
    results = {path: path.stat().st_mtime_ns for path in Path("tiny-study").rglob("results/*.json")}
    assert len(results) == 4

    assert run(["check", *words]) == 0
    table = capsys.readouterr().out
    assert "4 *" in table
    assert "reference" in table
    assert results == {path: path.stat().st_mtime_ns for path in Path("tiny-study").rglob("results/*.json")}


@pytest.mark.gpaw
def test_a_binding_curve_ends_in_table_json_and_figure(
    campaign: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(campaign), "--binding", "--heights", "3.0,1.9,2.4", "--results", "curve"]
    study = answer(capsys, *words, "--figure", "curve.png")
    assert [point["height_A"] for point in study["points"]] == [1.9, 2.4, 3.0]
    assert {curve["key"] for curve in study["curves"]} == {
        "binding_eV",
        "without_dispersion_eV",
        "uncorrected_eV",
    }
    assert all(point["uncorrected_eV"] < point["binding_eV"] for point in study["points"])
    assert all(point["binding_eV"] < point["without_dispersion_eV"] for point in study["points"])
    assert Path("curve.png").stat().st_size > 5000
    assert run(["check", *words]) == 0
    assert f"{study['points'][1]['binding_eV']:.3f}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--converge", "--binding"], "Two studies"),
        (["--figure", "x.png"], "--figure does not belong"),
        (["--converge", "--heights", "2,3,4"], "--heights does not belong"),
        (["--binding", "--structure", "0"], "--structure does not belong"),
        (["--converge", "--structure", "2"], "no such structure"),
        (["--converge", "--scan", "cutoff"], "no such parameter"),
        (["--binding", "--system", "7"], "no such system"),
        (["--binding", "--heights", "2,3"], "heights cannot be used"),
        (["--binding", "--heights", "0.4,2,3"], "overlap"),
    ],
)
def test_what_cannot_be_studied_is_refused_in_one_line(
    words: list[str], reason: str, campaign: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["check", str(campaign), *words]) == 2
    captured = capsys.readouterr()
    assert reason in captured.err
    assert captured.err.count("\n") == 1
    assert sorted(path.name for path in campaign.parent.iterdir()) == ["data", "tiny.yaml"]


@pytest.mark.parametrize("study", ["--converge", "--binding"])
def test_emt_has_nothing_to_converge(study: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", str(ROOT / "workflows" / "emt_au_cu.yaml"), study]) == 2
    assert "emt has no settings" in capsys.readouterr().err
