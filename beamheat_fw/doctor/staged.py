"""Runs that were staged by this machine for nodes without a database.

Such a run shows no sign of life, so time says nothing of it: what counts is the word of the queue, and the
files of its launch folder, which the machine that staged it sees.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from beamheat_fw.doctor.finding import Finding
from beamheat_fw.doctor.rockets import lost_run
from beamheat_fw.firetasks.offline import bring_in, note_end
from beamheat_fw.launch.launchpad import SurvivingLaunchPad
from beamheat_fw.launch.staged_launch import (
    EndedLaunch,
    StagedLaunch,
    StartedLaunch,
    is_recalled,
    recall,
)


def examine_staged(
    launchpad: SurvivingLaunchPad, launch: Mapping[str, Any], staged: StagedLaunch, gone: str | None
) -> Finding | None:
    """Examine a RESERVED launch that was staged here.

    Parameters
    ----------
    launchpad : SurvivingLaunchPad
    launch : mapping
        Its document.
    staged : StagedLaunch
    gone : str or None
        Why no job will run it any more; None while one may, or where it is run by hand.
    """
    folder = Path(launch["launch_dir"])
    about = {"fw_id": launch["fw_id"], "launch_id": launch["launch_id"]}
    bring = partial(bring_in, launchpad, launch)
    if EndedLaunch.read(folder) is not None:
        return Finding(
            "staged run ended", about, "a node without database has run it", "it is brought in", bring
        )
    if gone is None or not staged.for_queue:
        return None
    if staged.job.outcome() is not None:  # killed between the last of the work and the word of it
        bring_noted = partial(_first, partial(note_end, folder, staged), bring)
        return Finding(
            "staged run ended", about, f"its work is done, and {gone}", "it is brought in", bring_noted
        )
    tell = partial(recall, folder)
    if StartedLaunch.read(folder) is None:
        free = partial(_first, tell, partial(launchpad.free_reservation, about["fw_id"], about["launch_id"]))
        return Finding(
            "cancelled job", about, f"it is staged, but {gone}", "the firework is made READY", free
        )
    lost = lost_run(launchpad, about, gone, "RESERVED")
    return Finding(lost.kind, lost.about, lost.cause, lost.cure, partial(_first, tell, lost.mend or tell))


def examine_replaced(launchpad: SurvivingLaunchPad) -> Iterator[Finding]:
    """Find launches staged here whose firework was taken from them: their runs go on for nothing."""
    here = {"state": "RESERVED", "host": socket.gethostname()}
    for launch in list(launchpad.launches.find(here)):
        folder = Path(launch["launch_dir"])
        staged = StagedLaunch.read(folder)
        is_old = staged is not None and staged.launch_id == launch["launch_id"]
        if not is_old or is_recalled(folder) or _is_current(launchpad, launch):
            continue
        yield Finding(
            "replaced staged run",
            {"fw_id": launch["fw_id"], "launch_id": launch["launch_id"]},
            "its firework was run again, cancelled or taken elsewhere",
            "its run is told to stop",
            partial(_first, partial(recall, folder), lambda: True),
        )


def _is_current(launchpad: SurvivingLaunchPad, launch: Mapping[str, Any]) -> bool:
    current = {"fw_id": launch["fw_id"], "state": "RESERVED", "launches": launch["launch_id"]}
    return launchpad.fireworks.find_one(current, {"_id": 1}) is not None


def _first(first: Callable[[], None], then: Callable[[], Any]) -> bool:
    first()
    return bool(then())
