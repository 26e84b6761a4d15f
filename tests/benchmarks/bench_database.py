"""The documented queries and a provenance closure on a large database, beside bare finds by ``_id``.

python tests/benchmarks/bench_database.py [SCALE]

At scale 1 there are 1e5 labels, 1e3 md_runs and 1e6 provenance edges. A query's time is that of its find and
of all documents it returns; beside it, in turns, the same documents are found by their ids.
"""

from __future__ import annotations

import json
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

from beamheat_fw.store.database import Store, make
from beamheat_fw.store.documents import Edge
from beamheat_fw.store.documents.records import Reference
from beamheat_fw.store.embedded import EmbeddedServer
from beamheat_fw.store.provenance import trail
from beamheat_fw.store.schema import ensure_schema
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
        server = EmbeddedServer(Path(folder) / "b")
        server.start()
        try:
            recorder = FindRecorder()
            with MongoClient(server.uri, event_listeners=[recorder]) as client:
                store = Store(client["bench"])
                ensure_schema(store)
                started = time.perf_counter()
                counts = _fill(store, scale)
                filled = {"documents": counts, "fill_s": round(time.perf_counter() - started, 1)}
                return _report(filled, _closure(store), _queries(client["bench"], recorder))
        finally:
            server.stop()


def _report(filled: dict[str, Any], closure: dict[str, Any], queries: list[dict[str, Any]]) -> int:
    missed = [each["query"] for each in queries if each["times"] > MOST_TIMES or each["scan"]]
    print(json.dumps({**filled, "closure": closure, "queries": queries, "missed": missed}, indent=1))
    return 1 if missed or closure["seconds"] > MOST_CLOSURE_S else 0


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
    """Yield trees of `TREE` documents, each made from ten others."""
    ends = [Reference(collection="md_runs", id=name) for name in ("a", "b")]
    template = make(Edge, source=ends[0], to=ends[1], role="part", host="node").to_mongo()
    template |= {"created_at": datetime.now(UTC), "last_updated": datetime.now(UTC)}
    for number in range(count):
        tree, place = divmod(number, TREE - 1)
        yield template | {
            "_id": f"bench-{number}",
            "from": {"collection": "md_runs", "id": f"t{tree}-{place + 1}"},
            "to": {"collection": "md_runs", "id": f"t{tree}-{place // 10}"},
            "launch_id": 1_000_000 + number // 10,
        }


def _closure(store: Store) -> dict[str, Any]:
    seconds = _median(lambda: trail(store, "t1-0"), 5)
    return {"nodes": len(trail(store, "t1-0")["nodes"]), "seconds": round(seconds, 3)}


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


def _median(work: Callable[[], object], repeats: int) -> float:
    return statistics.median(_seconds(work) for _ in range(repeats))


if __name__ == "__main__":
    sys.exit(main())
