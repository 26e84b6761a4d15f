"""Every command's help has an example, and the example is one that the command takes."""

from __future__ import annotations

import re
import shlex

import pytest
import typer

from beamheat_fw.cli.main import COMMANDS, _build_app


@pytest.mark.parametrize("name", [name for name, _ in COMMANDS])
def test_help_has_an_example_that_the_command_takes(name: str) -> None:
    command = typer.main.get_command(_build_app()).commands[name]
    found = re.search(r"Example: (beamheat .*)", command.help or "", flags=re.DOTALL)
    assert found, f"beamheat {name} --help has no example"
    words = shlex.split(found[1])
    assert words[:2] == ["beamheat", name]
    if hasattr(command, "commands"):
        command, words = command.commands[words[2]], words[1:]
    command.make_context(name, words[2:])
