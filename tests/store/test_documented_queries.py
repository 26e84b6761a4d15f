"""Every query of docs/database.md runs, finds something by an index, and is the same in three languages."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

import pytest
from bson import json_util
from pymongo import MongoClient
from pymongo.monitoring import CommandListener, CommandStartedEvent

from beamheat_fw.cli.main import run
from beamheat_fw.store.database import Store
from beamheat_fw.store.schema.reference import updated
from beamheat_fw.store.server.embedded import EmbeddedServer

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "database.md"
_QUERY = re.compile(
    r"^### (\d+)\. [^\n]*\n\n```python\n(.*?)```\n```javascript\n(.*?)```\n```bash\n(.*?)```",
    re.DOTALL | re.MULTILINE,
)
QUERIES = _QUERY.findall(DOCUMENT.read_text(encoding="utf-8"))
#: The variables that the queries leave for later ones.
_KEPT = ("campaign", "label", "dataset", "committee", "prediction")


class FindRecorder(CommandListener):
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


@dataclass(frozen=True)
class Ran:
    """A query that ran in pymongo.

    Attributes
    ----------
    number : int
    result : object
    commands : list of dict
        What went to the server.
    variables : dict
        The documents found by then.
    """

    number: int
    result: Any
    commands: list[dict[str, Any]]
    variables: dict[str, Any]


@pytest.fixture
def ran(store: Store, mongod: EmbeddedServer, finished: object) -> list[Ran]:
    listener = FindRecorder()
    found = []
    with MongoClient(mongod.uri, event_listeners=[listener]) as client:
        names: dict[str, Any] = {"db": client[store.db.name]}
        for number, block, _, _ in QUERIES:
            listener.seen.clear()
            names.pop("result", None)
            exec(compile(block, f"{DOCUMENT}, query {number}", "exec"), names)
            variables = {name: names[name] for name in _KEPT if name in names}
            found.append(Ran(int(number), names["result"], list(listener.seen), variables))
    return found


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
    explained = store.db.command({"explain": command, "verbosity": "queryPlanner"})
    planner = explained.get("queryPlanner") or explained["stages"][0]["$cursor"]["queryPlanner"]
    stages = set(_stages(planner["winningPlan"]))
    assert stages & {"IXSCAN", "IDHACK", "EXPRESS_IXSCAN"}, (command, stages)
    assert "COLLSCAN" not in stages, command


def _in_mongosh(text: str, variables: Mapping[str, Any]) -> tuple[str, Any]:
    """Return collection and filter, or pipeline, of a mongosh query, whose keys are quoted as in JSON."""
    text = re.sub(
        rf"\b({'|'.join(_KEPT)})\.(\w+)", lambda found: json.dumps(variables[found[1]][found[2]]), text
    )
    text = re.sub(r'ISODate\("([\d-]+)"\)', r'{"$date": "\1T00:00:00Z"}', text)
    call = re.search(r"\bdb\.(\w+)\.(?:find|aggregate)\(", text)
    assert call, text
    first, _ = json.JSONDecoder().raw_decode(text[call.end() :])
    return call[1], json_util.loads(json.dumps(first), json_options=json_util.JSONOptions(tz_aware=True))


def test_documented_queries_find_something_by_an_index(store: Store, ran: list[Ran]) -> None:
    assert [each.number for each in ran] == list(range(1, 21))
    for each in ran:
        assert each.result, each.number
        assert each.commands, each.number
        for command in each.commands:
            _assert_indexed(store, command)


def test_mongosh_asks_what_pymongo_asks(ran: list[Ran]) -> None:
    for each, (number, _, text, _) in zip(ran, QUERIES, strict=True):
        collection, asked = _in_mongosh(text, each.variables)
        sent = [
            (command.get("find") or command["aggregate"], command.get("filter") or command.get("pipeline"))
            for command in each.commands
        ]
        assert (collection, asked) in sent, number


def test_commands_find_what_the_queries_find_by_an_index(
    store: Store, launchpad_file: Path, ran: list[Ran], capsys: pytest.CaptureFixture
) -> None:
    variables = _shell(ran[-1].variables)
    store.db.command({"profile": 2})
    for each, (number, _, text, line) in zip(ran, QUERIES, strict=True):
        program, *arguments = shlex.split(Template(line).safe_substitute(variables))
        assert program == "beamheat"
        arguments += ["-l", str(launchpad_file)]
        assert run(arguments) == 0
        shown = capsys.readouterr().out
        assert shown.strip(), number
        assert not re.search(r"^ *0 ", shown, re.MULTILINE), f"the table of query {number} is empty"
        assert run([*arguments, "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        if arguments[0] == "provenance":
            assert {one["_id"] for one in found["withdraw"]["predictions"]} == each.result
            continue
        collection, asked = _in_mongosh(text, each.variables)
        wanted = {one["_id"] for one in store.db[collection].find(asked, {"_id": 1})}
        assert {one["_id"] for one in found} == wanted, number
    store.db.command({"profile": 0})
    queries = list(store.db["system.profile"].find({"op": "query", "ns": {"$not": {"$regex": "system"}}}))
    scans = [query["command"] for query in queries if "COLLSCAN" in query["planSummary"]]
    assert len(queries) > len(QUERIES)
    assert scans == []


def _shell(variables: Mapping[str, Any]) -> dict[str, str]:
    ids = {name.upper(): document["_id"] for name, document in variables.items()}
    return ids | {"SETTINGS": variables["label"]["settings_hash"]}


def test_reference_says_what_the_models_say() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert updated(text) == text, "run python -m beamheat_fw.store.schema.reference docs/database.md"
    assert "|  |  |" not in text
