"""The tutorial runs as it stands and says what the simulated scan was made with."""

import json
from pathlib import Path

import pytest


def test_tutorial_runs_and_finds_the_truth(capsys, monkeypatch, pytestconfig):
    pytest.importorskip("exspy")
    monkeypatch.chdir(pytestconfig.rootpath)
    notebook = json.loads(Path("docs/tutorials/from_spectrum_to_kelvin.ipynb").read_text(encoding="utf-8"))
    names: dict[str, object] = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
    paths = names["paths"]
    assert abs(paths.mean_free_path_nm.value - 37.0) < paths.mean_free_path_nm.error
    assert paths.dE_dx_eV_nm.value == pytest.approx(1.2041, rel=0.005)
    assert "80 keV 1e+07" in capsys.readouterr().out
