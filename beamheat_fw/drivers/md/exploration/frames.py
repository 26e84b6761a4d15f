"""Frames that exploration meets on its way, with what the committee and the gate say of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from ase import Atoms

from beamheat_fw.drivers.md.batch import Batch

#: Arrays of a frame; each row is an atom.
_ARRAYS = ("positions_A", "mean_forces_eV_A", "spread_eV_A")


@dataclass(frozen=True)
class FrameInfo:
    """What is said of a frame as a whole; `atoms.info` of the frame as written.

    Attributes
    ----------
    trajectory : str
    step : int
    time_ps : float
    temperature_K : float
        Of the bath.
    kinetic_temperature_K : float
        Of the frame's velocities at that moment.
    mean_energy_eV : float
        The committee's mean.
    max_spread_eV_A : float
    max_bound_eV_A : float or None
        The largest calibrated bound on an atom's force error; not written without a calibration.
    novelty : float or None
        The most novel atom's distance to the training set; not written where it was not looked at.
    verdict : {'accurate', 'candidate', 'failed', 'unjudged'}
    reason : str
        Not written when empty.
    offered : bool
        Whether the frame may be selected for labelling; a failed one may not.
    biased : bool
        Whether its trajectory was drawn towards disagreement: no sample of what production MD meets.
    """

    trajectory: str
    step: int
    time_ps: float
    temperature_K: float
    kinetic_temperature_K: float
    mean_energy_eV: float
    max_spread_eV_A: float
    max_bound_eV_A: float | None
    novelty: float | None
    verdict: str
    reason: str
    offered: bool
    biased: bool


class FrameLog:
    """Frames of a batch as they come."""

    def __init__(self) -> None:
        self._arrays: dict[str, list[np.ndarray]] = {name: [] for name in _ARRAYS}
        self._starts: list[int] = []
        self.infos: list[FrameInfo] = []

    def add(self, start: int, info: FrameInfo, arrays: Mapping[str, np.ndarray]) -> None:
        """Append a frame of the start structure number `start` of the batch."""
        self._starts.append(start)
        self.infos.append(info)
        for name in _ARRAYS:
            self._arrays[name].append(np.asarray(arrays[name]))

    def last_energies_eV(self, starts: Sequence[int]) -> np.ndarray:
        """Return the energy of the last frame of each of some start structures; NaN where there is none."""
        last = {start: info.mean_energy_eV for start, info in zip(self._starts, self.infos, strict=True)}
        return np.array([last.get(start, np.nan) for start in starts])

    def stored(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return the log as arrays and plain data."""
        arrays = {
            f"frames_{name}": np.concatenate(found) if found else np.empty(0)
            for name, found in self._arrays.items()
        }
        return arrays, {"starts": self._starts, "infos": [asdict(info) for info in self.infos]}

    def restore(self, batch: Batch, arrays: Mapping[str, np.ndarray], info: Mapping[str, Any]) -> None:
        """Go on from what `stored` returned; `batch` holds all start structures."""
        self._starts = list(info["starts"])
        self.infos = [FrameInfo(**content) for content in info["infos"]]
        ends = np.cumsum(batch.counts[self._starts])
        for name in _ARRAYS:
            found = arrays[f"frames_{name}"]
            self._arrays[name] = list(np.split(found, ends[:-1])) if self._starts else []

    def structures(self, batch: Batch) -> list[Atoms]:
        """Return the frames with arrays ``body``, ``mean_forces_eV_A`` and ``spread_eV_A``."""
        return [self._structure(batch, number) for number in range(len(self.infos))]

    def _structure(self, batch: Batch, number: int) -> Atoms:
        start = self._starts[number]
        template = batch.templates[start]
        frame = Atoms(
            template.numbers,
            positions=self._arrays["positions_A"][number],
            cell=template.cell,
            pbc=template.pbc,
            # Extended XYZ has no empty string and no null.
            info={
                name: value for name, value in asdict(self.infos[number]).items() if value not in ("", None)
            },
        )
        frame.set_array("body", batch.body[batch.of_frame(start)])
        frame.set_array("mean_forces_eV_A", self._arrays["mean_forces_eV_A"][number])
        frame.set_array("spread_eV_A", self._arrays["spread_eV_A"][number])
        return frame
