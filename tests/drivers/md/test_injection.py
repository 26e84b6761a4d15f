"""Constant power into the particle: what it adds, what it keeps, and that the books balance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ase.build import graphene
from ase.units import kB

from beamheat_fw.drivers.md.batch import Batch
from beamheat_fw.drivers.md.bath_region import far_support
from beamheat_fw.drivers.md.crew import RankPlace, replicas
from beamheat_fw.drivers.md.endings import FINISHED
from beamheat_fw.drivers.md.heating.job import read_series
from beamheat_fw.drivers.md.heating.run import HeatingRun
from beamheat_fw.drivers.md.heating.summary import summarise
from beamheat_fw.drivers.md.integrators import State, Thermostat, kinetic_energies_eV
from beamheat_fw.drivers.md.observables import body_energies_eV
from beamheat_fw.drivers.md.protocols import HeatProtocol
from beamheat_fw.drivers.md.source import HeatSource
from beamheat_fw.drivers.md.velocities import RandomStreams
from beamheat_fw.errors import CalculationError, InputError

PROTOCOL = HeatProtocol(
    particle_K=400.0,
    support_K=300.0,
    timestep_fs=2.0,
    friction_per_ps=20.0,
    equilibrate_ps=0.6,
    relax_ps=5.0,
    replicas_per_rank=3,
    sample_every=5,
    audit_every=500,
    checkpoint_every=500,
    seed=2,
    powers_nW=(6.0, 12.0, 24.0),
)


@pytest.fixture
def moving(supported, harmonic) -> tuple[Batch, State]:
    """Two frames with drift, turning and heat in them."""
    batch = Batch.of([supported, supported])
    random = np.random.default_rng(0)
    velocities = random.normal(0.0, 0.01, (batch.atoms, 3)) + np.array([0.002, -0.001, 0.001])
    positions = batch.start_positions_A()
    return batch, State(positions, velocities, harmonic(batch)(positions))


def _momenta(batch: Batch, state: State) -> tuple[np.ndarray, np.ndarray]:
    momenta = batch.masses_amu[:, None] * state.velocities
    return batch.per_frame(momenta), batch.per_frame(np.cross(state.positions_A, momenta))


def test_a_source_adds_its_heat_exactly_and_keeps_linear_and_angular_momentum(moving):
    batch, state = moving
    before, before_energies = state.velocities.copy(), body_energies_eV(batch, state)
    linear, angular = _momenta(batch, state)
    heat_eV = np.array([0.03, -0.02])
    HeatSource(batch).give(state, heat_eV)
    gained = body_energies_eV(batch, state) - before_energies
    assert gained[:, 1] == pytest.approx(heat_eV, abs=1e-14)
    assert gained[:, 0] == pytest.approx(0.0, abs=1e-14)
    assert np.array_equal(state.velocities[batch.body == 0], before[batch.body == 0])
    after_linear, after_angular = _momenta(batch, state)
    assert after_linear == pytest.approx(linear, abs=1e-12)
    assert after_angular == pytest.approx(angular, abs=1e-10)


def test_no_more_heat_is_taken_than_there_is(moving):
    batch, state = moving
    with pytest.raises(CalculationError, match="less heat"):
        HeatSource(batch).give(state, np.array([-50.0, 0.0]))


def test_a_bath_of_some_atoms_warms_them_alone_and_gives_no_momentum(moving):
    batch, state = moving
    held = np.arange(batch.atoms) % 3 == 0
    streams = RandomStreams([(1,), (2,)])
    bath = Thermostat(batch, np.where(held, 50.0, 0.0), 2.0, streams)
    velocities = state.velocities
    momentum = batch.per_frame(batch.masses_amu[:, None] * velocities)
    energies = []
    for _ in range(4000):
        velocities = bath.half_step(velocities, np.full(batch.atoms, 700.0))
        energies.append(kinetic_energies_eV(batch, velocities)[held].mean())
    assert np.array_equal(velocities[~held], state.velocities[~held])
    assert batch.per_frame(batch.masses_amu[:, None] * velocities) == pytest.approx(momentum, abs=1e-10)
    # The drift of the held atoms as a whole stays what it was; the other 3n - 3 motions are thermal.
    masses = np.where(held, batch.masses_amu, 0.0)
    drift = batch.per_frame(masses[:, None] * velocities) / batch.per_frame(masses)[:, None]
    drifting_eV = 0.5 * (batch.per_frame(masses) * np.sum(drift**2, axis=1)).sum()
    expected = (1.5 * kB * 700.0 * (held.sum() - 2) + drifting_eV) / held.sum()
    assert np.mean(energies[100:]) == pytest.approx(expected, rel=0.03)


def test_the_bath_holds_the_lower_face_of_a_slab_and_the_rim_of_a_sheet(supported):
    far = far_support(supported, 0.5)
    lower = supported.positions[:, 2] < supported.positions[:32, 2].mean()
    assert np.array_equal(far, lower)
    sheet = graphene(size=(8, 8, 1), vacuum=8.0)
    sheet.pbc = (True, True, False)
    sheet.set_array("body", np.zeros(len(sheet), int))
    adatom = sheet.positions[70]
    sheet.append("Au")
    sheet.positions[-1] = adatom + np.array([0.0, 0.0, 3.0])
    sheet.arrays["body"][-1] = 1
    far = far_support(sheet, 0.25)
    distances = sheet.get_distances(70, np.arange(128), mic=True)
    assert far.sum() == 32
    assert distances[far[:128]].min() >= distances[~far[:128]].max() - 1e-6


def _run(folder, system, morse, protocol=PROTOCOL) -> HeatingRun:
    folder.mkdir(exist_ok=True)
    place = RankPlace(folder, 0, 1, "key")
    return HeatingRun(protocol, place, replicas(system, protocol, place, morse.MorseForces))


def test_what_comes_in_goes_out_or_is_kept_and_more_power_makes_it_hotter(tmp_path, supported, morse):
    run = _run(tmp_path, supported, morse)
    assert run.run(lambda: False) == FINISHED
    found = summarise(run, FINISHED)["replicas"]
    for replica, power in zip(found, PROTOCOL.powers_nW, strict=True):
        ledger = replica["ledger"]
        put_in = power / 160.2176634 * PROTOCOL.relax_ps
        assert replica["power_nW"] == power
        assert ledger["injected_eV"] == pytest.approx(put_in)
        kept = sum(ledger["now_eV"]) - sum(ledger["relax_start_eV"])
        # The integrator's own energy fluctuates by a few meV with so few atoms.
        assert kept == pytest.approx(put_in + sum(ledger["far_bath_eV"]), abs=0.006)
        assert ledger["far_bath_eV"][1] == pytest.approx(0.0, abs=1e-12)
        assert replica["drift"]["share"] < 2e-3
        # What a picosecond of the least power puts in is hardly more than the integrator's own fluctuation.
        assert replica["drift"]["closes"] or power == min(PROTOCOL.powers_nW)
    assert sum(sum(replica["ledger"]["far_bath_eV"]) for replica in found) < -0.3
    late = [
        (one.T_particle_K - one.T_support_K)[len(one.time_ps) // 3 :].mean()
        for one in read_series(tmp_path).values()
    ]
    assert late[0] < late[1] < late[2]


def test_a_stopped_injection_goes_on_bit_for_bit(tmp_path, supported, morse):
    protocol = replace(PROTOCOL, relax_ps=0.4)
    undisturbed = _run(tmp_path / "a", supported, morse, protocol)
    undisturbed.run(lambda: False)
    for at in (330, 441, None):
        run = _run(tmp_path / "b", supported, morse, protocol)
        run.run(lambda run=run, at=at: at is not None and run.dynamics.state.step >= at)
    for name, values in undisturbed.recorded().items():
        assert np.array_equal(values, run.recorded()[name], equal_nan=True), name


def test_no_power_or_a_negative_one_is_refused():
    for powers in ((0.0, 1.0), (-3.0,)):
        with pytest.raises(InputError, match="powers_nW"):
            replace(PROTOCOL, powers_nW=powers)
