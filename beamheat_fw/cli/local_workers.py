"""A few rocket launchers on this machine, started, tended and stopped by ``beamheat run``."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from beamheat_fw.drivers.process import end_with_parent
from beamheat_fw.errors import CalculationError

#: How long a worker has to hand its work over after SIGTERM, s.
GRACE_S = 60.0
#: Restarts of one worker after which something other than bad luck must be at work.
MAX_RESTARTS = 20


@dataclass
class LocalWorker:
    """One ``beamheat rlaunch rapidfire`` process.

    Attributes
    ----------
    name : str
        Names its log file.
    worker_file : Path
        The FWorker file: which categories it takes and how it starts MPI.
    """

    name: str
    worker_file: Path
    process: subprocess.Popen[bytes] | None = None
    restarts: int = 0


@dataclass
class LocalWorkers:
    """The workers of this machine.

    Attributes
    ----------
    launchpad_file : Path
    config_file : Path
        FireWorks' settings, such as how often a worker shows that it lives.
    launch_folder : Path
        Where FireWorks makes its launch folders; logs go there, too.
    workers : list of LocalWorker
    """

    launchpad_file: Path
    config_file: Path
    launch_folder: Path
    workers: list[LocalWorker] = field(default_factory=list)

    def start(self) -> None:
        """Start every worker that is not running."""
        self.launch_folder.mkdir(parents=True, exist_ok=True)
        for worker in self.workers:
            if worker.process is None:
                worker.process = self._start(worker)

    def tend(self) -> list[str]:
        """Restart workers that died; return their names.

        Raises
        ------
        CalculationError
            A worker died again and again.
        """
        died = []
        for worker in self.workers:
            if worker.process is not None and worker.process.poll() is not None:
                worker.restarts += 1
                if worker.restarts > MAX_RESTARTS:
                    raise CalculationError(
                        "A worker keeps dying",
                        f"See the end of {self._log(worker)}.",
                        {"worker": worker.name, "restarts": worker.restarts, "rc": worker.process.returncode},
                    )
                worker.process = None
                died.append(worker.name)
        return died

    def stop(self) -> None:
        """Ask all workers to hand over, wait, and end by force whoever does not."""
        running = [
            worker.process for worker in self.workers if worker.process and worker.process.poll() is None
        ]
        for process in running:
            process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + GRACE_S
        for process in running:
            try:
                process.wait(timeout=max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for worker in self.workers:
            worker.process = None

    def _log(self, worker: LocalWorker) -> Path:
        return self.launch_folder / f"{worker.name}.log"

    def _start(self, worker: LocalWorker) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "beamheat_fw", "rlaunch"]
        command += ["-l", str(self.launchpad_file), "-w", str(worker.worker_file)]
        command += ["rapidfire", "--nlaunches", "infinite", "--sleep", "1"]
        parent = os.getpid()
        with self._log(worker).open("ab") as log:
            return subprocess.Popen(
                command,
                cwd=self.launch_folder,
                env={**os.environ, "FW_CONFIG_FILE": str(self.config_file)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=lambda: end_with_parent(parent, signal.SIGTERM),
            )
