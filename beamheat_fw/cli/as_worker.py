"""Commands that change fireworks see the LaunchPad as this machine's worker does: with its allow-list."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from beamheat_fw.launch.launchpad import SurvivingLaunchPad
    from beamheat_fw.launch.worker import Worker


def connect_as_worker(
    launchpad: Path | None = None, fworker_file: Path | None = None
) -> tuple[SurvivingLaunchPad, Worker]:
    """Return the LaunchPad in force and the worker of this machine.

    Parameters
    ----------
    launchpad, fworker_file : Path, optional
        What was given with ``-l`` and ``-w``; without the latter the worker file is the one here, or beside
        the launchpad file.

    Raises
    ------
    InputError
        A file is missing or wrong, or the database does not answer.
    """
    from beamheat_fw.cli.connection import connect
    from beamheat_fw.launch.worker import read_worker
    from beamheat_fw.launch.worker_file import find_worker_file, read_fworker
    from beamheat_fw.store.server.launchpad_file import find_launchpad_file

    worker = read_worker(read_fworker(find_worker_file(fworker_file, find_launchpad_file(launchpad))).env)
    pad = connect(launchpad)
    pad.allowed_tasks = worker.allowed_tasks
    return pad, worker
