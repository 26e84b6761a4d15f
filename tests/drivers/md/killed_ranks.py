"""MPI ranks ended without warning: for what must go on after it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path


def kill_rank(folder: Path, program: subprocess.Popen, rank: int, after_s: float) -> bool:
    """Kill one rank with SIGKILL a moment after it has begun to run; tell whether it had not ended before."""
    mark = folder / f"pid-{rank}"
    wait_for(mark.exists, program)
    time.sleep(after_s)
    alive = program.poll() is None
    if alive:
        try:
            os.kill(int(mark.read_text()), signal.SIGKILL)
        except ProcessLookupError:
            alive = False
    program.wait(60)
    for path in folder.glob("pid-*"):
        path.unlink()
    return alive


def wait_for(condition: Callable[[], bool], program: subprocess.Popen) -> None:
    """Wait until something holds, the program has ended, or a minute is over."""
    deadline = time.monotonic() + 60
    while not condition() and program.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
