import numpy as np
import pytest

from beamheat_fw.physics.labels.label_errors import in_quadrature, label_error


def test_errors_are_those_of_the_vectors_and_per_atom() -> None:
    forces = np.array([[0.0, 0.0, 1.0], [0.5, 0.0, 0.0]])
    found = label_error(-4.0, forces + np.array([[0.3, 0.4, 0.0], [0.0, 0.0, 0.0]]), -4.01, forces)
    assert found.energy_meV_per_atom == pytest.approx(5.0)
    assert found.force_max_eV_A == pytest.approx(0.5)
    assert found.force_rms_eV_A == pytest.approx(0.5 / np.sqrt(2))


def test_a_label_has_no_error_against_itself() -> None:
    forces = np.ones((3, 3))
    none = label_error(-1.0, forces, -1.0, forces)
    assert (none.energy_meV_per_atom, none.force_rms_eV_A, none.force_max_eV_A) == (0.0, 0.0, 0.0)
    assert in_quadrature([none, none]) == none


def test_independent_errors_add_in_quadrature() -> None:
    zero = np.zeros((1, 3))
    both = in_quadrature(
        [label_error(e, np.array([[f, 0, 0]]), 0.0, zero) for e, f in ((-3e-3, 0.3), (4e-3, 0.4))]
    )
    assert both.energy_meV_per_atom == pytest.approx(5.0)
    assert both.force_rms_eV_A == both.force_max_eV_A == pytest.approx(0.5)
