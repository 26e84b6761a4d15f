"""Reads what LAMMPS measured, over all segments of a replica's run."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from beamheat_fw.drivers.md.lammps.script import COLUMNS, Segment
from beamheat_fw.drivers.md.protocols import HeatProtocol
from beamheat_fw.units import NW_PER_EV_PER_PS


def segments(folder: Path, replica: int) -> list[Segment]:
    """Return the segments of a replica's run that were begun, in order."""
    names = folder.glob(f"samples-{replica}-*.txt")
    return sorted(
        (Segment(replica, int(path.stem.rpartition("-")[2])) for path in names), key=lambda s: s.first_step
    )


def restarts(folder: Path, replica: int) -> list[Segment]:
    """Return the segments that could be begun from the whole restart files there are, the oldest first.

    The files of one system are of one size; a smaller one was cut short.
    """
    sizes = {path: path.stat().st_size for path in folder.glob(f"state-{replica}.*.restart")}
    steps = [int(path.name.split(".")[1]) for path, size in sizes.items() if size == max(sizes.values())]
    return [Segment(replica, step) for step in sorted(steps)]


def read_samples(folder: Path, protocol: HeatProtocol, replica: int) -> dict[str, np.ndarray]:
    """Return a replica's samples: `COLUMNS` and ``time_ps``, ``booked_eV``, each of shape (S,).

    A segment that was interrupted counts up to where the next one began, and what its bath took until then
    goes on counting: a bath counts from the first sample of its segment.
    """
    parts, took = [], 0.0
    begun = segments(folder, replica)
    for segment, following in zip(begun, [*begun[1:], None], strict=True):
        rows = _rows(folder / segment.samples)
        rows[:, -1] += took - rows[:1, -1]
        if following is not None:
            rows = rows[rows[:, 0] <= following.first_step]
        if segment.first_step:
            rows = rows[rows[:, 0] > segment.first_step]
        took = rows[-1, -1] if len(rows) else took
        parts.append(rows)
    joined = np.concatenate(parts) if parts else np.empty((0, len(COLUMNS)))
    found = dict(zip(COLUMNS, joined.T, strict=True))
    time_ps = np.array([protocol.time_ps(int(step)) for step in found["step"]])
    put_in = protocol.power_nW(replica) / NW_PER_EV_PER_PS * time_ps
    return {**found, "time_ps": time_ps, "booked_eV": put_in - found["bath_took_eV"]}


def _rows(path: Path) -> np.ndarray:
    lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    whole = [line.split() for line in lines if len(line.split()) == len(COLUMNS)]
    return np.array(whole, dtype=float).reshape(-1, len(COLUMNS))
