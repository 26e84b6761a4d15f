"""Trivial firetasks that the tests of launch, doctor and faults run in real rockets."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Any

from fireworks import FiretaskBase, FWAction
from fireworks.utilities.fw_utilities import explicit_serialize

from beamheat_fw.launch.job_folder import JobFolder
from beamheat_fw.launch.stopping import STOP


@explicit_serialize
class Sleep(FiretaskBase):
    """Sleep for `seconds`; with `polls` stop when asked, as a driver does. Leaves a mark at each start."""

    def run_task(self, fw_spec: dict[str, Any]) -> FWAction:
        if "mark" in self:
            with Path(self["mark"]).open("a") as marks:
                marks.write("started\n")
        over = time.monotonic() + self.get("seconds", 0)
        while time.monotonic() < over:
            if self.get("polls") and STOP():
                raise STOP.error()
            time.sleep(0.02)
        return FWAction(stored_data={"slept": True}, update_spec={"from_parent": "kept"})


@explicit_serialize
class Fail(FiretaskBase):
    """Fail, always with the same error."""

    def run_task(self, fw_spec: dict[str, Any]) -> FWAction:
        raise ValueError(self.get("message", "as asked"))


@explicit_serialize
class TooMuch(FiretaskBase):
    """Return more than a MongoDB document can hold."""

    def run_task(self, fw_spec: dict[str, Any]) -> FWAction:
        return FWAction(update_spec={"array": "x" * (17 * 2**20)})


@explicit_serialize
class ChildProgram(FiretaskBase):
    """Run a child program that inherits the lock of the job's folder."""

    def run_task(self, fw_spec: dict[str, Any]) -> FWAction:
        folder = JobFolder(Path(self["scratch"]), self["job_key"])
        with folder.locked(stop=STOP) as lock:
            # A session of its own: like mpirun's ranks it outlives a rocket that is killed.
            child = subprocess.Popen(["sleep", self["seconds"]], pass_fds=[lock], start_new_session=True)
            folder.write("child.json", child.pid)
            while child.poll() is None:
                time.sleep(0.02)
        return FWAction(stored_data={"child": child.pid})
