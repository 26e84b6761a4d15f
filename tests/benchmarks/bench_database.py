"""The documented queries and a provenance closure on a large database, beside bare finds by ``_id``.

python tests/benchmarks/bench_database.py [SCALE]

At scale 1 there are 1e5 labels, 1e3 md_runs and 1e6 provenance edges. A query's time is that of its find and
of all documents it returns; beside it, in turns, the same documents are found by their ids.

Filling takes a minute. With ``BEAMHEAT_BENCH_DATA=FOLDER`` (a short path) the filled database stays there for
the next reading at the same scale and schema version.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from bson import json_util
from pymongo import MongoClient
from pymongo.database import Database

sys.path.insert(0, str(Path(__file__).parents[2]))

from beamheat_fw.identity import bytes_sha256
from beamheat_fw.store.database import Store, make
from beamheat_fw.store.documents import SCHEMA_VERSION, Edge
from beamheat_fw.store.documents.records import Reference
from beamheat_fw.store.provenance import trail
from beamheat_fw.store.schema.versions import ensure_schema
from beamheat_fw.store.server.embedded import EmbeddedServer
from tests.store.conftest import finished_campaign
from tests.store.test_documented_queries import QUERIES, FindRecorder

#: A query may take so many times a find by `_id`; a closure so many seconds.
MOST_TIMES, MOST_CLOSURE_S = 2.0, 1.0
LABELS, MD_RUNS, EDGES = 100_000, 1_000, 1_000_000
TREE = 10_000
REPEATS = 15
#: One in so many labels or runs is like those of the campaign asked about; the others are another campaign's.
_SHARE = 100
_BATCH = 2_000


def main() -> int:
    """Fill a database, measure, print one JSON document; return 1 where a figure is missed."""
    scale = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    with tempfile.TemporaryDirectory(prefix="bh-", dir="/tmp") as folder:
        server = EmbeddedServer(Path(os.environ.get("BEAMHEAT_BENCH_DATA", folder)) / "b")
        server.start()
        try:
            recorder = FindRecorder()
            with MongoClient(server.uri, event_listeners=[recorder]) as client:
                name = f"bench_{scale:g}_{SCHEMA_VERSION}".replace(".", "_")
                store = Store(client[name])
                filled = _filled(store, scale)
                return _report(filled, _closure(store), _queries(client[name], recorder))
        finally:
            server.stop()


def _report(filled: dict[str, Any], closure: dict[str, Any], queries: list[dict[str, Any]]) -> int:
    missed = [each["query"] for each in queries if each["times"] > MOST_TIMES or each["scan"]]
    print(json.dumps({**filled, "closure": closure, "queries": queries, "missed": missed}, indent=1))
    return 1 if missed or closure["seconds"] > MOST_CLOSURE_S else 0


def _filled(store: Store, scale: float) -> dict[str, Any]:
    """Fill the database unless an earlier reading left it filled."""
    if (kept := store.db["filled"].find_one()) is None:
        # What a reading that was cut short left is not trusted.
        store.db.client.drop_database(store.db.name)
        ensure_schema(store)
        started = time.perf_counter()
        counts = _fill(store, scale)
        kept = {"documents": counts, "fill_s": round(time.perf_counter() - started, 1)}
        store.db["filled"].insert_one({"_id": 1, **kept})
    return {"documents": kept["documents"], "fill_s": kept["fill_s"]}


def _fill(store: Store, scale: float) -> dict[str, int]:
    finished_campaign(store)
    label = store.db.labels.find_one({"state": "completed"})
    run = store.db.md_runs.find_one()
    counts = {
        "labels": round(LABELS * scale),
        "md_runs": round(MD_RUNS * scale),
        "provenance": round(EDGES * scale),
    }
    _insert(store, "labels", _labels(label, counts["labels"]))
    _insert(store, "md_runs", _md_runs(run, counts["md_runs"]))
    _insert(store, "provenance", _edges(counts["provenance"]))
    return counts


def _insert(store: Store, name: str, documents: Iterator[dict[str, Any]]) -> None:
    while batch := list(islice(documents, _BATCH)):
        store.db[name].insert_many(batch, ordered=False)


def _labels(template: dict[str, Any], count: int) -> Iterator[dict[str, Any]]:
    """Yield labels of a hundred campaigns and levels: one in a hundred is of gold, as many failed."""
    for number in range(count):
        group = number % _SHARE
        request = template["origin"] | {"campaign_id": f"campaign-{group}"}
        metal = "Au" if group == 0 else "Cu"
        yield template | {
            "_id": f"bench-{number}",
            "structure_hash": f"structure-{number}",
            "settings_hash": template["settings_hash"] if group == 1 else f"settings-{group}",
            "origin": request,
            "requests": [request],
            "state": "failed" if group == 2 else "completed",
            "elements": [metal],
            "formula_pretty": metal,
            "chemsys": metal,
            "created_at": template["created_at"] + timedelta(seconds=number + 1),
        }


def _md_runs(template: dict[str, Any], count: int) -> Iterator[dict[str, Any]]:
    for number in range(count):
        group = number % _SHARE
        yield template | {
            "_id": f"bench-{number}",
            "campaign_id": f"campaign-{group}",
            "run_key": f"run-{number}",
            "committee_id": template["committee_id"] if group == 0 else f"committee-{group}",
            "state": "running" if group == 1 else "completed",
        }


def _edges(count: int) -> Iterator[dict[str, Any]]:
    """Yield trees of `TREE` documents, each made from ten others.

    As in a database that has grown, ids are hashes, and the edges of one tree lie scattered among all others.
    """
    ends = [Reference(collection="md_runs", id=name) for name in ("a", "b")]
    template = make(Edge, source=ends[0], to=ends[1], role="part", host="node").to_mongo()
    template |= {"created_at": datetime.now(UTC), "last_updated": datetime.now(UTC)}
    trees = max(1, count // (TREE - 1))
    for number in range(count):
        place, tree = divmod(number, trees)
        yield template | {
            "_id": _id("edge", number, 0),
            "from": {"collection": "md_runs", "id": _id("node", tree, place + 1)},
            "to": {"collection": "md_runs", "id": _id("node", tree, place // 10)},
            "launch_id": 1_000_000 + number // 10,
        }


def _id(kind: str, *numbers: int) -> str:
    return bytes_sha256(f"{kind} {numbers}".encode())


def _closure(store: Store) -> dict[str, Any]:
    root = _id("node", 0, 0)
    seconds = [_seconds(lambda: trail(store, root)) for _ in range(5)]
    nodes = len(trail(store, root)["nodes"])
    return {"nodes": nodes, "first_s": round(seconds[0], 3), "seconds": round(statistics.median(seconds), 3)}


def _queries(db: Database, recorder: FindRecorder) -> list[dict[str, Any]]:
    names: dict[str, Any] = {"db": db}
    found = []
    for number, block, _, _ in QUERIES:
        recorder.seen.clear()
        exec(compile(block, f"query {number}", "exec"), names)
        commands = [command for command in recorder.seen if "find" in command]
        found += [{"query": int(number), **_one(db, command)} for command in commands]
    return found


def _one(db: Database, command: dict[str, Any]) -> dict[str, Any]:
    """Time one find against finding its documents by their ids, in turns."""
    collection, projection = db[command["find"]], command.get("projection")
    order, limit = command.get("sort"), command.get("limit", 0)

    def query() -> list[dict[str, Any]]:
        return list(
            collection.find(
                command["filter"], projection, sort=list(order.items()) if order else None, limit=limit
            )
        )

    ids = [document["_id"] for document in query()]
    by_id = {"_id": ids[0]} if len(ids) == 1 else {"_id": {"$in": ids}}
    timed: tuple[list[float], list[float]] = ([], [])
    for _ in range(REPEATS):
        timed[0].append(_seconds(query))
        timed[1].append(_seconds(lambda: list(collection.find(by_id, projection))))
    plan = db.command({"explain": command, "verbosity": "queryPlanner"})["queryPlanner"]["winningPlan"]
    asked, bare = (statistics.median(each) for each in timed)
    return {
        "collection": command["find"],
        "documents": len(ids),
        "ms": round(1e3 * asked, 3),
        "by_id_ms": round(1e3 * bare, 3),
        "times": round(asked / bare, 2),
        "scan": "COLLSCAN" in json_util.dumps(plan),
    }


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
