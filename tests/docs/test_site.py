"""The documentation's site builds without a warning, and every page can be reached."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_site_builds_without_a_warning_and_documents_the_interface(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-d", str(tmp_path / "cache")]
    built = subprocess.run(
        [*command, str(ROOT / "docs"), str(tmp_path / "html")], capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    for folder in (".", "tutorials"):
        pages = {path.stem for path in (ROOT / "docs" / folder).glob("*.md")}
        assert pages <= {path.stem for path in (tmp_path / "html" / folder).glob("*.html")}
    text = (tmp_path / "html" / "api.html").read_text(encoding="utf-8")
    for name in ("relaxation_conductance", "HeatFlow", "analyse", "load_campaign"):
        assert f'id="beamheat_fw.{_home(name)}.{name}"' in text


def _home(name: str) -> str:
    homes = {
        "relaxation_conductance": "physics.interface.conductance",
        "HeatFlow": "physics.rise.heat_flow",
        "analyse": "physics.eels.analysis",
    }
    return homes.get(name, "campaign")
