"""The LaunchPad of a rocket on a node without a database: its launch folder.

FireWorks' own `launch_rocket` runs on it unchanged. It knows one firework, the one that was staged.
"""

from __future__ import annotations

import datetime
import platform
from pathlib import Path
from typing import Any

from fireworks import Firework, FWAction, FWorker
from fireworks.utilities.fw_serializers import reconstitute_dates

from beamheat_fw.errors import InputError
from beamheat_fw.launch.allow_list import judge
from beamheat_fw.launch.completion import fitting
from beamheat_fw.launch.staged_launch import (
    EndedLaunch,
    StagedLaunch,
    StartedLaunch,
    is_recalled,
    read_firework,
)
from beamheat_fw.launch.stopping import STOP, Phase, why_stopped


class FolderLaunchPad:
    """The few methods of a LaunchPad through which a rocket talks to it, on a launch folder.

    Parameters
    ----------
    folder : Path
        Where `StagedLaunch` was written.
    allowed_tasks : tuple of str
        As of a LaunchPad: what is in the folder came from the database.

    Attributes
    ----------
    staged : StagedLaunch

    Raises
    ------
    InputError
        Nothing is staged in the folder.
    """

    def __init__(self, folder: Path, allowed_tasks: tuple[str, ...] = ()) -> None:
        staged = StagedLaunch.read(folder)
        if staged is None:
            raise InputError(
                "Nothing is staged in this folder",
                "Run this in a folder that `beamheat rlaunch stage` or `beamheat qlaunch -r` made.",
                {"folder": str(folder)},
            )
        self.folder = folder
        self.allowed_tasks = allowed_tasks
        self.staged = staged

    def get_logdir(self) -> None:
        """Return that there is no folder for logs."""

    def checkout_fw(
        self, fworker: FWorker, launch_dir: str, fw_id: int | None = None
    ) -> tuple[Firework | None, int | None]:
        """Return the staged firework and its launch, or nothing when it has ended or was replaced."""
        STOP.check()
        if is_recalled(self.folder) or EndedLaunch.read(self.folder):
            return None, None
        document = read_firework(self.folder)
        judge(document, self.allowed_tasks)
        firework = Firework.from_dict(reconstitute_dates(document))
        StartedLaunch(self.staged.launch_id, platform.node(), _now()).write(self.folder)
        STOP.new_task()
        return firework, self.staged.launch_id

    def ping_launch(self, launch_id: int, ptime: Any = None, checkpoint: Any = None) -> None:
        """Look whether the launch was replaced; there is nobody to send a heartbeat to."""
        if is_recalled(self.folder):
            STOP.end_task("another rocket has taken this firework over")

    def complete_launch(
        self, launch_id: int, action: FWAction | None = None, state: str = "COMPLETED"
    ) -> None:
        """Write down how the run ended, for the machine that staged it."""
        STOP.phase = Phase.DATABASE
        document, state = fitting(action, state)
        stopped = why_stopped(action) if state == "FIZZLED" else None
        EndedLaunch(launch_id, state, document, stopped, _now()).write(self.folder)
        STOP.phase = Phase.IDLE

    def restore_backup_data(self, launch_id: int, fw_id: int) -> None:
        """Do nothing: nothing was changed."""


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat()
