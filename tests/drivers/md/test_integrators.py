"""The integrators: what they conserve and what they sample."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.units import kB

from beamheat_fw.drivers.md.batch import Batch
from beamheat_fw.drivers.md.dynamics import Dynamics, Motion
from beamheat_fw.drivers.md.integrators import kinetic_energies_eV
from beamheat_fw.drivers.md.observables import (
    body_energies_eV,
    degrees_of_freedom,
    frame_temperatures_K,
    observe,
)


def _total_energies_eV(dynamics):
    return body_energies_eV(dynamics.batch, dynamics.state).sum(axis=1)


def _begun(batch, make_forces, timestep_fs=2.0, friction_per_ps=5.0, temperature_K=300.0):
    dynamics = Dynamics(
        batch, make_forces, Motion(timestep_fs, friction_per_ps), [(7, k) for k in range(len(batch))]
    )
    dynamics.begin(batch.start_positions_A(), np.full(batch.atoms, temperature_K))
    return dynamics


def _largest_energy_error(batch, make_forces, timestep_fs, length_fs):
    dynamics = _begun(batch, make_forces, timestep_fs)
    start, worst = _total_energies_eV(dynamics), 0.0
    for _ in range(round(length_fs / timestep_fs)):
        dynamics.verlet_step()
        worst = max(worst, float(np.abs(_total_energies_eV(dynamics) - start).max()))
    return worst


@pytest.mark.parametrize("potential", ["harmonic", "morse"])
def test_energy_error_of_verlet_falls_with_the_square_of_the_step(potential, harmonic, morse, cluster):
    make_forces = harmonic if potential == "harmonic" else morse.MorseForces
    batch = Batch.of([cluster])
    errors = [_largest_energy_error(batch, make_forces, step, 400.0) for step in (4.0, 2.0, 1.0)]
    assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.1)
    assert errors[1] / errors[2] == pytest.approx(4.0, rel=0.1)


def test_verlet_keeps_linear_and_angular_momentum_of_a_free_cluster(morse, cluster):
    dynamics = _begun(Batch.of([cluster]), morse.MorseForces)
    masses = dynamics.batch.masses_amu[:, None]

    def momenta():
        linear = masses * dynamics.state.velocities
        return linear.sum(axis=0), np.cross(dynamics.state.positions_A, linear).sum(axis=0)

    linear, angular = momenta()
    for _ in range(500):
        dynamics.verlet_step()
    assert momenta()[0] == pytest.approx(linear, abs=1e-10)
    assert momenta()[1] == pytest.approx(angular, abs=1e-9)


def test_verlet_runs_backwards_to_where_it_started(morse, cluster):
    dynamics = _begun(Batch.of([cluster]), morse.MorseForces)
    for _ in range(200):
        dynamics.verlet_step()
    dynamics.state.velocities = -dynamics.state.velocities
    for _ in range(200):
        dynamics.verlet_step()
    assert dynamics.state.positions_A == pytest.approx(cluster.positions, abs=1e-9)


def test_langevin_gives_slow_and_fast_modes_the_temperature_asked_for(harmonic):
    """OBABO leaves no error of the step in the velocities: omega dt is 0.1 and 1.0 here."""
    crystal = Atoms("Au20", np.random.default_rng(1).normal(size=(20, 3)), cell=[9, 9, 9])
    batch = Batch.of([crystal] * 40)
    step = 4.0
    omega_dt = np.where(batch.frame % 2 == 0, 0.1, 1.0)
    springs = batch.masses_amu * (omega_dt / (step * 0.0982269)) ** 2
    dynamics = _begun(batch, lambda b: harmonic(b, springs), step, friction_per_ps=20.0)
    baths = np.full(batch.atoms, 300.0)
    sums = np.zeros(batch.atoms)
    for taken in range(1500):
        dynamics.langevin_step(baths)
        if taken >= 250:
            sums += kinetic_energies_eV(batch, dynamics.state.velocities) / 1250
    # At zero total momentum each atom of n holds (1 - 1/n) of 3/2 k_B T.
    temperatures = 2.0 * sums / (3.0 * kB * (1.0 - 1.0 / 20.0))
    # 1200 modes a kind over 5 ps, correlated over 1/friction: four standard errors are about 1.5 %.
    assert temperatures[omega_dt < 0.5].mean() == pytest.approx(300.0, rel=0.015)
    assert temperatures[omega_dt > 0.5].mean() == pytest.approx(300.0, rel=0.015)


def test_langevin_samples_the_canonical_width_of_a_spring(harmonic):
    crystal = Atoms("Au20", np.random.default_rng(2).normal(size=(20, 3)), cell=[9, 9, 9])
    batch = Batch.of([crystal] * 40)
    dynamics = _begun(batch, lambda b: harmonic(b, 4.0), 2.0, friction_per_ps=20.0)
    baths, energies = np.full(batch.atoms, 400.0), []
    for taken in range(2000):
        dynamics.langevin_step(baths)
        if taken >= 500:
            energies.append(dynamics.state.evaluated.energies_eV.mean())
    expected = 1.5 * kB * 400.0 * 19  # the centre of mass is held
    assert np.mean(energies) == pytest.approx(expected, rel=0.01)


def test_each_body_is_held_at_its_own_temperature(harmonic):
    """Few atoms, so that a wrong count of degrees of freedom would show: 6 of 12 and 15 of 18."""
    frame = Atoms("Au4Cu6", 3.0 * np.random.default_rng(3).normal(size=(10, 3)), cell=[30, 30, 30])
    frame.set_array("body", np.repeat([1, 0], [4, 6]))
    batch = Batch.of([frame] * 60)
    dynamics = _begun(batch, lambda b: harmonic(b, 0.02 * b.masses_amu), 4.0, friction_per_ps=20.0)
    baths = np.where(batch.body == 1, 600.0, 300.0)
    samples = []
    for taken in range(1500):
        dynamics.langevin_step(baths)
        if taken >= 250:
            samples.append(observe(batch, dynamics.state, 0.0).temperatures_K.mean(axis=0))
    support, particle = np.mean(samples, axis=0)
    assert degrees_of_freedom(batch)[0] == pytest.approx([15.0, 6.0])
    assert support == pytest.approx(300.0, rel=0.015)
    assert particle == pytest.approx(600.0, rel=0.02)


def test_heat_of_the_baths_accounts_for_the_change_of_energy(morse, supported):
    dynamics = _begun(Batch.of([supported] * 3), morse.MorseForces, timestep_fs=1.0)
    before = _total_energies_eV(dynamics)
    baths = np.where(dynamics.batch.body == 1, 600.0, 300.0)
    heat = sum(dynamics.langevin_step(baths) for _ in range(500))
    changed = _total_energies_eV(dynamics) - before
    assert np.abs(changed).min() > 0.1
    assert changed == pytest.approx(heat.sum(axis=1), abs=2e-3)


def test_equilibrium_goes_on_unchanged_at_constant_energy(morse, supported):
    dynamics = _begun(Batch.of([supported] * 8), morse.MorseForces, friction_per_ps=10.0)
    baths = np.full(dynamics.batch.atoms, 300.0)
    for _ in range(400):
        dynamics.langevin_step(baths)
    samples = []
    for _ in range(500):
        dynamics.verlet_step()
        samples.append(observe(dynamics.batch, dynamics.state, 0.0).temperatures_K)
    early, late = np.mean(samples[:250], axis=(0, 1)), np.mean(samples[250:], axis=(0, 1))
    # Conserved energy keeps each replica's own temperature: 8 draws of 39 atoms scatter by 2 %.
    assert np.mean([early[0], late[0]]) == pytest.approx(300.0, rel=0.05)
    assert late[0] == pytest.approx(early[0], rel=0.05)
    assert late[1] == pytest.approx(late[0], rel=0.10)


def test_a_replica_does_not_depend_on_its_batch(morse, supported, cluster):
    together = _begun(Batch.of([supported, cluster]), morse.MorseForces)
    alone = Dynamics(Batch.of([cluster]), morse.MorseForces, Motion(2.0, 5.0), [(7, 1)])
    alone.begin(cluster.positions.copy(), np.full(13, 300.0))
    for _ in range(100):
        together.langevin_step(np.full(together.batch.atoms, 300.0))
        alone.langevin_step(np.full(13, 300.0))
    assert together.state.positions_A[-13:] == pytest.approx(alone.state.positions_A, abs=1e-10)


def test_dropping_a_frame_leaves_the_others_on_their_way(morse, supported, cluster):
    whole = _begun(Batch.of([supported, cluster, supported]), morse.MorseForces)
    cut = _begun(Batch.of([supported, cluster, supported]), morse.MorseForces)
    for taken in range(100):
        if taken == 40:
            cut.drop([1])
        for dynamics in (whole, cut):
            dynamics.langevin_step(np.full(dynamics.batch.atoms, 300.0))
    assert cut.active == [0, 2]
    size = len(supported)
    assert cut.state.positions_A[:size] == pytest.approx(whole.state.positions_A[:size], abs=1e-9)
    assert cut.state.positions_A[size:] == pytest.approx(whole.state.positions_A[size + 13 :], abs=1e-9)


def test_stored_dynamics_go_on_bit_for_bit(morse, supported):
    batch = Batch.of([supported] * 3)
    undisturbed, first = _begun(batch, morse.MorseForces), _begun(batch, morse.MorseForces)
    baths = np.full(batch.atoms, 500.0)
    for _ in range(37):
        undisturbed.langevin_step(baths)
        first.langevin_step(baths)
    second = Dynamics(batch, morse.MorseForces, Motion(2.0, 5.0), [(0, 0)] * 3)
    second.restore(*first.stored())
    for _ in range(60):
        undisturbed.langevin_step(baths)
        second.langevin_step(baths)
    assert np.array_equal(second.state.positions_A, undisturbed.state.positions_A)
    assert np.array_equal(second.state.velocities, undisturbed.state.velocities)
    assert frame_temperatures_K(batch, second.state.velocities).min() > 0.0
