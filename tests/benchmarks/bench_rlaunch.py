"""What a launch costs with `beamheat rlaunch rapidfire` and with stock rlaunch, turn about on one server.

Launches per second, and the processor time of rocket and server together, which a busy machine disturbs less.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import yaml
from fireworks import Firework, LaunchPad, Workflow

from beamheat_fw.launch.submission import prepare_launchpad
from beamheat_fw.store.server.embedded import EmbeddedServer

ROCKETS = Path(__file__).parents[1] / "rockets"
LAUNCHES, TURNS = 100, 3
PROGRAMS = {
    "stock": [str(Path(sys.executable).parent / "rlaunch")],
    "beamheat": [sys.executable, "-m", "beamheat_fw", "rlaunch"],
}
sys.path.insert(0, str(ROCKETS))


@dataclass(frozen=True)
class Turn:
    """What one program took for its fireworks.

    Attributes
    ----------
    launches_per_s : float
        From the first launch's begin to the last one's end.
    processor_s : float
        Of program and server together.
    """

    launches_per_s: float
    processor_s: float


def main() -> None:
    """Measure and print one JSON document."""
    with tempfile.TemporaryDirectory(prefix="bh-") as folder:
        server = EmbeddedServer(Path(folder) / "b")
        server.start()
        try:
            start_s = {name: run(server, name, 0).processor_s for name in PROGRAMS}
            turns = [{name: run(server, name, LAUNCHES) for name in PROGRAMS} for _ in range(TURNS)]
        finally:
            server.stop()
    rate = {name: statistics.median(turn[name].launches_per_s for turn in turns) for name in PROGRAMS}
    cost_ms = {
        name: 1e3 / LAUNCHES * (statistics.median(turn[name].processor_s for turn in turns) - start_s[name])
        for name in PROGRAMS
    }
    report = {
        "fireworks of each": LAUNCHES * TURNS,
        "launches_per_s": {name: round(value, 2) for name, value in rate.items()},
        "slower_percent": round(100.0 * (rate["stock"] / rate["beamheat"] - 1.0), 1),
        "processor_ms_a_launch": {name: round(value, 2) for name, value in cost_ms.items()},
        "more_processor_percent": round(100.0 * (cost_ms["beamheat"] / cost_ms["stock"] - 1.0), 1),
        "turns": [{name: round(one.launches_per_s, 2) for name, one in turn.items()} for turn in turns],
    }
    print(json.dumps(report, indent=1))


def run(server: EmbeddedServer, program: str, launches: int) -> Turn:
    """Let a program work trivial fireworks off in a fresh database."""
    with tempfile.TemporaryDirectory() as folder:
        pad = prepare(server, Path(folder), f"bench_{program}_{time.monotonic_ns()}", launches)
        options = ["-l", "my_launchpad.yaml", "-w", "my_fworker.yaml", "--loglvl", "ERROR", "rapidfire"]
        path = os.pathsep.join([str(ROCKETS), os.environ.get("PYTHONPATH", "")])
        before_s = processor_s(server)
        subprocess.run(
            [*PROGRAMS[program], *options], cwd=folder, env={**os.environ, "PYTHONPATH": path}, check=True
        )
        took_s = processor_s(server) - before_s
        histories = [launch["state_history"] for launch in pad.launches.find({"state": "COMPLETED"})]
        assert len(histories) == launches
        moments = [moment(entry) for history in histories for entry in history]
        pad.connection.drop_database(pad.name)
    return Turn(launches / (max(moments) - min(moments)) if moments else 0.0, took_s)


def prepare(server: EmbeddedServer, folder: Path, name: str, launches: int) -> LaunchPad:
    """Write launchpad and worker file, and add the fireworks."""
    from bench_tasks import Sleep

    settings = {"uri_mode": True, "host": server.uri, "name": name}
    (folder / "my_launchpad.yaml").write_text(yaml.safe_dump(settings))
    env = {"allowed_tasks": ["bench_tasks"], "scratch": str(folder)}
    worker = {"name": "bench", "category": "", "query": "{}", "env": env}
    (folder / "my_fworker.yaml").write_text(yaml.safe_dump(worker))
    pad = LaunchPad(**settings, strm_lvl="ERROR")
    prepare_launchpad(pad)
    if launches:
        pad.bulk_add_wfs([Workflow([Firework(Sleep())]) for _ in range(launches)])
    return pad


def processor_s(server: EmbeddedServer) -> float:
    """Return the processor time of the server and of all programs that this one has run, s."""
    fields = Path(f"/proc/{server.status()['pid']}/stat").read_text().rpartition(")")[2].split()
    times = os.times()
    ticks = int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK") + times.children_user + times.children_system


def moment(entry: dict) -> float:
    """Return when a launch entered a state, in seconds."""
    at = entry["created_on"]
    return (datetime.fromisoformat(at) if isinstance(at, str) else at).timestamp()


if __name__ == "__main__":
    main()
