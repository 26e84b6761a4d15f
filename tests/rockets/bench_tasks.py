"""Trivial firetasks that the tests of launch, doctor and faults run in real rockets."""

from __future__ import annotations

import os
import resource
import subprocess
import time
from pathlib import Path
from typing import Any

import yaml
from fireworks import FiretaskBase, Firework, FWAction, LaunchPad, Workflow
from fireworks.utilities.fw_utilities import explicit_serialize

from beamheat_fw.launch.job_folder import JobFolder
from beamheat_fw.launch.stopping import STOP
from beamheat_fw.launch.submission import insert_once


@explicit_serialize
class Sleep(FiretaskBase):
    """Sleep for `seconds`; with `polls` stop when asked, as a driver does. Leaves a mark at each start.

    With `until` it sleeps on until that file is there, however slow the test. `needs` names a value that an
    earlier task must have put into the spec; after `disk_full` this process can write to no file any more.
    """

    def run_task(self, fw_spec: dict[str, Any]) -> FWAction:
        if "mark" in self:
            with Path(self["mark"]).open("a") as marks:
                marks.write("started\n")
        if "needs" in self:
            fw_spec[self["needs"]]
        if self.get("disk_full"):
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        over = time.monotonic() + self.get("seconds", 0)
        while time.monotonic() < over or not Path(self.get("until", "/")).exists():
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
class TellAll(FiretaskBase):
    """Tell the database, the log and the error everything that the LaunchPad says of itself."""

    def run_task(self, fw_spec: dict[str, Any]) -> FWAction:
        said = f"{self.launchpad.to_dict()} {self.launchpad!r} {self.launchpad}"
        print(said)
        if self.get("fail"):
            raise ValueError(said)
        return FWAction(stored_data=self.launchpad.to_dict(), update_spec={"said": said})


@explicit_serialize
class TooMuch(FiretaskBase):
    """Return more than a MongoDB document can hold."""

    def run_task(self, fw_spec: dict[str, Any]) -> FWAction:
        return FWAction(update_spec={"array": "x" * (17 * 2**20)})


@explicit_serialize
class InsertStep(FiretaskBase):
    """Insert a workflow under its step key, as the firework at a round's end does."""

    def run_task(self, fw_spec: dict[str, Any]) -> FWAction:
        settings = yaml.safe_load(Path(os.environ["BENCH_LAUNCHPAD"]).read_text())
        workflow = Workflow([Firework(Sleep())], metadata={"step_key": self["step_key"]})
        return FWAction(stored_data={"inserted": insert_once(LaunchPad.from_dict(settings), workflow)})


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
