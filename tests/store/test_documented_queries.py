"""Every query of docs/database.md runs, finds something, and is served by an index."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.monitoring import CommandListener, CommandStartedEvent

from beamheat_fw.cli.main import run
from beamheat_fw.store.database import Store
from beamheat_fw.store.embedded import EmbeddedServer
from beamheat_fw.store.reference import updated

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "database.md"
BLOCKS = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
COMMANDS = [
    line
    for block in re.findall(r"```bash\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    for line in block.splitlines()
]


class _Finds(CommandListener):
    """Keeps every find command as it went to the server."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []

    def started(self, event: CommandStartedEvent) -> None:
        if event.command_name in ("find", "aggregate"):
            kept = ("find", "aggregate", "pipeline", "cursor", "filter", "sort", "limit", "projection")
            self.seen.append({name: event.command[name] for name in event.command if name in kept})

    def succeeded(self, event: object) -> None:
        """Not needed."""

    def failed(self, event: object) -> None:
        """Not needed."""


def _stages(plan: Mapping[str, Any]) -> Iterator[str]:
    for name, value in plan.items():
        if name == "stage":
            yield value
        if isinstance(value, Mapping):
            yield from _stages(value)
        elif isinstance(value, list):
            for part in value:
                if isinstance(part, Mapping):
                    yield from _stages(part)


def _assert_indexed(store: Store, command: dict[str, Any]) -> None:
    plan = store.db.command({"explain": command, "verbosity": "queryPlanner"})["queryPlanner"]["winningPlan"]
    stages = set(_stages(plan))
    assert stages & {"IXSCAN", "IDHACK"}, (command, stages)
    assert "COLLSCAN" not in stages, command


def test_documented_queries_find_something_by_an_index(
    store: Store, mongod: EmbeddedServer, finished: object
) -> None:
    listener = _Finds()
    with MongoClient(mongod.uri, event_listeners=[listener]) as client:
        names: dict[str, Any] = {"db": client[store.db.name]}
        assert len(BLOCKS) == 11
        for block in BLOCKS:
            before = len(listener.seen)
            exec(compile(block, str(DOCUMENT), "exec"), names)
            assert names["result"], block
            assert len(listener.seen) > before
    for command in listener.seen:
        _assert_indexed(store, command)


@pytest.mark.parametrize("command", COMMANDS)
def test_documented_commands_find_something_by_an_index(
    store: Store, launchpad_file: Path, finished: object, command: str, capsys: pytest.CaptureFixture
) -> None:
    store.db.command({"profile": 2})
    program, *arguments = shlex.split(command)
    assert program == "beamheat"
    assert run([*arguments, "-l", str(launchpad_file)]) == 0
    store.db.command({"profile": 0})
    output = capsys.readouterr().out
    assert output.strip() not in ("", "[]")
    assert not re.search(r"^ *0 ", output, re.MULTILINE), "the table is empty"
    queries = list(store.db["system.profile"].find({"op": "query", "ns": {"$not": {"$regex": "system"}}}))
    assert queries
    assert not [query["command"] for query in queries if "COLLSCAN" in query["planSummary"]]


def test_reference_says_what_the_models_say() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert updated(text) == text, "run python -m beamheat_fw.store.reference docs/database.md"
    assert "|  |  |" not in text
