"""Temperatures of a particle and its support against time, checked before anything is fitted to them."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from beamheat_fw.errors import InputError

#: No MD step is shorter than this; a smaller interval means a time column in seconds or nanoseconds.
SHORTEST_INTERVAL_PS: Final = 1e-4
#: A longer series is no relaxation of a nanoparticle; it means a time column in femtoseconds.
LONGEST_SERIES_PS: Final = 2e4
#: Above this no metal particle is a particle any more; below 1 K the column is not in kelvin.
HOTTEST_K: Final = 2e4
FEWEST_SAMPLES: Final = 20


@dataclass(frozen=True)
class TemperatureSeries:
    """One MD run of a particle on its support, sampled at equal intervals.

    Attributes
    ----------
    time_ps : ndarray of float, shape (n,)
    T_particle_K, T_support_K : ndarray of float, shape (n,)
        Of the two bodies; of the whole support, not of its first layer. Kinetic ones of a run at constant
        energy are too low by its time step (`drivers.md.observables`).
    E_particle_eV, E_support_eV : ndarray of float, shape (n,), optional
        Potential plus kinetic energies of the two bodies; give the heat capacities.
    member : str
        The potential (committee member) that drove the run.
    seed : int, optional
        The random seed of its initial velocities.

    Raises
    ------
    InputError
        NaN, unequal lengths, time that does not increase, gaps, too few samples, or values that cannot be
        picoseconds and kelvin.
    """

    time_ps: NDArray[np.float64]
    T_particle_K: NDArray[np.float64]
    T_support_K: NDArray[np.float64]
    E_particle_eV: NDArray[np.float64] | None = None
    E_support_eV: NDArray[np.float64] | None = None
    member: str = ""
    seed: int | None = None

    def __post_init__(self) -> None:
        for name in _array_names():
            if getattr(self, name) is not None:
                object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=float))
        _check_columns(self)
        _check_time(self.time_ps)
        for name in ("T_particle_K", "T_support_K"):
            _check_temperature(name, getattr(self, name))

    @property
    def interval_ps(self) -> float:
        """Time between two samples, in ps."""
        return float(np.median(np.diff(self.time_ps)))

    @property
    def duration_ps(self) -> float:
        """Time between the first and the last sample, in ps."""
        return float(self.time_ps[-1] - self.time_ps[0])

    @property
    def difference_K(self) -> NDArray[np.float64]:
        """Particle minus support, in K, shape (n,)."""
        return self.T_particle_K - self.T_support_K

    @property
    def has_energies(self) -> bool:
        """Whether both bodies' energies are there."""
        return self.E_particle_eV is not None and self.E_support_eV is not None

    def between(self, start_ps: float | None, end_ps: float | None) -> TemperatureSeries:
        """Return the part between two times, both included; None leaves an end open."""
        start = -np.inf if start_ps is None else start_ps
        end = np.inf if end_ps is None else end_ps
        slack = 1e-6 * self.interval_ps
        inside = (self.time_ps >= start - slack) & (self.time_ps <= end + slack)
        if inside.sum() < FEWEST_SAMPLES:
            raise InputError(
                "The window holds too few samples",
                f"Widen it to at least {FEWEST_SAMPLES} samples, or sample more often.",
                {"samples": int(inside.sum()), "start_ps": start_ps, "end_ps": end_ps},
            )
        return self._where(inside)

    def _where(self, inside: NDArray[np.bool_]) -> TemperatureSeries:
        columns = {
            name: getattr(self, name)[inside] for name in _array_names() if getattr(self, name) is not None
        }
        return replace(self, **columns)

    def samples_per_block(self, length_ps: float) -> int:
        """Return how many samples make a block nearest to `length_ps`; at least one."""
        return max(1, round(length_ps / self.interval_ps))

    def blocks(self, column: str, length_ps: float) -> NDArray[np.float64]:
        """Average a column over consecutive blocks; an incomplete last block is left out.

        Parameters
        ----------
        column : str
            The name of an array attribute.
        length_ps : float
            Length of a block.

        Returns
        -------
        ndarray of float, shape (n_blocks,)
        """
        values = getattr(self, column)
        size = self.samples_per_block(length_ps)
        count = len(values) // size
        return values[: count * size].reshape(count, size).mean(axis=1)


def _array_names() -> list[str]:
    return [field.name for field in fields(TemperatureSeries) if field.name not in ("member", "seed")]


def _check_columns(series: TemperatureSeries) -> None:
    length = len(series.time_ps)
    if length < FEWEST_SAMPLES:
        raise InputError(
            "The series is too short", f"Give at least {FEWEST_SAMPLES} samples.", {"samples": length}
        )
    for name in _array_names():
        values = getattr(series, name)
        if values is None:
            continue
        if values.shape != (length,):
            raise InputError(
                f"{name} does not match time_ps",
                "Give one value for every time.",
                {"shape": list(values.shape), "times": length},
            )
        wrong = np.flatnonzero(~np.isfinite(values))
        if len(wrong):
            raise InputError(
                f"{name} holds a value that is not a number",
                "Remove what follows the failure from the series, or repeat the run.",
                {"row": int(wrong[0]) + 1, "how_many": len(wrong)},
            )


def _check_time(time_ps: NDArray[np.float64]) -> None:
    steps = np.diff(time_ps)
    if (steps <= 0).any():
        row = int(np.argmax(steps <= 0)) + 2
        raise InputError(
            "time_ps does not increase",
            "Sort the series by time and leave out repeated samples (a restart may have written them twice).",
            {"row": row, "time_ps": float(time_ps[row - 1])},
        )
    interval = float(np.median(steps))
    if interval < SHORTEST_INTERVAL_PS:
        raise InputError(
            "time_ps is sampled more densely than any MD step: it is not in picoseconds",
            "Convert the time column to ps.",
            {"interval": interval},
        )
    if time_ps[-1] - time_ps[0] > LONGEST_SERIES_PS:
        raise InputError(
            "time_ps spans longer than any heating run: it is not in picoseconds",
            "Convert the time column to ps (1000 fs are 1 ps).",
            {"span": float(time_ps[-1] - time_ps[0])},
        )
    uneven = np.abs(steps - interval) > 0.5 * interval
    if uneven.any():
        row = int(np.argmax(uneven)) + 2
        raise InputError(
            "The series has a gap or changes its sampling interval",
            "Give the part before or after it as a series of its own.",
            {"row": row, "step_ps": float(steps[row - 2]), "usual_step_ps": interval},
        )


def _check_temperature(name: str, values: NDArray[np.float64]) -> None:
    if (values <= 0).any():
        row = int(np.argmax(values <= 0)) + 1
        raise InputError(
            f"{name} is not positive: it is not in kelvin, or the run failed",
            "Give kelvin, not degrees Celsius.",
            {"row": row, "value": float(values[row - 1])},
        )
    mean = float(values.mean())
    if mean < 1.0 or mean > HOTTEST_K:
        raise InputError(
            f"{name} cannot be in kelvin",
            "Give temperatures in K, not energies or other units.",
            {"mean": mean},
        )
