"""Replicas that follow each other, each moved by all ranks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from beamheat_fw.drivers.md.endings import STOPPED
from beamheat_fw.drivers.md.heating.run import HeatingRun
from beamheat_fw.drivers.md.heating.summary import joined, summarise
from beamheat_fw.drivers.md.protocols import HeatProtocol


def run_in_turn(
    protocol: HeatProtocol, prepare: Callable[[HeatProtocol, int], HeatingRun], stop: Callable[[], bool]
) -> dict[str, Any]:
    """Run all replicas of a protocol and return their joined summary.

    Each has its part of the wall time. When a run goes on, a replica that is done ends at once.

    Parameters
    ----------
    protocol : HeatProtocol
    prepare : callable
        Returns the run of a replica, given its protocol and number.
    stop : callable
        Turns true when the run should write its checkpoint and end.
    """
    limit = None if protocol.max_wall_s is None else protocol.max_wall_s / protocol.replicas_per_rank
    each = replace(protocol, max_wall_s=limit)
    summaries: list[dict[str, Any]] = []
    for replica in range(protocol.replicas_per_rank):
        run = prepare(each, replica)
        summaries.append(summarise(run, run.run(stop)))
        if summaries[-1]["ended"] == STOPPED:
            break
    return joined(summaries)
