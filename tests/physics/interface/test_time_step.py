"""What turns kinetic temperatures into temperatures, against the shadow energy of one vibration."""

from __future__ import annotations

import numpy as np
import pytest

from beamheat_fw.errors import InputError
from beamheat_fw.physics.interface.time_step import mean_square_frequency, temperature_factor


def verlet(force, velocities, masses, step, steps):
    """Return velocities and forces at every fourth of so many steps from rest positions; shape (n, N, c)."""
    positions = np.zeros_like(velocities)
    pull, found = force(positions), []
    for number in range(steps):
        velocities = velocities + 0.5 * step * pull / masses
        positions = positions + step * velocities
        pull = force(positions)
        velocities = velocities + 0.5 * step * pull / masses
        if number % 4 == 3:
            found.append((velocities, pull))
    return np.array([v for v, _ in found]), np.array([f for _, f in found])


def test_one_vibration_has_its_frequency_and_the_factor_of_its_shadow_energy():
    step = 0.3
    velocities, forces = verlet(lambda x: -x, np.ones((1, 1)), 1.0, step, 40_000)
    a = 0.5 * step
    assert mean_square_frequency(forces, velocities, np.ones(1)) == pytest.approx(
        1.0 / (1.0 - a**2), rel=1e-3
    )
    shadow_over_kinetic = np.arcsin(a) / (a * np.sqrt(1.0 - a**2))
    assert temperature_factor(1e6, step) == pytest.approx(shadow_over_kinetic, abs=4e-4)


def test_a_step_too_long_is_refused():
    with pytest.raises(InputError, match="too long"):
        temperature_factor(1e6, 0.5)
