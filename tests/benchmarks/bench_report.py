"""Seconds and megabytes of a report: of a campaign in a database, or of a filled one as the tests make it.

python tests/benchmarks/bench_report.py [CAMPAIGN]
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

from beamheat_fw.report.page import write_report
from beamheat_fw.store.campaigns import find_campaign
from beamheat_fw.store.database import Store
from beamheat_fw.store.schema.versions import ensure_schema
from beamheat_fw.store.server.launchpad_file import open_store

#: What the report of the quickstart may take.
MOST_S, MOST_MB = 10.0, 5.0


def main() -> int:
    """Write the report, print one JSON document; return 1 where it is too slow or too large."""
    if len(sys.argv) > 1:
        return _measure(open_store(None), find_campaign(open_store(None), sys.argv[1]).id)
    from pymongo import MongoClient

    from beamheat_fw.store.server.embedded import EmbeddedServer

    with tempfile.TemporaryDirectory(prefix="bh-") as folder:
        server = EmbeddedServer(Path(folder) / "b")
        server.start()
        try:
            with MongoClient(server.uri) as client:
                store = Store(client["report"])
                return _measure(store, _filled(store))
        finally:
            server.stop()


def _filled(store: Store) -> str:
    sys.path.insert(0, str(Path(__file__).parents[2]))
    from tests.report.conftest import FilledCampaign

    ensure_schema(store)
    campaign = FilledCampaign(store)
    campaign.finish()
    return campaign.id


def _measure(store: Store, campaign_id: str) -> int:
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        path = write_report(store, campaign_id, Path(folder) / "report.html")
        seconds, megabytes = time.perf_counter() - started, path.stat().st_size / 1e6
    print(json.dumps({"seconds": round(seconds, 2), "megabytes": round(megabytes, 3)}, indent=1))
    return 0 if seconds < MOST_S and megabytes < MOST_MB else 1


if __name__ == "__main__":
    sys.exit(main())
