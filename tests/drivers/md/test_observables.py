"""Temperatures and energies of the two bodies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from ase.units import fs

from beamheat_fw.drivers.md.batch import Batch
from beamheat_fw.drivers.md.dynamics import Dynamics, Motion
from beamheat_fw.drivers.md.integrators import State
from beamheat_fw.drivers.md.observables import body_energies_eV, degrees_of_freedom, observe
from beamheat_fw.drivers.md.velocities import RandomStreams, thermal_velocities
from beamheat_fw.errors import InputError


@pytest.fixture
def moving(morse, supported):
    batch = Batch.of([supported, supported])
    positions = batch.start_positions_A()
    velocities = thermal_velocities(batch, np.full(batch.atoms, 300.0), RandomStreams([(1,), (2,)]))
    return batch, State(positions, velocities, morse.MorseForces(batch)(positions))


def test_bodies_energies_add_up_to_the_total(moving):
    batch, state = moving
    kinetic = 0.5 * batch.per_frame(batch.masses_amu * (state.velocities**2).sum(axis=1))
    total = kinetic + state.evaluated.energies_eV
    assert body_energies_eV(batch, state).sum(axis=1) == pytest.approx(total, rel=1e-12)


@pytest.mark.parametrize("timestep_fs", [0.0, 5.0])
def test_sliding_and_turning_of_the_particle_are_not_heat(moving, timestep_fs):
    batch, state = moving
    before = observe(batch, state, timestep_fs).temperatures_K
    particle = (batch.body == 1)[:, None]
    centres = [state.positions_A[batch.of_frame(k)][-7:].mean(axis=0) for k in range(2)]
    arms = state.positions_A - np.array(centres)[batch.frame]
    sliding, turning = np.array([0.05, 0.02, -0.01]), np.cross([0.01, -0.02, 0.03], arms)
    state.velocities = state.velocities + particle * (turning + sliding)
    pulled = state.evaluated.forces_eV_A + batch.masses_amu[:, None] * particle * (turning - sliding)
    state.evaluated = replace(state.evaluated, forces_eV_A=pulled)
    assert observe(batch, state, timestep_fs).temperatures_K == pytest.approx(before, rel=1e-9)


def test_a_vibration_is_as_warm_as_its_shadow_energy_says(harmonic):
    """With w dt/2 = a the shadow energy is arcsin(a)/(a sqrt(1 - a^2)) times the kinetic."""
    batch = Batch.of([Atoms("Au2", [[0, 0, 0], [2.7, 0, 0]], cell=[9] * 3)])
    dynamics = Dynamics(batch, lambda b: harmonic(b, 4.0), Motion(30.0, 1.0), [(1,)])
    positions = batch.start_positions_A()
    velocities = np.array([[0.01, 0, 0], [-0.01, 0, 0]])
    dynamics.state = State(positions, velocities, dynamics.forces(positions))
    found = []
    for step in range(2400):
        dynamics.verlet_step()
        if step % 4 == 0:
            found.append([observe(batch, dynamics.state, dt).temperatures_K[0, 1] for dt in (0.0, 30.0)])
    kinetic_K, own_K = np.mean(found, axis=0)
    a = 0.5 * 30.0 * fs * (4.0 / batch.masses_amu[0]) ** 0.5
    assert a > 0.15
    assert own_K / kinetic_K == pytest.approx(np.arcsin(a) / (a * np.sqrt(1.0 - a**2)), rel=a**4)


def test_degrees_of_freedom_of_small_particles():
    frames = [
        Atoms(f"Au{n}", np.random.default_rng(n).normal(size=(n, 3)), cell=[9] * 3) for n in (1, 2, 3, 13)
    ]
    assert degrees_of_freedom(Batch.of(frames))[:, 1].tolist() == [0.0, 1.0, 3.0, 33.0]


def test_a_dimer_that_only_turns_is_cold_and_one_that_stretches_is_not(harmonic):
    batch = Batch.of([Atoms("Au2", [[0, 0, 0], [2.7, 0, 0]], cell=[9] * 3)] * 2)
    positions = batch.start_positions_A()
    velocities = np.array([[0, 0.01, 0], [0, -0.01, 0], [0.01, 0, 0], [-0.01, 0, 0]])
    temperatures = observe(
        batch, State(positions, velocities, harmonic(batch)(positions)), 0.0
    ).temperatures_K[:, 1]
    assert temperatures[0] == pytest.approx(0.0, abs=1e-6)
    assert temperatures[1] > 100.0


def test_a_body_that_is_neither_support_nor_particle_is_refused(cluster):
    cluster.set_array("body", np.full(13, 2))
    with pytest.raises(InputError, match="body"):
        Batch.of([cluster])
