import numpy as np
import pytest

from beamheat_fw.physics.labels.binding_curve import find_minimum, interaction_eV

DEPTH_EV, WIDTH_PER_A, HEIGHT_A = 0.8, 1.1, 3.25


def morse(heights: np.ndarray) -> np.ndarray:
    return DEPTH_EV * ((1.0 - np.exp(-WIDTH_PER_A * (heights - HEIGHT_A))) ** 2 - 1.0)


def test_minimum_of_a_morse_curve_is_found_between_the_points() -> None:
    heights = np.array([2.3, 2.6, 2.9, 3.2, 3.5, 3.9, 4.4, 5.5])
    found = find_minimum(heights, morse(heights))
    assert found is not None
    assert found.height_A == pytest.approx(HEIGHT_A, abs=0.02)
    assert found.energy_eV == pytest.approx(-DEPTH_EV, rel=0.01)
    assert found.stiffness_eV_A2 == pytest.approx(2 * DEPTH_EV * WIDTH_PER_A**2, rel=0.05)


def test_three_points_of_a_morse_curve_of_one_per_angstrom_are_enough() -> None:
    heights = np.array([3.0, 3.4, 3.6])
    found = find_minimum(heights, 0.5 * ((1.0 - np.exp(3.3 - heights)) ** 2 - 1.0))
    assert found is not None
    assert (found.height_A, found.energy_eV, found.stiffness_eV_A2) == pytest.approx((3.3, -0.5, 1.0))


@pytest.mark.parametrize("heights", [[3.4, 3.7, 4.2, 5.0], [1.8, 2.2, 2.7, 3.0]])
def test_a_minimum_outside_the_heights_is_not_made_up(heights: list[float]) -> None:
    assert find_minimum(np.array(heights), morse(np.array(heights))) is None


def test_parts_that_do_not_see_each_other_do_not_bind() -> None:
    assert interaction_eV(-7.5, -3.0, -4.5) == 0.0
    assert interaction_eV(-8.0, -3.0, -4.5) == pytest.approx(-0.5)
