"""Labels a second that `beamheat import` takes from extxyz, beside a raw insert_many of the documents.

python tests/benchmarks/bench_import.py [LABELS]
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from ase.build import bulk
from ase.io import write
from pymongo import MongoClient

from beamheat_fw.store.database import Store
from beamheat_fw.store.exchange.imports import import_labels
from beamheat_fw.store.schema.versions import ensure_schema
from beamheat_fw.store.server.embedded import EmbeddedServer

LABELS = 100_000
#: The share of the raw rate that an import should reach.
LEAST_SHARE = 0.5
_BATCH = 1_000


def main() -> int:
    """Import, insert, print one JSON document; return 1 where the import is too slow."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else LABELS
    with tempfile.TemporaryDirectory(prefix="bh-", dir="/tmp") as folder:
        path = Path(folder) / "labels.extxyz"
        _write(path, count)
        server = EmbeddedServer(Path(folder) / "b")
        server.start()
        try:
            with MongoClient(server.uri) as client:
                imported, raw = _measure(Store(client["import"]), Store(client["raw"]), path)
        finally:
            server.stop()
    share = raw / imported
    rates = {"labels": count, "imported_per_s": round(count / imported), "raw_per_s": round(count / raw)}
    print(json.dumps({**rates, "share": round(share, 3)}, indent=1))
    return 0 if share >= LEAST_SHARE else 1


def _write(path: Path, count: int) -> None:
    """Write rattled cells of four gold atoms with made-up energies and forces."""
    random = np.random.default_rng(0)
    with path.open("w", encoding="utf-8") as stream:
        for _ in range(count):
            atoms = bulk("Au", cubic=True)
            atoms.positions += random.normal(scale=0.05, size=(4, 3))
            atoms.info["REF_energy"] = float(random.normal())
            atoms.set_array("REF_forces", random.normal(size=(4, 3)))
            write(stream, atoms, format="extxyz")


def _measure(store: Store, other: Store, path: Path) -> tuple[float, float]:
    """Return the seconds of the import, and of inserting its documents into an empty database."""
    ensure_schema(store)
    ensure_schema(other)
    started = time.perf_counter()
    import_labels(store, path, level="bench")
    imported = time.perf_counter() - started
    documents = list(store.db.labels.find())
    started = time.perf_counter()
    for start in range(0, len(documents), _BATCH):
        other.db.labels.insert_many(documents[start : start + _BATCH], ordered=False)
    return imported, time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
