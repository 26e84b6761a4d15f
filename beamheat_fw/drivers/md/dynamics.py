"""A batch in motion, from which frames can be dropped and which can be stored and restored whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase.units import fs

from beamheat_fw.drivers.md.batch import Batch
from beamheat_fw.drivers.md.forces import Evaluated, Forces
from beamheat_fw.drivers.md.integrators import Langevin, State, Thermostat, VelocityVerlet
from beamheat_fw.drivers.md.source import HeatSource, SourcedVerlet
from beamheat_fw.drivers.md.velocities import RandomStreams, thermal_velocities

#: Binds a potential to a batch.
MakeForces = Callable[[Batch], Forces]

#: An atom that moves further than this in one step is a sign of a trajectory out of control, Å.
RUNAWAY_MOVE_A = 0.5


@dataclass(frozen=True)
class Motion:
    """How a batch moves.

    Attributes
    ----------
    timestep_fs : float
    friction_per_ps : float
        Langevin friction.
    """

    timestep_fs: float
    friction_per_ps: float


@dataclass(frozen=True, eq=False)
class Drive:
    """Constant power into the particles, and the bath that takes the heat out.

    Attributes
    ----------
    powers_eV_ps : ndarray, shape (B,)
        For each frame of the first batch.
    bath_K : float
    held : ndarray of bool, shape (n,)
        Which atoms of a frame's template the bath holds; the frames are alike.
    """

    powers_eV_ps: np.ndarray
    bath_K: float
    held: np.ndarray


class Dynamics:
    """Frames in motion.

    Parameters
    ----------
    batch : Batch
        All frames, at their start.
    make_forces : callable
        Binds the potential to a batch; called again when frames are dropped.
    motion : Motion
    seeds : sequence of sequence of int
        The entropy of each frame's random numbers.
    drive : Drive, optional
        For `driven_step`.

    Attributes
    ----------
    active : list of int
        The frames of the first batch that are still in motion, in the order of `batch`.
    batch, state
        Of those alone.
    """

    def __init__(
        self,
        batch: Batch,
        make_forces: MakeForces,
        motion: Motion,
        seeds: Sequence[Sequence[int]],
        drive: Drive | None = None,
    ) -> None:
        self._everything = batch
        self._make_forces = make_forces
        self._motion = motion
        self._drive = drive
        self.streams = RandomStreams(seeds)
        self.active = list(range(len(batch)))
        self.state: State
        self._bind(batch)

    def _bind(self, batch: Batch) -> None:
        self.batch = batch
        self.forces = self._make_forces(batch)
        self._verlet = VelocityVerlet(batch, self.forces, self._motion.timestep_fs)
        bath = Thermostat(batch, self._motion.friction_per_ps, self._motion.timestep_fs, self.streams)
        self._langevin = Langevin(batch, self._verlet, bath)
        if self._drive is not None:
            self._driven = self._with_drive(batch, self._drive)

    def _with_drive(self, batch: Batch, drive: Drive) -> Langevin:
        motion = self._motion
        friction = np.where(batch.of_template(drive.held), motion.friction_per_ps, 0.0)
        far_bath = Thermostat(batch, friction, motion.timestep_fs, self.streams)
        heat_eV = drive.powers_eV_ps[self.active] * motion.timestep_fs * 1e-3
        return Langevin(batch, SourcedVerlet(self._verlet, HeatSource(batch), heat_eV), far_bath)

    def begin(self, positions_A: np.ndarray, temperatures_K: np.ndarray) -> None:
        """Start at positions of shape (N, 3) with velocities drawn at each atom's temperature."""
        velocities = thermal_velocities(self.batch, temperatures_K, self.streams)
        self.state = State(positions_A, velocities, self.forces(positions_A))

    def verlet_step(self) -> None:
        """Advance by one step at constant energy."""
        self._verlet.step(self.state)

    def langevin_step(self, temperatures_K: np.ndarray) -> np.ndarray:
        """Advance by one step in baths of shape (N,); return the heat they gave, eV, shape (B, 2)."""
        return self._langevin.step(self.state, temperatures_K)

    def driven_step(self) -> tuple[np.ndarray, np.ndarray]:
        """Advance by one step at constant power; return the bath's heat, (B, 2), and what is put in, (B,)."""
        assert self._drive is not None, "only what is driven can take a driven step"
        baths_K = np.full(self.batch.masses_amu.shape, self._drive.bath_K)
        heat = self._driven.step(self.state, baths_K)
        return heat, self._drive.powers_eV_ps[self.active] * self._motion.timestep_fs * 1e-3

    def broken(self) -> dict[int, str]:
        """Return the frames that cannot go on, as positions in `batch`, each with the reason."""
        speeds = np.sqrt(np.einsum("ij,ij->i", self.state.velocities, self.state.velocities))
        forces = np.abs(self.state.evaluated.forces_eV_A).max(axis=1)
        finite = np.isfinite(forces) & np.isfinite(speeds)
        step_A = np.where(finite, self._motion.timestep_fs * fs * speeds, np.inf)
        furthest = self.batch.largest_per_frame(step_A)
        return {
            int(frame): f"an atom moved {furthest[frame]:.2f} Å in one step"
            if np.isfinite(furthest[frame])
            else "the potential is not finite"
            for frame in np.flatnonzero(furthest >= RUNAWAY_MOVE_A)
        }

    def whole(self) -> tuple[Batch, np.ndarray]:
        """Return all frames in motion as a batch of whole frames, and the positions of all their atoms."""
        return self.batch, self.state.positions_A

    def drop(self, frames: Sequence[int]) -> None:
        """Take frames, given as positions in `batch`, out of the motion; the rest goes on unchanged."""
        kept = [index for index in range(len(self.batch)) if index not in set(frames)]
        self.active = [self.active[index] for index in kept]
        if not kept:
            return
        batch, atoms = self.batch.keeping(kept)
        self.streams.keep(kept)
        old = self.state
        self._bind(batch)
        self.state = State(
            old.positions_A[atoms], old.velocities[atoms], _part(old.evaluated, kept, atoms), old.step
        )
        self.forces.rebuild(self.state.positions_A)

    def stored(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return the whole state: arrays, and the random numbers' state as plain data."""
        state, evaluated = self.state, self.state.evaluated
        arrays = {
            "positions_A": state.positions_A,
            "velocities": state.velocities,
            "energies_eV": evaluated.energies_eV,
            "atom_energies_eV": evaluated.atom_energies_eV,
            "forces_eV_A": evaluated.forces_eV_A,
        }
        optional = {"spread_eV_A": evaluated.spread_eV_A, "bias_forces_eV_A": evaluated.bias_forces_eV_A}
        arrays |= {name: values for name, values in optional.items() if values is not None}
        built_at = self.forces.list_positions_A()
        if built_at is not None:
            arrays["list_positions_A"] = built_at
        return arrays, {"active": self.active, "step": state.step, "streams": self.streams.state()}

    def restore(self, arrays: Mapping[str, np.ndarray], info: Mapping[str, Any]) -> None:
        """Go on from what `stored` returned, bit for bit."""
        self.active = list(info["active"])
        self.streams.keep(self.active)
        self.streams.restore(info["streams"])
        if len(self.active) < len(self._everything):
            self._bind(self._everything.keeping(self.active)[0])
        if "list_positions_A" in arrays:
            self.forces.rebuild(arrays["list_positions_A"])
        evaluated = Evaluated(
            arrays["energies_eV"],
            arrays["atom_energies_eV"],
            arrays["forces_eV_A"],
            arrays.get("spread_eV_A"),
            arrays.get("bias_forces_eV_A"),
        )
        self.state = State(arrays["positions_A"], arrays["velocities"], evaluated, info["step"])


def _part(evaluated: Evaluated, frames: list[int], atoms: np.ndarray) -> Evaluated:
    spread, bias = evaluated.spread_eV_A, evaluated.bias_forces_eV_A
    return Evaluated(
        evaluated.energies_eV[frames],
        evaluated.atom_energies_eV[atoms],
        evaluated.forces_eV_A[atoms],
        None if spread is None else spread[atoms],
        None if bias is None else bias[atoms],
    )
