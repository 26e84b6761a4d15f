"""How far a run is and when it will be done, as a small file for whoever watches."""

from __future__ import annotations

import json
import time
from pathlib import Path

from beamheat_fw.whole_files import write_whole

PROGRESS_FILE = "progress.json"
_EVERY_S = 1.0


class Progress:
    """Writes `progress.json` about once a second.

    Parameters
    ----------
    folder : Path
    steps : int
        Steps of the whole run.
    timestep_fs : float
    replicas : int
        Replicas of all ranks together.
    """

    def __init__(self, folder: Path, steps: int, timestep_fs: float, replicas: int) -> None:
        self._path = folder / PROGRESS_FILE
        self._steps = steps
        self._ps_per_step = timestep_fs * 1e-3
        self._replicas = replicas
        self._first: tuple[float, int] | None = None
        self._written = 0.0

    def show(self, step: int, phase: str, wall_left_s: float | None = None) -> None:
        """Tell that `step` steps are done, not more often than once a second.

        Parameters
        ----------
        step : int
        phase : str
        wall_left_s : float, optional
            What is left of a wall-time budget.
        """
        now = time.monotonic()
        if self._first is None:
            self._first = (now, step)
        if now - self._written < _EVERY_S and step < self._steps:
            return
        self._written = now
        steps_per_s = (step - self._first[1]) / max(now - self._first[0], 1e-9)
        left_s = (self._steps - step) / steps_per_s if steps_per_s > 0 else None
        if left_s is not None and wall_left_s is not None:
            left_s = min(left_s, max(wall_left_s, 0.0))
        content = {
            "step": step,
            "steps": self._steps,
            "phase": phase,
            "ns_per_day": steps_per_s * self._ps_per_step * 86.4,
            "replicas": self._replicas,
            "seconds_left": left_s,
        }
        write_whole(self._path, json.dumps(content).encode())


def read_progress(folder: Path) -> dict | None:
    """Return the content of the progress file of a job folder, None when it has not been written yet."""
    try:
        return json.loads((folder / PROGRESS_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
