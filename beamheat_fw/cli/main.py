"""The `beamheat` command: gathers the subcommands and turns errors into exit statuses."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

import typer
from typer.exceptions import Abort, TyperException

from beamheat_fw.disk_space import full_disk_named
from beamheat_fw.errors import BeamheatError

#: Command name and the module of `beamheat_fw.cli` whose function `command` it is,
#: or whose Typer `app` it is when the command has subcommands; in the order of the help page.
COMMANDS = (
    ("db", "db"),
    ("check", "check"),
    ("submit", "submit"),
    ("run", "run"),
    ("status", "status"),
    ("report", "report"),
    ("rlaunch", "rlaunch"),
    ("qlaunch", "qlaunch"),
    ("doctor", "doctor"),
    ("resubmit", "resubmit"),
    ("pause", "pause"),
    ("resume", "resume"),
    ("cancel", "cancel"),
    ("find", "find"),
    ("provenance", "provenance"),
    ("export", "export"),
    ("import", "import_labels"),
    ("eels", "eels"),
    ("predict", "predict"),
    ("conductance", "conductance"),
)


def _build_app(*names: str) -> typer.Typer:
    """Return the program, with these subcommands alone where they are named: it then starts faster."""
    app = typer.Typer(
        help="How hot does a metal nanoparticle get under the electron microscope's beam?",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        # Rich help pages take longer to import than everything else together.
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_nothing)  # one subcommand alone is a subcommand still
    for name, module_name in COMMANDS:
        if names and name not in names:
            continue
        module = import_module(f"beamheat_fw.cli.{module_name}")
        if hasattr(module, "app"):
            app.add_typer(module.app, name=name)
        else:
            app.command(name)(module.command)
    return app


def _nothing() -> None:
    pass


def _asked(arguments: Sequence[str]) -> list[str]:
    """Return the name of the subcommand, or nothing: help and suggestions speak of all of them."""
    return [name for name, _ in COMMANDS if arguments[:1] == [name]]


def main(arguments: list[str] | None = None) -> None:
    """Run `beamheat`; exit with 0 when done, 1 when the work failed, 2 on bad input."""
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    """Run one `beamheat` command and return its exit status.

    This is the one place of the package that catches every exception: a person at a terminal gets one short
    message; ``BEAMHEAT_TRACEBACK=1`` shows the traceback of what must be a bug.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        with full_disk_named():
            status = _build_app(*_asked(arguments))(args=arguments, standalone_mode=False)
    except Abort:
        return 130
    except TyperException as error:
        error.show()  # type: ignore[attr-defined]
        return error.exit_code
    except BeamheatError as error:
        print(f"beamheat: {error.message()}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except Exception as error:
        if os.environ.get("BEAMHEAT_TRACEBACK"):
            raise
        print(
            f"beamheat: unexpected {type(error).__name__}: {error}. This is a bug; "
            "set BEAMHEAT_TRACEBACK=1 for the traceback and report it",
            file=sys.stderr,
        )
        return 1
    return status if isinstance(status, int) else 0
