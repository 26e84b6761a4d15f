"""A bench for tests with real rockets: a database, workers as child processes, and means to kill either."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from fireworks import Firework, Workflow

from beamheat_fw.launch.launchpad import SurvivingLaunchPad
from beamheat_fw.launch.submission import prepare_launchpad
from beamheat_fw.store.server.embedded import EmbeddedServer

HERE = Path(__file__).parent
PATIENCE_S = 60.0
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))


def wait_until(true: Callable[[], Any], what: str, patience_s: float = PATIENCE_S) -> Any:
    """Return the first true value of a function; fail the test when none comes."""
    give_up_at = time.monotonic() + patience_s
    while time.monotonic() < give_up_at:
        if value := true():
            return value
        time.sleep(0.05)
    pytest.fail(f"waited {patience_s} s in vain for: {what}")


@dataclass
class Bench:
    """One test's database, folder and rockets.

    Attributes
    ----------
    folder : Path
    launchpad : SurvivingLaunchPad
    launchpad_file : Path
    """

    folder: Path
    launchpad: SurvivingLaunchPad
    launchpad_file: Path
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    def worker_file(self, **env: Any) -> Path:
        """Write a worker file that allows the bench's firetasks."""
        path = self.folder / "my_fworker.yaml"
        env = {"allowed_tasks": ["bench_tasks"], "scratch": str(self.folder / "scratch"), **env}
        path.write_text(yaml.safe_dump({"name": "bench", "category": "", "query": "{}", "env": env}))
        return path

    def rlaunch(
        self, *arguments: str, environ: dict[str, str] | None = None, **env: Any
    ) -> subprocess.Popen[str]:
        """Start ``beamheat rlaunch`` with a worker file; its output goes to rockets.log."""
        command = [sys.executable, "-m", "beamheat_fw", "rlaunch", "-l", str(self.launchpad_file)]
        command += ["-w", str(self.worker_file(**env)), *arguments]
        return self.start(command, environ)

    def start(self, command: list[str], environ: dict[str, str] | None = None) -> subprocess.Popen[str]:
        """Start any command of a worker in the bench's folder, with the package under test."""
        own = {"PYTHONPATH": str(HERE), **(environ or {})}
        if "PYTHONPATH" in os.environ:
            own["PYTHONPATH"] += os.pathsep + os.environ["PYTHONPATH"]
        with (self.folder / "rockets.log").open("a") as log:
            process = subprocess.Popen(
                command,
                cwd=self.folder,
                env={
                    **os.environ,
                    "FW_CONFIG_FILE": str(self._config()),
                    "BENCH_LAUNCHPAD": str(self.launchpad_file),
                    **own,
                },
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
            )
        self.processes.append(process)
        return process

    def add(self, *fireworks: Firework, **metadata: Any) -> list[int]:
        """Add a workflow; return the ids of its fireworks in the order given."""
        negative = [firework.fw_id for firework in fireworks]
        new = self.launchpad.add_wf(Workflow(list(fireworks), metadata=metadata))
        return [new[fw_id] for fw_id in negative]

    def state(self, fw_id: int) -> str:
        """Return a firework's state."""
        return self.launchpad.fireworks.find_one({"fw_id": fw_id}, {"state": 1})["state"]

    def wait_for(self, fw_id: int, state: str) -> None:
        """Wait until a firework has a state."""
        try:
            wait_until(lambda: self.state(fw_id) == state, f"firework {fw_id} {state}")
        except pytest.fail.Exception:
            pytest.fail(f"firework {fw_id} is {self.state(fw_id)}, not {state}\n{self.log()}")

    def wait_for_mark(self, mark: Path, count: int = 1) -> None:
        """Wait until a task has left its mark so many times."""
        wait_until(
            lambda: mark.exists() and len(mark.read_text().split()) >= count, f"{mark.name} {count} times"
        )

    def newest_launch(self, fw_id: int) -> dict[str, Any]:
        """Return the document of a firework's newest launch."""
        firework = self.launchpad.fireworks.find_one({"fw_id": fw_id})
        newest = max(firework["launches"] + firework["archived_launches"])
        return self.launchpad.launches.find_one({"launch_id": newest})

    def log(self) -> str:
        """Return what the rockets have printed."""
        path = self.folder / "rockets.log"
        return path.read_text() if path.exists() else ""

    def end(self) -> None:
        """Kill what is left of the rockets."""
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()

    def _config(self) -> Path:
        path = self.folder / "FW_config.yaml"
        path.write_text(
            "PING_TIME_SECS: 1\nRUN_EXPIRATION_SECS: 4\nRAPIDFIRE_SLEEP_SECS: 1\nWFLOCK_EXPIRATION_SECS: 5\n"
        )
        return path


def kill(process: subprocess.Popen[str], number: signal.Signals = signal.SIGKILL) -> int:
    """Send a signal to a rocket, wait for its end and return its exit status."""
    process.send_signal(number)
    return process.wait(timeout=PATIENCE_S)


def kill_server(server: EmbeddedServer) -> None:
    """End a mongod as a crash would."""
    pid = server.status()["pid"]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: server.status()["pid"] != pid, "mongod's end")


@pytest.fixture
def bench(launchpad_file: Path, tmp_path: Path) -> Iterator[Bench]:
    """A bench on a fresh database of the session's server."""
    with bench_on(launchpad_file, tmp_path) as bench:
        yield bench


@pytest.fixture(scope="session")
def server_to_kill(fast_folder: Path) -> Iterator[EmbeddedServer]:
    """A server beside the session's, which other tests need alive."""
    server = EmbeddedServer(fast_folder / "k")
    yield server
    server.stop()


@pytest.fixture
def own_server(server_to_kill: EmbeddedServer) -> EmbeddedServer:
    """A server to kill and restart; it runs when the test begins, whatever the one before did to it."""
    server_to_kill.start()
    return server_to_kill


@pytest.fixture
def fragile_bench(own_server: EmbeddedServer, tmp_path: Path) -> Iterator[Bench]:
    """A bench on a fresh database of a server to kill."""
    impatient = {"mongoclient_kwargs": {"serverSelectionTimeoutMS": 500}}
    fresh = {"name": f"test_{uuid.uuid4().hex[:12]}"}
    settings = yaml.safe_load(own_server.launchpad_file.read_text()) | impatient | fresh
    path = tmp_path / "my_launchpad.yaml"
    path.write_text(yaml.safe_dump(settings))
    with bench_on(path, tmp_path) as bench:
        yield bench


@contextmanager
def bench_on(launchpad_file: Path, folder: Path) -> Iterator[Bench]:
    """Make a bench of a database and a folder; its rockets end with it."""
    launchpad = SurvivingLaunchPad.from_dict(
        yaml.safe_load(launchpad_file.read_text()) | {"strm_lvl": "ERROR"}
    )
    launchpad.allowed_tasks = ("bench_tasks",)
    prepare_launchpad(launchpad)
    bench = Bench(folder, launchpad, launchpad_file)
    try:
        yield bench
    finally:
        bench.end()
        launchpad.connection.close()
