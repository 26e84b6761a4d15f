"""Random numbers of each replica, and velocities drawn from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from ase.units import kB

from beamheat_fw.drivers.md.batch import Batch


class RandomStreams:
    """One stream of random numbers for each frame of a batch.

    A replica's numbers depend on its own seed alone, not on which other replicas share its batch or rank.

    Parameters
    ----------
    seeds : sequence of sequence of int
        The entropy of each frame's stream, for `numpy.random.SeedSequence`.
    """

    def __init__(self, seeds: Sequence[Sequence[int]]) -> None:
        self._generators = [np.random.Generator(np.random.PCG64(list(seed))) for seed in seeds]

    def normal(self, batch: Batch) -> np.ndarray:
        """Draw standard normal numbers for every atom; shape (N, 3)."""
        return np.concatenate(
            [batch.normal(index, generator) for index, generator in enumerate(self._generators)]
        )

    def keep(self, frames: Sequence[int]) -> None:
        """Forget the streams of all other frames."""
        self._generators = [self._generators[index] for index in frames]

    def state(self) -> list[dict[str, Any]]:
        """Return the state of every stream as plain data."""
        return [generator.bit_generator.state for generator in self._generators]  # type: ignore[misc]

    def restore(self, states: Sequence[dict[str, Any]]) -> None:
        """Go on from states that `state` returned."""
        for generator, state in zip(self._generators, states, strict=True):
            generator.bit_generator.state = state


def thermal_velocities(batch: Batch, temperatures_K: np.ndarray, streams: RandomStreams) -> np.ndarray:
    """Draw Maxwell-Boltzmann velocities without a drift of the whole frame.

    Parameters
    ----------
    batch : Batch
    temperatures_K : ndarray, shape (N,)
        Temperature of each atom.
    streams : RandomStreams

    Returns
    -------
    ndarray, shape (N, 3)
        Velocities in ASE's units.
    """
    widths = np.sqrt(kB * temperatures_K / batch.masses_amu)
    return without_drift(batch, widths[:, None] * streams.normal(batch))


def without_drift(batch: Batch, velocities: np.ndarray) -> np.ndarray:
    """Take the velocity of each frame's centre of mass from its atoms; shape (N, 3)."""
    momenta = batch.per_frame(batch.masses_amu[:, None] * velocities)
    return velocities - (momenta / batch.frame_masses_amu[:, None])[batch.frame]
