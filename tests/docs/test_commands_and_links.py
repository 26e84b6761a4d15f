"""What README and guides name exists: files, commands and their options."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from beamheat_fw.cli.main import _build_app

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "docs").glob("tutorials/*.md")),
]
PACKAGES = ("cli", "doctor", "report", "firetasks", "flows", "launch", "store", "drivers", "physics")
_LINK = re.compile(r"\]\(([^)#]+)\)")
FOLDERS = ("beamheat_fw", "workflows", "launchers", "docs", "tests", *PACKAGES)
_PATH = re.compile(rf"`((?:{'|'.join(FOLDERS)})/[\w./-]+)`")
_COMMAND = re.compile(r"(?:^    |`)(beamheat [a-z][^`#&\n]*)", re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_named_files_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = [page.parent / name for name in _LINK.findall(text) if not name.startswith("http")]
    paths = [
        ROOT / ("beamheat_fw" if name.split("/")[0] in PACKAGES else "") / name
        for name in _PATH.findall(text)
    ]
    assert [str(path) for path in (*links, *paths) if not path.exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_take_the_options_shown(page: Path) -> None:
    program = typer.main.get_command(_build_app())
    for shown in _COMMAND.findall(page.read_text(encoding="utf-8")):
        words = shlex.split(shown.replace("|", " "))[1:]
        unknown = [word for word in words if word.startswith("-") and word not in _options(program, words)]
        assert unknown == [], shown


def _options(program: Any, words: list[str]) -> set[str]:
    """Return the options of the command that the words lead to; fails on an unknown command."""
    command, known = program, {"-h", "--help"}
    for word in words:
        if not hasattr(command, "commands"):
            break
        if word in command.commands:
            command = command.commands[word]
            known |= {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
        elif command is program:
            pytest.fail(f"there is no command beamheat {word}")
    return known
