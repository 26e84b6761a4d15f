"""A short relaxation of every frame of a batch, which takes out the strain of a built structure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from beamheat_fw.drivers.md.batch import Batch
from beamheat_fw.drivers.md.forces import Evaluated, Forces


@dataclass(frozen=True)
class FireSettings:
    """Parameters of FIRE, as published, with a cap on how far an atom moves in a step."""

    force_eV_A: float = 0.05
    max_steps: int = 200
    first_step: float = 0.1
    longest_step: float = 1.0
    longest_move_A: float = 0.1


@dataclass(frozen=True, eq=False)
class Relaxed:
    """Where a relaxation ended.

    Attributes
    ----------
    positions_A : ndarray, shape (N, 3)
    evaluated : Evaluated
        The potential there.
    max_force_eV_A : ndarray, shape (B,)
        The largest force left in each frame.
    steps : int
    """

    positions_A: np.ndarray
    evaluated: Evaluated
    max_force_eV_A: np.ndarray
    steps: int


def minimise(batch: Batch, forces: Forces, positions_A: np.ndarray, settings: FireSettings) -> Relaxed:
    """Relax every frame by FIRE, each with its own time step (Bitzek et al., PRL 97, 170201 (2006)).

    Ends when the largest force of each frame is below ``settings.force_eV_A``, or after
    ``settings.max_steps``: it takes the strain out, it does not have to converge.
    """
    fire = _Fire(batch, settings)
    evaluated = forces(positions_A)
    velocities = np.zeros_like(positions_A)
    for taken in range(settings.max_steps + 1):
        largest = _largest_forces(batch, evaluated.forces_eV_A)
        if taken == settings.max_steps or not (largest > settings.force_eV_A).any():
            break
        velocities, moves = fire.move(velocities, evaluated.forces_eV_A)
        positions_A = positions_A + moves
        evaluated = forces(positions_A)
    return Relaxed(positions_A, evaluated, largest, taken)


def _largest_forces(batch: Batch, forces_eV_A: np.ndarray) -> np.ndarray:
    return batch.largest_per_frame(np.linalg.norm(forces_eV_A, axis=1))


class _Fire:
    """The state of FIRE for each frame: time step, mixing and steps downhill, all of shape (B,)."""

    def __init__(self, batch: Batch, settings: FireSettings) -> None:
        self._batch = batch
        self._settings = settings
        self._dt = np.full(len(batch), settings.first_step)
        self._mixing = np.full(len(batch), 0.1)
        self._downhill = np.zeros(len(batch), dtype=int)

    def move(self, velocities: np.ndarray, forces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        frame = self._batch.frame
        power = self._batch.per_frame(np.einsum("ij,ij->i", forces, velocities))
        going_down = power > 0
        mixed = self._steer(velocities, forces)
        self._adapt(going_down)
        velocities = np.where(going_down[frame, None], mixed, 0.0) + self._dt[frame, None] * forces
        return velocities, self._capped(self._dt[frame, None] * velocities)

    def _steer(self, velocities: np.ndarray, forces: np.ndarray) -> np.ndarray:
        speed = np.sqrt(self._batch.per_frame(np.sum(velocities**2, axis=1)))
        force = np.sqrt(self._batch.per_frame(np.sum(forces**2, axis=1)))
        along = self._mixing * speed / np.maximum(force, 1e-30)
        frame = self._batch.frame
        return (1.0 - self._mixing)[frame, None] * velocities + along[frame, None] * forces

    def _adapt(self, going_down: np.ndarray) -> None:
        self._downhill = np.where(going_down, self._downhill + 1, 0)
        faster = self._downhill > 5
        longer = np.minimum(1.1 * self._dt, self._settings.longest_step)
        self._dt = np.where(going_down, np.where(faster, longer, self._dt), 0.5 * self._dt)
        self._mixing = np.where(going_down, np.where(faster, 0.99 * self._mixing, self._mixing), 0.1)

    def _capped(self, moves: np.ndarray) -> np.ndarray:
        longest = self._batch.largest_per_frame(np.linalg.norm(moves, axis=1))
        return (
            moves
            * np.minimum(1.0, self._settings.longest_move_A / np.maximum(longest, 1e-30))[
                self._batch.frame, None
            ]
        )
