"""A command that takes dataclasses has an option for each of their fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from beamheat_fw.cli.grouped_options import grouped


@dataclass(frozen=True)
class Beam:
    """Two options."""

    energy_kev: Annotated[float, typer.Option(help="Beam energy.")]
    position_nm: Annotated[tuple[float, float], typer.Option(help="Where it is.")] = (0.0, 0.0)


@pytest.fixture
def invoke():
    """Call a command of one group, an argument and an option; it prints what it got."""

    def command(
        file: Annotated[str, typer.Argument(help="A file.")],
        beam: Beam,
        loud: Annotated[bool, typer.Option("--loud")] = False,
    ) -> None:
        """Look at a file."""
        print(file, beam, loud)

    app = typer.Typer(rich_markup_mode=None)
    app.command()(grouped(command))
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


def test_fields_arrive_in_their_dataclass(invoke):
    given = invoke("s.dm4", "--energy-kev", "80", "--position-nm", "1", "2", "--loud")
    assert given.stdout.strip() == f"s.dm4 {Beam(80.0, (1.0, 2.0))} True"
    assert invoke("s.dm4", "--energy-kev", "60").stdout.strip() == f"s.dm4 {Beam(60.0)} False"


def test_field_without_a_default_is_a_required_option(invoke):
    missing = invoke("s.dm4")
    assert missing.exit_code == 2
    assert "--energy-kev" in missing.output


def test_help_shows_every_field_and_the_commands_own_words(invoke):
    shown = invoke("--help").stdout
    for words in ("Look at a file", "--energy-kev", "Beam energy.", "--position-nm", "--loud", "A file."):
        assert words in shown
