"""What a dataset must hold before members are trained on it."""

import pytest

from beamheat_fw.errors import CalculationError
from beamheat_fw.firetasks.training import require_all_elements
from beamheat_fw.store.documents import Label


def labels(**elements: list[str]) -> list[Label]:
    return [Label.model_construct(id=name, elements=held) for name, held in elements.items()]


def test_a_training_set_of_one_element_is_refused_when_more_were_asked_for() -> None:
    asked = labels(first=["Cu"], second=["Au", "Cu"], third=["Cu"])
    require_all_elements(asked, {"first", "second"})
    with pytest.raises(CalculationError, match=r"missing=\['Au'\]") as refused:
        require_all_elements(asked, {"first", "third"})
    assert refused.value.values["elements"] == ["Cu"]


def test_a_campaign_of_one_element_may_train_on_it() -> None:
    require_all_elements(labels(first=["Cu"], second=["Cu"]), {"first", "second"})
