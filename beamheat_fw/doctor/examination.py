"""The doctor's round: compares LaunchPad, launch folders and data, and repairs what does not agree.

Every repair looks again, under the workflow's lock or in the query of its write, whether things still are as
they were found. So the round may be made at any time, twice, beside another doctor and beside live workers.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

from fireworks.core.launchpad import LockedWorkflowError

from beamheat_fw.doctor.data import examine_campaigns, examine_folders, examine_labels
from beamheat_fw.doctor.finding import Finding
from beamheat_fw.doctor.reservations import examine_reservations
from beamheat_fw.doctor.rockets import examine_claims, examine_runs
from beamheat_fw.doctor.workflows import examine_locks, examine_states
from beamheat_fw.errors import BeamheatError
from beamheat_fw.launch.launchpad import SurvivingLaunchPad
from beamheat_fw.launch.scheduler import Scheduler
from beamheat_fw.launch.worker import Worker
from beamheat_fw.store.database import Store

#: A repair may bring the next inconsistency to light: a completed parent, then its waiting child.
_ROUNDS = 4
_LOG = logging.getLogger(__name__)


def examine(
    launchpad: SurvivingLaunchPad,
    store: Store,
    scratch: Path | None = None,
    scheduler: Scheduler | None = None,
) -> Iterator[Finding]:
    """Yield every inconsistency; changes nothing.

    Parameters
    ----------
    launchpad : SurvivingLaunchPad
    store : Store
    scratch : Path, optional
        Where this machine's job folders live; the default worker's scratch if not given.
    scheduler : Scheduler, optional
        The queue whose word on its jobs counts.
    """
    yield from examine_locks(launchpad, scheduler)
    yield from examine_claims(launchpad, scheduler)
    yield from examine_reservations(launchpad, scheduler)
    yield from examine_runs(launchpad, scheduler)
    yield from examine_states(launchpad)
    yield from examine_folders(launchpad, scratch or Worker().scratch)
    yield from examine_labels(launchpad, store)
    yield from examine_campaigns(launchpad, store)


def examine_and_fix(
    launchpad: SurvivingLaunchPad,
    store: Store,
    scratch: Path | None = None,
    scheduler: Scheduler | None = None,
) -> list[Finding]:
    """Repair everything that can be repaired from here; return what was."""
    return _fix(lambda: examine(launchpad, store, scratch, scheduler))


def fix_reservations(launchpad: SurvivingLaunchPad, scheduler: Scheduler | None = None) -> list[Finding]:
    """Bring in what nodes without a database have run, and free what no job will; return what was done."""
    return _fix(lambda: examine_reservations(launchpad, scheduler))


def _fix(look: Callable[[], Iterator[Finding]]) -> list[Finding]:
    mended: list[Finding] = []
    for _ in range(_ROUNDS):
        fixed = [finding for finding in look() if _mend(finding)]
        mended += fixed
        if not fixed:
            break
    return mended


def _mend(finding: Finding) -> bool:
    try:
        return finding.mend is not None and finding.mend()
    except (BeamheatError, LockedWorkflowError) as error:
        _LOG.warning("%s: not mended: %s", finding.kind, error)
        return False
