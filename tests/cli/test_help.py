"""Every command's help has an example that the command takes, and the tab key completes."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from beamheat_fw.cli.find_table import COLUMNS
from beamheat_fw.cli.main import COMMANDS, _build_app
from beamheat_fw.store.documents import MODELS

ROOT = Path(__file__).parents[2]


def _commands() -> Iterator[tuple[str, ...]]:
    """Yield the words of every command, and of the commands that some of them hold."""
    program = typer.main.get_command(_build_app())
    for name, command in program.commands.items():
        yield (name,)
        yield from ((name, inner) for inner in getattr(command, "commands", ()))


@pytest.mark.parametrize("name", [name for name, _ in COMMANDS])
def test_every_command_is_looked_at(name: str) -> None:
    assert (name,) in set(_commands())


@pytest.mark.parametrize("words", _commands(), ids=" ".join)
def test_help_has_an_example_that_the_command_takes(words: tuple[str, ...]) -> None:
    program = typer.main.get_command(_build_app())
    asked = program.commands[words[0]]
    asked = asked.commands[words[1]] if len(words) > 1 else asked
    found = re.search(r"Example: (beamheat .*)", asked.help or "", flags=re.DOTALL)
    assert found, f"beamheat {' '.join(words)} --help has no example"
    # A group takes its own options before the name of its command.
    given = shlex.split(found[1])[1:]
    assert given[0] == words[0]
    command = program.commands[given.pop(0)]
    if hasattr(command, "commands"):
        at = next(place for place, word in enumerate(given) if word in command.commands)
        command.make_context(words[0], given[:at], resilient_parsing=True)
        assert len(words) == 1 or given[at] == words[1]
        command, given = command.commands[given[at]], given[at + 1 :]
    command.make_context(words[0], given)


def _complete(line: str) -> list[str]:
    words = line.split(" ")
    environment = {**os.environ, "_BEAMHEAT_COMPLETE": "complete_bash", "PYTHONPATH": str(ROOT)}
    environment |= {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    program = Path(sys.executable).parent / "beamheat"
    done = subprocess.run([program], env=environment, capture_output=True, text=True, check=False)
    return done.stdout.split()


def test_the_tab_key_completes_commands_options_and_collections() -> None:
    assert _complete("beamheat fi") == ["find"]
    assert {"--state", "--since"} <= set(_complete("beamheat find labels --s"))
    assert _complete("beamheat find pred") == ["predictions"]
    assert "conductances" in _complete("beamheat export con")


def test_every_collection_has_its_table() -> None:
    assert set(COLUMNS) == set(MODELS)
