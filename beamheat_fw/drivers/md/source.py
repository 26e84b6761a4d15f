"""Heat put into the particle at constant power, its motion as a whole left alone."""

from __future__ import annotations

import numpy as np

from beamheat_fw.drivers.md.batch import Batch
from beamheat_fw.drivers.md.integrators import State, Stepper, kinetic_energies_eV
from beamheat_fw.drivers.md.rigid import motion_inside_particle
from beamheat_fw.errors import CalculationError


class HeatSource:
    """Scales the motion inside each particle of a batch.

    As in the heat exchange algorithm (Ikeshoji and Hafskjold, Mol. Phys. 81, 251 (1994)) velocities are
    scaled about the motion that must not change, which here is drift and turning: linear and angular momentum
    are kept, and the 3N - 6 degrees of freedom that hold the heat get it.

    Parameters
    ----------
    batch : Batch
    """

    def __init__(self, batch: Batch) -> None:
        self._batch = batch

    def give(self, state: State, heat_eV: np.ndarray) -> None:
        """Change the velocities of `state` so that each particle holds more kinetic energy, exactly.

        Parameters
        ----------
        state : State
        heat_eV : ndarray, shape (B,)

        Raises
        ------
        CalculationError
            More is to be taken out than a particle's motion holds.
        """
        batch = self._batch
        inside = motion_inside_particle(batch, state.positions_A, state.velocities)
        kinetic_eV = batch.per_frame(kinetic_energies_eV(batch, inside))
        if not (kinetic_eV + heat_eV > 0).all():
            raise CalculationError(
                "The particle holds less heat than is to be taken out in a step",
                "Give a smaller power.",
                {"kinetic_eV": float(kinetic_eV.min()), "heat_eV": float(heat_eV.min())},
            )
        stretch = np.sqrt(1.0 + heat_eV / kinetic_eV) - 1.0
        state.velocities = state.velocities + stretch[batch.frame, None] * inside


class SourcedVerlet:
    """A velocity Verlet step with half of the step's heat before and half after it.

    Parameters
    ----------
    verlet : Stepper
    source : HeatSource
    heat_a_step_eV : ndarray, shape (B,)
    """

    def __init__(self, verlet: Stepper, source: HeatSource, heat_a_step_eV: np.ndarray) -> None:
        self._verlet = verlet
        self._source = source
        self._half_eV = 0.5 * heat_a_step_eV

    def step(self, state: State) -> None:
        """Advance `state` by one step."""
        self._source.give(state, self._half_eV)
        self._verlet.step(state)
        self._source.give(state, self._half_eV)
