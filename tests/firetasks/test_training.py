"""What a dataset must hold before members are trained on it."""

from pathlib import Path

import pytest

from beamheat_fw.campaign import load_campaign
from beamheat_fw.errors import CalculationError
from beamheat_fw.firetasks.training import require_elements, simulated_elements
from beamheat_fw.store.documents import Label

WORKFLOWS = Path(__file__).parents[2] / "workflows"


def labels(*elements: list[str]) -> list[Label]:
    return [Label.model_construct(id=str(number), elements=held) for number, held in enumerate(elements)]


def test_a_training_set_without_an_element_that_is_simulated_is_refused() -> None:
    require_elements({"Au", "Cu"}, labels(["Cu"], ["Au", "Cu"]))
    with pytest.raises(CalculationError, match=r"missing=\['Au'\]") as refused:
        require_elements({"Au", "Cu"}, labels(["Cu"], ["Cu"]))
    assert refused.value.values["elements"] == ["Cu"]


def test_an_element_that_only_failed_labels_had_costs_nothing() -> None:
    require_elements({"Cu"}, labels(["Cu"]))


@pytest.mark.parametrize(
    ("name", "elements"),
    [("quickstart", {"Au", "B", "N"}), ("emt_au_cu", {"Au", "Cu"}), ("au_tio2", {"Au", "Ti", "O"})],
)
def test_particles_and_supports_of_all_systems_count(name: str, elements: set[str]) -> None:
    assert simulated_elements(load_campaign(WORKFLOWS / f"{name}.yaml")) == elements
