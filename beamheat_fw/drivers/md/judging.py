"""Asks the gate of `beamheat_fw.physics` about the frames of a batch."""

from __future__ import annotations

import numpy as np

from beamheat_fw.drivers.md.audit import Judge, Verdict
from beamheat_fw.drivers.md.batch import Batch
from beamheat_fw.drivers.md.forces import Evaluated
from beamheat_fw.drivers.md.protocols import CommitteeFile


def judge_of(committee: CommitteeFile) -> Judge:
    """Return the gate of a committee; one that passes no judgement when there is no calibration yet."""
    return _without_calibration


def _without_calibration(batch: Batch, positions_A: np.ndarray, evaluated: Evaluated) -> list[Verdict]:
    return [Verdict() for _ in range(len(batch))]
