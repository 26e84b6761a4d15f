"""A lump on an insulated slab: the eigenvalue equation in its limits, and against finite differences."""

from __future__ import annotations

import numpy as np
import pytest

from beamheat_fw.errors import CalculationError, InputError
from beamheat_fw.physics.interface.slab import Slab, biot_number, interface_conductance, slab_rate_per_ps

C_PARTICLE, GA = 0.09, 0.012


def slab(conductivity: float, C: float = 0.3) -> Slab:
    return Slab(4.0, conductivity, 20.0, C)


def test_good_conductor_is_the_two_body_rate():
    expected = GA * (1 / C_PARTICLE + 1 / 0.3)
    assert slab_rate_per_ps(GA, C_PARTICLE, slab(1e7)) == pytest.approx(expected, rel=1e-5)


def test_thick_slab_lowers_the_rate_by_a_third_of_its_resistance():
    # 1/(1 + G L/(3 k)), for a slab that evens out much faster than the lump cools.
    body = slab(30.0, C=0.9)
    slowed = slab_rate_per_ps(GA, C_PARTICLE, body) / (GA * (1 / C_PARTICLE + 1 / 0.9))
    G = GA * 1.602176634e-19 / 1e-12 / 20e-18
    assert slowed == pytest.approx(1 / (1 + G * 4e-9 / 3 / 30.0), rel=1e-3)


@pytest.mark.parametrize("conductivity", [0.5, 3.0, 100.0])
def test_rate_and_conductance_are_inverse_to_each_other(conductivity):
    body = slab(conductivity)
    rate = slab_rate_per_ps(GA, C_PARTICLE, body)
    assert interface_conductance(rate, C_PARTICLE, body) == pytest.approx(GA, rel=1e-9)


def test_rate_is_the_slowest_mode_of_the_discretised_slab():
    body, cells = slab(1.0), 400
    between = body.diffusion_rate_per_ps * body.C_eV_per_K * cells
    first = 1 / (1 / GA + 0.5 / between)
    capacity = np.r_[C_PARTICLE, np.full(cells, body.C_eV_per_K / cells)]
    links = np.r_[first, np.full(cells - 1, between)]
    matrix = np.diag(np.r_[links, 0] + np.r_[0, links]) - np.diag(links, 1) - np.diag(links, -1)
    symmetric = matrix / np.sqrt(np.outer(capacity, capacity))
    slowest = np.linalg.eigvalsh(symmetric)[1]
    assert slab_rate_per_ps(GA, C_PARTICLE, body) == pytest.approx(slowest, rel=1e-4)


def test_rate_beyond_what_the_slab_lets_through_is_refused():
    with pytest.raises(CalculationError, match="cannot cross"):
        interface_conductance(10.0, C_PARTICLE, slab(0.1))
    with pytest.raises(InputError, match="must be positive"):
        Slab(0.0, 1.0, 1.0, 1.0)


def test_biot_numbers_of_the_metal():
    assert biot_number(82.0, 2.0, 2.5) == pytest.approx(0.07, abs=0.005)
    assert biot_number(82.0, 19.0, 2.5) == pytest.approx(0.6, abs=0.03)
    assert biot_number(82.0, 19.0, 317.0) == pytest.approx(0.005, abs=1e-4)
