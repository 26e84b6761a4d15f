"""Velocity Verlet and Langevin dynamics, vectorised over the frames of a batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from ase.units import fs, kB

from beamheat_fw.drivers.md.batch import Batch
from beamheat_fw.drivers.md.forces import Evaluated, Forces
from beamheat_fw.drivers.md.velocities import RandomStreams, without_drift


@dataclass
class State:
    """Where a batch of N atoms stands after a whole step.

    Attributes
    ----------
    positions_A : ndarray, shape (N, 3)
    velocities : ndarray, shape (N, 3)
        In ASE's units, at the same time as the positions.
    evaluated : Evaluated
        The potential at `positions_A`.
    step : int
        Steps taken.
    """

    positions_A: np.ndarray
    velocities: np.ndarray
    evaluated: Evaluated
    step: int = 0


class Stepper(Protocol):
    """What advances a state by one step."""

    def step(self, state: State) -> None:
        """Advance `state`."""
        ...


class VelocityVerlet:
    """The symplectic velocity form of Verlet's integrator (Swope et al., J. Chem. Phys. 76, 637 (1982)).

    It conserves a shadow of the energy, and it is by the shadow that modes left to themselves come to
    equilibrium: their kinetic temperatures then differ with their frequencies (`drivers.md.observables`).

    Parameters
    ----------
    batch : Batch
    forces : Forces
    timestep_fs : float
    """

    def __init__(self, batch: Batch, forces: Forces, timestep_fs: float) -> None:
        self.forces = forces
        self._dt = timestep_fs * fs
        self._half_kick = (0.5 * self._dt / batch.masses_amu)[:, None]

    def step(self, state: State) -> None:
        """Advance `state` by one step."""
        velocities = state.velocities + self._half_kick * state.evaluated.forces_eV_A
        state.positions_A = state.positions_A + self._dt * velocities
        state.evaluated = self.forces(state.positions_A)
        state.velocities = velocities + self._half_kick * state.evaluated.forces_eV_A
        state.step += 1


class Thermostat:
    """The exact Ornstein-Uhlenbeck half step of Langevin dynamics, without drift of what it holds.

    The centre of mass of each frame is held by projecting its velocity out after each half step. With one
    friction and one temperature the projection commutes with the noise, so the canonical distribution at zero
    total momentum (3N - 3 degrees of freedom a frame) is sampled exactly, by potentials that do not know
    where a frame is as a whole.

    Where the bath holds some atoms only, the momentum it would give them as a whole is kept from them alone:
    no other atom feels the bath, and the frame's momentum does not change.

    Parameters
    ----------
    batch : Batch
    friction_per_ps : ndarray, shape (N,), or float
        Zero for atoms that the bath does not hold.
    timestep_fs : float
        The whole step.
    streams : RandomStreams
    keeps_momentum : bool
        False for atoms that are bound to something outside, whose momentum is not conserved anyway.
    """

    def __init__(
        self,
        batch: Batch,
        friction_per_ps: np.ndarray | float,
        timestep_fs: float,
        streams: RandomStreams,
        keeps_momentum: bool = True,
    ) -> None:
        self._batch = batch
        self.streams = streams
        friction = np.broadcast_to(np.asarray(friction_per_ps, dtype=float), (batch.atoms,))
        self._keep = np.exp(-0.5e-3 * friction * timestep_fs)[:, None]
        self._noise = np.sqrt(kB * (1.0 - self._keep[:, 0] ** 2) / batch.masses_amu)
        self._keeps_momentum = keeps_momentum
        held = (friction > 0).astype(float)
        self._holds_all = bool((batch.per_frame(held) == batch.counts).all())
        self._held_masses = held * batch.masses_amu
        self._held_share = held[:, None] / batch.per_frame(self._held_masses)[batch.frame, None]

    def half_step(self, velocities: np.ndarray, temperatures_K: np.ndarray) -> np.ndarray:
        """Return velocities after half a step in a bath.

        Parameters
        ----------
        velocities : ndarray, shape (N, 3)
        temperatures_K : ndarray, shape (N,)
            The bath of each atom.
        """
        widths = (self._noise * np.sqrt(temperatures_K))[:, None]
        drawn = self._keep * velocities + widths * self.streams.normal(self._batch)
        if not self._keeps_momentum:
            return drawn
        if self._holds_all:
            return without_drift(self._batch, drawn)
        given = self._batch.per_frame(self._held_masses[:, None] * (drawn - velocities))
        return drawn - self._held_share * given[self._batch.frame]


class Langevin:
    """Langevin dynamics in the OBABO splitting (Bussi and Parrinello, Phys. Rev. E 75, 056707 (2007)).

    Its inner part is velocity Verlet, and its velocities at whole steps are exactly thermal for harmonic
    modes: a run that goes on in NVE with the same step starts at the kinetic temperature asked for in every
    mode.

    Parameters
    ----------
    verlet : Stepper
    thermostat : Thermostat
    batch : Batch
    """

    def __init__(self, batch: Batch, verlet: Stepper, thermostat: Thermostat) -> None:
        self._batch = batch
        self._verlet = verlet
        self._thermostat = thermostat

    def step(self, state: State, temperatures_K: np.ndarray) -> np.ndarray:
        """Advance `state` by one step.

        Parameters
        ----------
        state : State
        temperatures_K : ndarray, shape (N,)
            The bath of each atom.

        Returns
        -------
        ndarray, shape (B, 2)
            The heat in eV that the bath gave to support and particle.
        """
        heat = self._bath(state, temperatures_K)
        self._verlet.step(state)
        return heat + self._bath(state, temperatures_K)

    def _bath(self, state: State, temperatures_K: np.ndarray) -> np.ndarray:
        before = self._batch.per_body(kinetic_energies_eV(self._batch, state.velocities))
        state.velocities = self._thermostat.half_step(state.velocities, temperatures_K)
        return self._batch.per_body(kinetic_energies_eV(self._batch, state.velocities)) - before


def kinetic_energies_eV(batch: Batch, velocities: np.ndarray) -> np.ndarray:
    """Return each atom's kinetic energy; shape (N,)."""
    return 0.5 * batch.masses_amu * np.einsum("ij,ij->i", velocities, velocities)
