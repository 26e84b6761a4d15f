"""What labelling through a campaign costs beside the bare calculation, with real GPAW.

    python tests/benchmarks/bench_labels.py [overhead] [packing] [workers] [kill] [--labels 32]

- overhead: the labels of a campaign against one loop under ``mpirun gpaw python`` over the same structures,
- packing: the same against one firework a label under stock ``rlaunch rapidfire``,
- workers: two workers started together on the same structures, and how many calculations they make,
- kill: a worker and its ranks killed (kill -9) in the middle of a chunk of eight, and what is made again.

A campaign's time is that of its worker, from its start to its end; submitting and proposing the structures,
which a loop does not do, are given beside it. Parts whose figure is missed make the exit status 1.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ase.io
import yaml
from fireworks import Firework, LaunchPad, ScriptTask
from pymongo import MongoClient
from pymongo.database import Database

from beamheat_fw.campaign import load_campaign
from beamheat_fw.drivers.mpi import MpiLauncher
from beamheat_fw.physics.structures import build_training_set
from beamheat_fw.store.server.embedded import EmbeddedServer

HERE = Path(__file__).parent
WORKFLOWS = HERE.parents[1] / "workflows"
RANKS, CHUNK_OF_KILLED = 2, 8
MOST_OVERHEAD, LEAST_GAIN = 1.10, 2.0
PATIENCE_S = 600.0


def main() -> int:
    """Measure what was asked for, print one JSON document; return 1 where a figure is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("parts", nargs="*", help=", ".join(PARTS))
    parser.add_argument("--labels", type=int, default=32)
    asked = parser.parse_args()
    if unknown := set(asked.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    report: dict[str, Any] = {"labels": asked.labels, "ranks": RANKS}
    with tempfile.TemporaryDirectory(prefix="bh-") as folder:
        server = EmbeddedServer(Path(folder) / "b")
        server.start()
        try:
            for part in asked.parts or PARTS:
                report[part] = PARTS[part](Path(folder), server, asked.labels)
        finally:
            server.stop()
    print(json.dumps(report, indent=1))
    return 0 if all(report[part]["met"] for part in asked.parts or PARTS) else 1


def overhead(folder: Path, server: EmbeddedServer, labels: int) -> dict[str, Any]:
    """Time a campaign's labels against the bare loop."""
    bare_s = _seconds(lambda: bare_loop(_structures(folder / "overhead", labels)))
    campaign = Labelling(folder / "overhead", server, labels)
    campaign.propose()
    campaign_s = _seconds(lambda: campaign.worker("first").wait())
    campaign.check()
    return {
        "bare_s": round(bare_s, 1),
        "campaign_s": round(campaign_s, 1),
        "times": round(campaign_s / bare_s, 3),
        "submit_and_propose_s": round(campaign.proposed_s, 1),
        "label_s": campaign.label_seconds(),
        "met": campaign_s <= MOST_OVERHEAD * bare_s,
    }


def packing(folder: Path, server: EmbeddedServer, labels: int) -> dict[str, Any]:
    """Time a campaign's labels against one firework a label under stock rlaunch."""
    home = _structures(folder / "packing", labels)
    stock_s = _seconds(lambda: stock_rapidfire(home, server, labels))
    campaign = Labelling(home, server, labels)
    campaign.propose()
    campaign_s = _seconds(lambda: campaign.worker("first").wait())
    campaign.check()
    return {
        "stock_s": round(stock_s, 1),
        "campaign_s": round(campaign_s, 1),
        "times_faster": round(stock_s / campaign_s, 2),
        "label_s": campaign.label_seconds(),
        "met": stock_s >= LEAST_GAIN * campaign_s,
    }


def workers(folder: Path, server: EmbeddedServer, labels: int) -> dict[str, Any]:
    """Start two workers together, each with one rank and a scratch of its own; count calculations."""
    campaign = Labelling(folder / "workers", server, labels, ranks=1, chunk_size=4)
    campaign.propose()
    both = [campaign.worker(name) for name in ("first", "second")]
    seconds = _seconds(lambda: [worker.wait() for worker in both])
    campaign.check()
    made = [len(campaign.begun(name)) for name in ("first", "second")]
    return {
        "labels": campaign.completed(),
        "calculations": made,
        "seconds": round(seconds, 1),
        "met": campaign.completed() == labels == sum(made) and min(made) > 0,
    }


def kill(folder: Path, server: EmbeddedServer, _: int) -> dict[str, Any]:
    """Kill a worker with kill -9 when half of its chunk is there, and go on with another."""
    campaign = Labelling(folder / "kill", server, CHUNK_OF_KILLED, chunk_size=CHUNK_OF_KILLED)
    campaign.propose()
    worker = campaign.worker("first")
    _wait(lambda: campaign.completed() >= CHUNK_OF_KILLED // 2)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    before = campaign.completed()
    # The lost run is found as a site finds it: by the doctor, not by waiting for a lease to end.
    campaign.beamheat("doctor", "--fix", check=False)
    campaign.worker("first").wait()
    campaign.check()
    begun = campaign.begun("first")
    again = len(begun) - len(set(begun))
    return {
        "completed_when_killed": before,
        "calculations": len(begun),
        "calculated_again": again,
        "met": again <= 1 and before < CHUNK_OF_KILLED,
    }


PARTS: dict[str, Callable[[Path, EmbeddedServer, int], dict[str, Any]]] = {
    "overhead": overhead,
    "packing": packing,
    "workers": workers,
    "kill": kill,
}


@dataclass
class Labelling:
    """A campaign of which the labels alone are made, in a folder and a database of its own.

    Attributes
    ----------
    folder : Path
    server : EmbeddedServer
    labels : int
    ranks, chunk_size : int
    proposed_s : float
        Seconds that submitting and proposing took.
    """

    folder: Path
    server: EmbeddedServer
    labels: int
    ranks: int = RANKS
    chunk_size: int = 16
    proposed_s: float = 0.0

    def propose(self) -> None:
        """Submit the campaign and let a worker for light work propose its structures."""
        self.folder.mkdir(exist_ok=True)
        write_campaign(self.folder / "campaign.yaml", self.labels, self.ranks, self.chunk_size)
        settings = {"uri_mode": True, "host": self.server.uri, "name": f"bench_{self.folder.name}"}
        (self.folder / "my_launchpad.yaml").write_text(yaml.safe_dump(settings))
        started = time.perf_counter()
        self.beamheat("submit", "campaign.yaml")
        self.worker("light", "light").wait()
        self.proposed_s = time.perf_counter() - started

    def worker(self, name: str, category: str = "dft") -> subprocess.Popen[bytes]:
        """Start a worker that ends when nothing of its category is ready."""
        env = {"scratch": str(self.folder / name / "scratch"), "cores": RANKS}
        (self.folder / name).mkdir(exist_ok=True)
        file = self.folder / name / "my_fworker.yaml"
        file.write_text(yaml.safe_dump({"name": name, "category": category, "query": "{}", "env": env}))
        command = [*_BEAMHEAT, "rlaunch", "-l", str(self.folder / "my_launchpad.yaml"), "-w", str(file)]
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen([*command, "rapidfire"], cwd=self.folder / name, stdout=log, stderr=log)

    def beamheat(self, *arguments: str, check: bool = True) -> None:
        """Run a command on this campaign's database."""
        command = [*_BEAMHEAT, *arguments, "-l", "my_launchpad.yaml"]
        subprocess.run(command, cwd=self.folder, check=check, stdout=subprocess.DEVNULL)

    def completed(self) -> int:
        """Return how many labels are there."""
        with MongoClient(self.server.uri) as client:
            return self._database(client).labels.count_documents({"state": "completed"})

    def check(self) -> None:
        """Stop the benchmark where not every label was made."""
        if self.completed() != self.labels:
            raise SystemExit(f"{self.completed()} of {self.labels} labels; see {self.folder}")

    def label_seconds(self) -> float:
        """Return the mean time of a label, as its own record has it."""
        with MongoClient(self.server.uri) as client:
            found = [label["run_stats"]["wall_s"] for label in self._database(client).labels.find()]
        return round(sum(found) / len(found), 2)

    def begun(self, name: str) -> list[str]:
        """Return the labels whose calculation a worker began, one for each time, from its programs' logs."""
        logs = (self.folder / name / "scratch").rglob("logs/program.txt")
        lines = [line for log in logs for line in log.read_text().splitlines()]
        return [line.split()[1] for line in lines if line.startswith("begun ")]

    def _database(self, client: MongoClient) -> Database:
        return client[f"bench_{self.folder.name}"]


_BEAMHEAT = [sys.executable, "-m", "beamheat_fw"]


def write_campaign(path: Path, labels: int, ranks: int, chunk_size: int) -> None:
    """Write the quickstart with so many structures of up to ten atoms."""
    document = yaml.safe_load((WORKFLOWS / "quickstart.yaml").read_text())
    document["name"] = "bench"
    document["structures"] |= {
        "particles": [{"kind": "flake", "atoms_per_layer": [n]} for n in (1, 2)],
        "supports": [{"kind": "hbn", "repeat": [2, 2]}],
        "frames": labels,
        "max_atoms": 10,
        "min_image_gap_A": 2.0,
        "free_share": 0.0,
    }
    document["labelling"] |= {"ranks": ranks, "chunk_size": chunk_size}
    document["eels"]["file"] = str(WORKFLOWS / document["eels"]["file"])
    path.write_text(yaml.safe_dump(document))


def _structures(folder: Path, labels: int) -> Path:
    """Write a campaign's structures and settings as files, for what knows no campaign."""
    folder.mkdir()
    write_campaign(folder / "campaign.yaml", labels, RANKS, 16)
    campaign = load_campaign(folder / "campaign.yaml")
    ase.io.write(folder / "structures.extxyz", build_training_set(campaign.structures), format="extxyz")
    (folder / "settings.json").write_text(campaign.labelling.reference.model_dump_json())
    return folder


def bare_loop(home: Path) -> None:
    """Label a folder's structures in one loop."""
    subprocess.run(_bare(home, "bare.jsonl"), env=MpiLauncher().environment(RANKS), check=True)


def stock_rapidfire(home: Path, server: EmbeddedServer, labels: int) -> None:
    """Label a folder's structures with one firework each."""
    settings = {"uri_mode": True, "host": server.uri, "name": "bench_stock"}
    (home / "stock.yaml").write_text(yaml.safe_dump(settings))
    pad = LaunchPad(**settings, strm_lvl="ERROR")
    pad.reset("", require_password=False)
    for number in range(labels):
        script = " ".join([*_bare(home, f"{number}.jsonl"), str(number)])
        pad.add_wf(Firework(ScriptTask.from_str(script)))
    launches = home / "stock"
    launches.mkdir()
    stock = [str(Path(sys.executable).parent / "rlaunch"), "-l", str(home / "stock.yaml"), "-s"]
    with (home / "stock.log").open("wb") as log:
        subprocess.run(
            [*stock, "rapidfire"],
            cwd=launches,
            env=MpiLauncher().environment(RANKS),
            stdout=log,
            stderr=log,
            check=True,
        )
    if (made := len(list(home.glob("[0-9]*.jsonl")))) != labels:
        raise SystemExit(f"stock rlaunch made {made} of {labels} labels")


def _bare(home: Path, output: str) -> list[str]:
    gpaw = str(Path(sys.executable).parent / "gpaw")
    program = [gpaw, "python", str(HERE / "bare_labels.py"), str(home), str(home / output)]
    return MpiLauncher().argv(program, RANKS)


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _wait(true: Callable[[], bool]) -> None:
    over = time.monotonic() + PATIENCE_S
    while not true():
        if time.monotonic() > over:
            raise SystemExit("waited in vain")
        time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main())
