import numpy as np
import pytest

from beamheat_fw.physics.labels.composition_energy import composition_of, fit_reference

ELEMENTS_EV = {"Au": -3.0, "B": -6.5, "N": -9.0}


def energy(composition: dict[str, int]) -> float:
    return sum(ELEMENTS_EV[element] * count for element, count in composition.items())


def gold_on_boron_nitride(number: int) -> list[dict[str, int]]:
    return [{"Au": 1 + n % 5, "B": 9 + 7 * (n % 2), "N": 9 + 7 * (n % 2)} for n in range(number)]


def test_energies_of_compositions_are_those_of_their_elements() -> None:
    known = gold_on_boron_nitride(10)
    reference = fit_reference(known, [energy(each) for each in known])
    assert reference is not None
    for other in ({"Au": 30}, {"B": 4, "N": 4}, {"Au": 7, "B": 25, "N": 25}):
        assert reference.energy_eV(other) == pytest.approx(energy(other), abs=1e-6)


def test_what_no_label_has_shown_is_not_known() -> None:
    known = gold_on_boron_nitride(10)
    reference = fit_reference(known, [energy(each) for each in known])
    assert reference is not None
    # Boron and nitrogen were never seen in other than equal numbers.
    assert reference.energy_eV({"B": 3, "N": 4}) is None
    assert reference.energy_eV({"Cu": 3}) is None


def test_a_few_labels_that_are_far_off_do_not_move_the_reference() -> None:
    known = gold_on_boron_nitride(20)
    random = np.random.default_rng(1)
    energies = [energy(each) + random.normal(scale=0.05) * sum(each.values()) for each in known]
    for number in (3, 8, 14):
        energies[number] -= 1e5
    reference = fit_reference(known, energies)
    assert reference is not None
    for each in known:
        found = reference.energy_eV(each)
        assert found is not None
        assert abs(found - energy(each)) / sum(each.values()) < 0.1


def test_too_few_labels_give_no_reference() -> None:
    known = gold_on_boron_nitride(7)
    assert fit_reference(known, [energy(each) for each in known]) is None
    assert fit_reference([], []) is None


def test_atoms_are_counted_by_element() -> None:
    assert composition_of(["Au", "B", "Au"]) == {"Au": 2, "B": 1}
