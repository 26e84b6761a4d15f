"""Submitting a job whose work was staged for a node without a database.

FireWorks' `launch_rocket_to_queue` stages offline jobs by itself, in files that today's monty does not read.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import chdir
from functools import partial
from pathlib import Path

from fireworks import Firework, FWorker
from fireworks.fw_config import QUEUE_JOBNAME_MAXLEN, SUBMIT_SCRIPT_NAME
from fireworks.queue.queue_adapter import QueueAdapterBase
from fireworks.utilities.fw_serializers import load_object
from fireworks.utilities.fw_utilities import create_datestamp_dir, get_slug

from beamheat_fw.launch.launchpad import SurvivingLaunchPad
from beamheat_fw.launch.staged_launch import recall

_LOG = logging.getLogger(__name__)
#: Stages a reserved firework in the folder of its launch; tells whether a node has to run it.
Stage = Callable[[Firework, int, Path], bool]


def reserve_in_new_folder(
    launchpad: SurvivingLaunchPad, fworker: FWorker, parent: Path
) -> tuple[Firework, int, Path] | None:
    """Reserve a firework and make the folder of its launch; None when nothing is ready."""
    firework, launch_id = launchpad.reserve_fw(fworker, str(parent))
    if firework is None or launch_id is None:
        return None
    folder = Path(create_datestamp_dir(str(parent), _LOG, prefix="launcher_"))
    launchpad.change_launch_dir(launch_id, str(folder))
    return firework, launch_id, folder


def submit_staged(
    launchpad: SurvivingLaunchPad, fworker: FWorker, adapter: QueueAdapterBase, parent: Path, stage: Stage
) -> str | bool | None:
    """Reserve a firework, stage it, and submit the job that runs it.

    Returns
    -------
    str, False or None
        The job's id; False when the scheduler refused it, and the firework is READY again; None when nothing
        is ready that needs a job.
    """
    met: set[int] = set()
    while reserved := reserve_in_new_folder(launchpad, fworker, parent):
        firework, launch_id, folder = reserved
        if launchpad._survive(partial(stage, firework, launch_id, folder), "staging a job"):
            return _submit(launchpad, adapter, firework, launch_id, folder)
        # Its work was done already, or somebody else is doing it; met again, it is READY for the next round.
        if firework.fw_id in met:
            break
        met.add(firework.fw_id)
    return None


def _submit(
    launchpad: SurvivingLaunchPad, adapter: QueueAdapterBase, firework: Firework, launch_id: int, folder: Path
) -> str | bool:
    own = load_object(adapter.to_dict())
    own.update(job_name=get_slug(firework.name)[:QUEUE_JOBNAME_MAXLEN])
    own.update(firework.spec.get("_queueadapter") or {})
    with chdir(folder):
        Path(SUBMIT_SCRIPT_NAME).write_text(own.get_script_str(str(folder)))
        job = own.submit_to_queue(SUBMIT_SCRIPT_NAME)
    if not job:
        recall(folder)
        launchpad.free_reservation(firework.fw_id, launch_id)
        return False
    launchpad.set_reservation_id(launch_id, job)
    return str(job)
