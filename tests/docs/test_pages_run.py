"""The code of guides runs as it stands beside `workflows`, and prints what they show."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: The page of a whole campaign runs in tests/campaign, which has one.
PAGES = [
    *(page for page in sorted((ROOT / "docs" / "tutorials").glob("*.md")) if page.stem != "ten_minutes"),
    ROOT / "docs" / "extending.md",
]


def blocks(page: Path, language: str) -> list[str]:
    """Return the page's fenced blocks of a language."""
    return re.findall(
        rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )


def run(command: list[str], folder: Path) -> str:
    """Run in `folder`, with this environment's programs first; return what it printed."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "COLUMNS": "80"}
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_code_runs_and_prints_what_the_page_shows(page: Path, tmp_path: Path) -> None:
    (tmp_path / "workflows").symlink_to(ROOT / "workflows")
    python, shell = blocks(page, "python"), blocks(page, "sh")
    assert python or shell
    printed = run([sys.executable, "-c", "\n".join(python)], tmp_path)
    printed += "".join(run(["bash", "-e", "-o", "pipefail", "-c", block], tmp_path) for block in shell)
    lines = {line.strip() for line in printed.splitlines()}
    shown = [line.strip() for block in blocks(page, "text") for line in block.splitlines()]
    assert [line for line in shown if line not in lines] == [], printed
