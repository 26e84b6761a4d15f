"""Heat flows whose values are known, through the engine's own baths, heat source and integrators."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.units import fs, kB

from beamheat_fw.drivers.md.batch import Batch
from beamheat_fw.drivers.md.forces import Evaluated
from beamheat_fw.drivers.md.integrators import Langevin, State, Thermostat, VelocityVerlet
from beamheat_fw.drivers.md.observables import observe
from beamheat_fw.drivers.md.source import HeatSource, SourcedVerlet
from beamheat_fw.drivers.md.velocities import RandomStreams, thermal_velocities

#: One step of 0.1 in units of k = 1 eV/Å² and m = 1 amu, whose unit of time is ASE's.
STEP = 0.1
TIMESTEP_FS = STEP / fs
PER_PS = 1e3 * fs  # a rate of 1 in those units


class SpringChains:
    """Chains between fixed walls, each direction of space a chain of its own; cubic forces are optional.

    Neighbours pull with k d + cubic d^3 along each axis: with k = 1 a scalar harmonic chain, three of them at
    once.
    """

    def __init__(self, batch: Batch, cubic: float = 0.0) -> None:
        self._batch = batch
        self._cubic = cubic

    def __call__(self, positions_A: np.ndarray) -> Evaluated:
        moved = positions_A.reshape(len(self._batch), -1, 3)
        stretched = np.diff(moved, axis=1, prepend=0.0, append=0.0)
        pulls = stretched + self._cubic * stretched**3
        energies = np.sum(0.5 * stretched**2 + 0.25 * self._cubic * stretched**4, axis=2)
        atoms = 0.5 * (energies[:, :-1] + energies[:, 1:]).ravel()
        forces = np.diff(pulls, axis=1).reshape(-1, 3)
        return Evaluated(self._batch.per_frame(atoms), atoms, forces)

    def list_positions_A(self) -> None:
        return None

    def rebuild(self, positions_A: np.ndarray) -> None:
        return None


def chains(masses: np.ndarray, count: int) -> Batch:
    """Return `count` chains whose left half, which will be hot, is body 1."""
    atoms = Atoms(f"H{masses.size}", positions=np.zeros((masses.size, 3)), masses=masses)
    atoms.set_array("body", (np.arange(masses.size) < masses.size // 2).astype(int))
    return Batch.of([atoms] * count)


class BetweenBaths:
    """Chains whose left atoms feel a hot and right ones a cold bath, kB T = 1.5 and 0.5 eV."""

    hot, cold = 1.5, 0.5

    def __init__(self, batch: Batch, friction: np.ndarray, cubic: float = 0.0) -> None:
        self.batch = batch
        self._baths_K = np.where(batch.body == 1, self.hot, self.cold) / kB
        forces = SpringChains(batch, cubic)
        streams = RandomStreams([(3, number) for number in range(len(batch))])
        rates = np.tile(friction, len(batch)) * PER_PS
        bath = Thermostat(batch, rates, TIMESTEP_FS, streams, keeps_momentum=False)
        verlet = VelocityVerlet(batch, forces, TIMESTEP_FS)
        self._langevin = Langevin(batch, verlet, bath)
        velocities = thermal_velocities(batch, self._baths_K, streams)
        rest = np.zeros((batch.atoms, 3))
        self.state = State(rest, velocities, forces(rest))

    def flow(self, steps: int) -> tuple[float, float]:
        """Return the heat that passes a chain in a unit of time, over all directions, and its error."""
        heat = sum(self._langevin.step(self.state, self._baths_K) for _ in range(steps))
        passed = 0.5 * (heat[:, 1] - heat[:, 0]) / (steps * STEP)
        return float(passed.mean()), float(passed.std(ddof=1) / len(passed) ** 0.5)

    def profile(self, steps: int) -> np.ndarray:
        """Return kB T of each atom along the chain, a mean over chains, directions and steps."""
        total = np.zeros(self.batch.counts[0])
        for _ in range(steps):
            self._langevin.step(self.state, self._baths_K)
            squares = np.einsum("ij,ij->i", self.state.velocities, self.state.velocities) / 3.0
            total += (self.batch.masses_amu * squares).reshape(len(self.batch), -1).mean(axis=0)
        return total / steps


def test_a_harmonic_chain_between_two_baths_conducts_as_rieder_lebowitz_and_lieb_found():
    """G = (3 - sqrt 5)/4 for friction 1 (J. Math. Phys. 8, 1073 (1967)), at any length beyond a few atoms."""
    friction = np.zeros(24)
    friction[[0, -1]] = 1.0
    chain = BetweenBaths(chains(np.ones(24), 96), friction)
    # The longest waves hardly feel the baths at the ends: they hold the start for some 400 units of time.
    chain.flow(8000)
    flow, error = chain.flow(8000)
    expected = 3.0 * (3.0 - 5.0**0.5) / 4.0
    print(f"\nG {flow / 3:.4f} +- {error / 3:.4f}, exact {expected / 3:.4f}")
    assert flow == pytest.approx(expected, abs=max(3.0 * error, 0.01 * expected))
    assert error < 0.02 * expected


def exact_conductance(masses: np.ndarray, friction: np.ndarray, points: int = 800) -> float:
    """Return G of a harmonic chain whose left half feels one Langevin bath and whose right half another.

    G = integral of T(w) dw/2 pi with T = 4 sum_ij g_i g_j |G_ij|^2, g = friction m w and
    G = (K - w^2 M - i w friction M)^-1 (Dhar, Adv. Phys. 57, 457 (2008), section 3.2, classical limit).
    """
    atoms, half = masses.size, masses.size // 2
    springs = 2.0 * np.eye(atoms) - np.eye(atoms, k=1) - np.eye(atoms, k=-1)
    nodes, weights = np.polynomial.legendre.leggauss(points)
    top = 1.1 * np.sqrt(4.0 / masses.min())
    total = 0.0
    for frequency, weight in zip(0.5 * top * (nodes + 1.0), 0.5 * top * weights, strict=True):
        damping = friction * masses * frequency
        response = np.linalg.inv(springs - np.diag(frequency**2 * masses + 1j * damping))
        passed = damping[:half] @ np.abs(response[:half, half:]) ** 2 @ damping[half:]
        total += weight * 4.0 * passed / (2.0 * np.pi)
    return total


def test_the_exact_conductance_of_a_chain_is_that_of_rieder_lebowitz_and_lieb():
    friction = np.zeros(24)
    friction[[0, -1]] = 1.0
    # Waves that hardly feel the ends are narrow: they want many frequencies.
    exact = exact_conductance(np.ones(24), friction, points=3000)
    assert exact == pytest.approx((3.0 - 5.0**0.5) / 4.0, rel=1e-4)


@pytest.mark.parametrize(("ratio", "expected"), [(1, 0.31831), (3, 0.15632), (10, 0.06312)])
def test_where_masses_change_heat_passes_as_landauer_says(ratio, expected):
    """Half-chains of mass 1 and `ratio` between baths that absorb: G = integral of T(w) dw/2 pi.

    Baths of 44 atoms send the longest waves back, which costs G 2 to 5 %: the flow is held against the exact
    value for these very baths, and that against the one for perfect ones.
    """
    half, absorbing = 60, 44
    ramp = 0.25 * np.linspace(1.0, 0.02, absorbing) ** 2
    friction = np.zeros(2 * half)
    friction[:absorbing] = ramp
    friction[-absorbing:] = ramp[::-1] / ratio**0.5
    masses = np.repeat([1.0, float(ratio)], half)
    exact = exact_conductance(masses, friction)
    chain = BetweenBaths(chains(masses, 32), friction)
    chain.flow(3000)
    flow, error = chain.flow(8000)
    print(
        f"\nmass ratio {ratio}: G {flow / 3:.4f} +- {error / 3:.4f}, exact {exact:.4f}, "
        f"Landauer {expected:.4f}"
    )
    assert exact == pytest.approx(expected, rel=0.05)
    assert flow == pytest.approx(3.0 * exact, abs=3.0 * error)
    assert error / 3.0 < 0.04 * expected


@pytest.mark.parametrize(("ratio", "jumps"), [(1, False), (4, True)])
def test_temperature_jumps_where_halves_differ_and_nowhere_else(ratio, jumps):
    """Anharmonic chains: the step in the middle beside the mean step to its left and right."""
    atoms = 32
    friction = np.zeros(atoms)
    friction[[0, -1]] = 1.0
    masses = np.repeat([1.0, float(ratio)], atoms // 2)
    chain = BetweenBaths(chains(masses, 64), friction, cubic=1.0)
    chain.flow(2000)
    steps = -np.diff(chain.profile(4000))
    middle = atoms // 2 - 1
    around = np.r_[steps[middle - 6 : middle], steps[middle + 1 : middle + 7]]
    excess = float(steps[middle] - around.mean())
    noise = float(around.std(ddof=1))
    print(f"\nmass ratio {ratio}: jump {excess:+.4f} +- {noise:.4f} of kB T = 1")
    assert (excess > 5.0 * noise) is jumps
    assert jumps or abs(excess) < max(3.0 * noise, 0.01)


def test_between_identical_halves_the_jump_goes_to_nothing_with_size():
    """Without an interface the step in the middle is one of all the steps: the drop over the atoms."""
    found = []
    for atoms in (16, 32, 64):
        friction = np.zeros(atoms)
        friction[[0, -1]] = 1.0
        chain = BetweenBaths(chains(np.ones(atoms), 64), friction, cubic=1.0)
        chain.flow(3000)
        steps = -np.diff(chain.profile(5000))
        middle = atoms // 2 - 1
        around = np.r_[steps[middle - 4 : middle], steps[middle + 1 : middle + 5]]
        found.append((float(steps[middle]), float(around.std(ddof=1))))
        print(f"\n{atoms} atoms: {found[-1][0]:+.4f} +- {found[-1][1]:.4f} of kB T = 1")
        assert found[-1][0] < 1.5 / atoms + 3.0 * found[-1][1]
    (first, noise), *_, (last, last_noise) = found
    assert last < 0.5 * first + 3.0 * np.hypot(0.5 * noise, last_noise)
    assert first > 3.0 * noise


def test_a_body_that_is_heated_and_cooled_alike_everywhere_stands_as_much_above_its_bath_as_friction_says():
    """P = friction (3N - 6) k_B (T - T_bath): what the source puts into 3N - 6 motions the bath takes out."""
    random = np.random.default_rng(1)
    atoms = Atoms("H12", positions=random.uniform(-3.0, 3.0, (12, 3)), masses=np.ones(12))
    batch = Batch.of([atoms] * 64)
    rest = batch.start_positions_A()

    class Held(SpringChains):
        """Every atom drawn to the others' centre, so that no force turns or moves the whole."""

        def __call__(self, positions_A: np.ndarray) -> Evaluated:
            moved = positions_A.reshape(64, 12, 3)
            arms = moved - moved.mean(axis=1, keepdims=True)
            energies = 0.5 * np.sum(arms**2, axis=2).ravel()
            return Evaluated(batch.per_frame(energies), energies, -arms.reshape(-1, 3))

    friction, bath = 0.2, 0.5
    power = 3.0  # eV in a unit of time
    forces, streams = Held(batch), RandomStreams([(7, number) for number in range(64)])
    verlet = VelocityVerlet(batch, forces, TIMESTEP_FS)
    driven = SourcedVerlet(verlet, HeatSource(batch), np.full(64, power * STEP))
    langevin = Langevin(batch, driven, Thermostat(batch, friction * PER_PS, TIMESTEP_FS, streams))
    baths_K = np.full(batch.atoms, bath / kB)
    state = State(rest, thermal_velocities(batch, baths_K, streams), forces(rest))
    temperatures = []
    for step in range(4000):
        langevin.step(state, baths_K)
        if step > 800:
            temperatures.append(kB * observe(batch, state, 0.0).temperatures_K[:, 1])
    each = np.mean(temperatures, axis=0)
    expected = bath + power / (friction * (3 * 12 - 6))
    error = each.std(ddof=1) / 8.0
    print(f"\nkB T {each.mean():.4f} +- {error:.4f}, exact {expected:.4f}")
    assert each.mean() == pytest.approx(expected, abs=max(3.0 * error, 0.01 * (expected - bath)))
