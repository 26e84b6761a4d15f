"""What a heating run measures on its way: temperatures, energies, and the committee's spread."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from beamheat_fw.drivers.md.observables import Sample
from beamheat_fw.whole_files import write_whole

SERIES_COLUMNS = ("T_support_K", "T_particle_K", "E_support_eV", "E_particle_eV", "booked_eV")


class Recorder:
    """Series of R replicas against time; what a stopped replica no longer has is NaN.

    Parameters
    ----------
    replicas : int
    capacity : int
        Samples expected at most.
    """

    def __init__(self, replicas: int, capacity: int) -> None:
        self.taken = 0
        self._time_ps = np.zeros(capacity)
        self._columns = {name: np.full((replicas, capacity), np.nan) for name in SERIES_COLUMNS}

    def add(self, time_ps: float, active: Sequence[int], sample: Sample, booked_eV: np.ndarray) -> None:
        """Append a sample of the replicas `active`, and the heat that came into each of them from outside."""
        self._time_ps[self.taken] = time_ps
        for body, (temperature, energy) in enumerate(
            (("T_support_K", "E_support_eV"), ("T_particle_K", "E_particle_eV"))
        ):
            self._columns[temperature][active, self.taken] = sample.temperatures_K[:, body]
            self._columns[energy][active, self.taken] = sample.energies_eV[:, body]
        self._columns["booked_eV"][active, self.taken] = booked_eV
        self.taken += 1

    def arrays(self) -> dict[str, np.ndarray]:
        """Return ``time_ps`` of shape (S,) and the columns and ``E_total_eV`` of shape (R, S)."""
        columns = {name: values[:, : self.taken] for name, values in self._columns.items()}
        total = columns["E_support_eV"] + columns["E_particle_eV"]
        return {"time_ps": self._time_ps[: self.taken], **columns, "E_total_eV": total}

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Go on from what `arrays` returned."""
        self.taken = arrays["time_ps"].size
        self._time_ps[: self.taken] = arrays["time_ps"]
        for name, values in self._columns.items():
            values[:, : self.taken] = arrays[name]


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays to an .npz file, whole or not at all."""
    payload = io.BytesIO()
    np.savez(payload, **arrays)  # type: ignore[arg-type]
    write_whole(path, payload.getvalue())
