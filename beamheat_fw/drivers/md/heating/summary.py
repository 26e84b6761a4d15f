"""How one rank's heating run ended, as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from beamheat_fw.drivers.md.endings import FINISHED, STOPPED, WALL_TIME
from beamheat_fw.drivers.md.heating.ledger import energy_drift, exchangeable_heat_eV
from beamheat_fw.drivers.md.heating.run import HeatingRun


def summarise(run: HeatingRun, ending: str) -> dict[str, Any]:
    """Return how a rank's run ended, and the ledger, audit and marks of each replica."""
    return {
        "rank": run.place.rank,
        "ended": ending,
        "step": run.dynamics.state.step,
        "steps": run.protocol.steps,
        "time_ps": run.protocol.time_ps(run.dynamics.state.step),
        "wall_s": run.wall_s,
        "start": run.start_info,
        "checkpoints_passed_over": run.crew.checkpoints.passed_over,
        "replicas": [_replica(run, index) for index in range(len(run.crew.numbers)) if run.crew.writes],
    }


def joined(summaries: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Join the summaries of runs that followed each other; how they ended is how the worst of them did."""
    endings = [summary["ended"] for summary in summaries]
    return {
        **summaries[-1],
        "ended": next((ending for ending in (STOPPED, WALL_TIME, FINISHED) if ending in endings), endings[0]),
        "time_ps": min(summary["time_ps"] for summary in summaries),
        "wall_s": sum(summary["wall_s"] for summary in summaries),
        "checkpoints_passed_over": [
            reason for summary in summaries for reason in summary["checkpoints_passed_over"]
        ],
        "replicas": [replica for summary in summaries for replica in summary["replicas"]],
    }


def _replica(run: HeatingRun, index: int) -> dict[str, Any]:
    protocol, series, ledger = run.protocol, run.series.arrays(), run.ledger
    counts = run.replica_counts
    if protocol.injects:
        heat, tolerance = float(ledger.injected_eV[index]), protocol.booking_tolerance
    else:
        heat = exchangeable_heat_eV(counts, (protocol.support_K, protocol.particle_K))
        tolerance = protocol.drift_tolerance
    unbooked = series["E_total_eV"][index] - series["booked_eV"][index]
    drift = energy_drift(series["time_ps"], unbooked, int(counts.sum()), heat, tolerance)
    marks = [asdict(mark) for mark in run.marks.found if mark.replica == index]
    return {
        "replica": run.crew.numbers[index],
        "marks": [{**mark, "replica": run.crew.numbers[index]} for mark in marks],
        "drift": {name: _listed(value) for name, value in asdict(drift).items()},
        "power_nW": protocol.power_nW(run.crew.numbers[index]),
        "heat_eV": heat,
        "ledger": {
            name: _listed(getattr(ledger, name)[index])
            for name in ("start_eV", "bath_eV", "relax_start_eV", "now_eV", "far_bath_eV", "injected_eV")
        },
        "bath_residual_eV": _listed(ledger.bath_residual_eV()[index]),
    }


def _listed(values: np.ndarray | float | bool) -> Any:
    plain = np.asarray(values).tolist()
    if isinstance(plain, list):
        return [_listed(value) for value in plain]
    return plain if np.isfinite(plain) else None
