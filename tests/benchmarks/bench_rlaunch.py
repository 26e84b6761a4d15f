"""Launches per second of `beamheat rlaunch rapidfire` against stock rlaunch, turn about on one server.

python tests/benchmarks/bench_rlaunch.py
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml
from fireworks import Firework, LaunchPad, Workflow

from beamheat_fw.launch.submission import prepare_launchpad
from beamheat_fw.store.embedded import EmbeddedServer

ROCKETS = Path(__file__).parents[1] / "rockets"
LAUNCHES, TURNS = 100, 3
sys.path.insert(0, str(ROCKETS))


def main() -> None:
    """Measure and print one JSON document."""
    with tempfile.TemporaryDirectory(prefix="bh-") as folder:
        server = EmbeddedServer(Path(folder) / "b")
        server.start()
        try:
            turns = [(rate(server, "rlaunch"), rate(server, "beamheat")) for _ in range(TURNS)]
        finally:
            server.stop()
    stock, own = (statistics.median(values) for values in zip(*turns, strict=True))
    report = {
        "fireworks of each": LAUNCHES * TURNS,
        "stock_launches_per_s": round(stock, 2),
        "beamheat_launches_per_s": round(own, 2),
        "slower_percent": round(100.0 * (stock / own - 1.0), 1),
        "turns": [[round(value, 2) for value in turn] for turn in turns],
    }
    print(json.dumps(report, indent=1))


def rate(server: EmbeddedServer, program: str) -> float:
    """Return launches per second of trivial fireworks, from the first one's begin to the last one's end."""
    from bench_tasks import Sleep

    with tempfile.TemporaryDirectory() as launches:
        name = f"bench_{program}_{time.monotonic_ns()}"
        file = Path(launches) / "my_launchpad.yaml"
        file.write_text(yaml.safe_dump({"uri_mode": True, "host": server.uri, "name": name}))
        worker = Path(launches) / "my_fworker.yaml"
        env = {"allowed_tasks": ["bench_tasks"], "scratch": launches}
        worker.write_text(yaml.safe_dump({"name": "bench", "category": "", "query": "{}", "env": env}))
        pad = LaunchPad(host=server.uri, uri_mode=True, name=name, strm_lvl="ERROR")
        prepare_launchpad(pad)
        pad.bulk_add_wfs([Workflow([Firework(Sleep())]) for _ in range(LAUNCHES)])
        start = [str(Path(sys.executable).parent / "rlaunch")]
        if program == "beamheat":
            start = [sys.executable, "-m", "beamheat_fw", "rlaunch"]
        options = ["-l", str(file), "-w", str(worker), "--loglvl", "ERROR", "rapidfire"]
        path = os.pathsep.join([str(ROCKETS), os.environ.get("PYTHONPATH", "")])
        subprocess.run([*start, *options], cwd=launches, env={**os.environ, "PYTHONPATH": path}, check=True)
        histories = [launch["state_history"] for launch in pad.launches.find({"state": "COMPLETED"})]
        assert len(histories) == LAUNCHES
        begin, end = (
            pick(moment(entry) for history in histories for entry in history) for pick in (min, max)
        )
        pad.connection.drop_database(name)
    return LAUNCHES / (end - begin)


def moment(entry: dict) -> float:
    """Return when a launch entered a state, in seconds."""
    from datetime import datetime

    at = entry["created_on"]
    return (datetime.fromisoformat(at) if isinstance(at, str) else at).timestamp()


if __name__ == "__main__":
    main()
