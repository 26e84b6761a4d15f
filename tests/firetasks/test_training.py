"""What a dataset must hold before members are trained on it."""

from pathlib import Path

import pytest
from ase.build import bulk

from beamheat_fw.campaign import load_campaign
from beamheat_fw.errors import CalculationError
from beamheat_fw.firetasks.context import Context
from beamheat_fw.firetasks.labels import level_of
from beamheat_fw.firetasks.training import BuildDataset, require_elements, simulated_elements
from beamheat_fw.launch.worker import Worker
from beamheat_fw.store.database import Store
from beamheat_fw.store.documents import Dataset, Label, LabelRequest, LabelResult
from beamheat_fw.store.labels import complete, fail, plan_labels
from beamheat_fw.store.rounds import load_round, upsert_round

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


@pytest.mark.mongod
def test_a_round_with_too_many_failed_labels_stops_with_their_number_and_the_first_reason(
    store: Store,
) -> None:
    campaign = load_campaign(WORKFLOWS / "emt_au_cu.yaml")
    structures = [bulk(symbol, a=a, cubic=True) for a in (3.9, 4.0, 4.1) for symbol in ("Au", "Cu")]
    asked = [LabelRequest(campaign_id=campaign.campaign_id, role="initial")] * len(structures)
    ids = plan_labels(store, structures, asked, level_of(campaign)).label_ids
    upsert_round(store, campaign.campaign_id, 0, label_ids=ids)
    for label_id in ids[2:]:
        forces = tuple((0.0, 0.0, 0.0) for _ in range(4))
        complete(store, label_id, LabelResult(energy_eV=0.0, forces_eV_A=forces))
    for label_id in ids[:2]:
        assert fail(store, label_id, {"what": "KohnShamConvergenceError"})

    store.db["launches"].insert_one({"launch_id": 1, "fw_id": 1, "state": "RUNNING"})
    store.db["fireworks"].insert_one({"fw_id": 1, "launches": [1], "state": "RUNNING"})

    def build(limit: float) -> dict:
        labelling = campaign.labelling.model_copy(update={"max_failed_fraction": limit})
        asked = campaign.model_copy(update={"labelling": labelling})
        context = Context(None, store, None, asked, campaign.campaign_id, 0, "job", Worker(), 1, 1)
        return BuildDataset().act(context)

    with pytest.raises(CalculationError, match="Too many labels of this round failed") as stopped:
        build(0.3)
    assert stopped.value.values == {
        "failed": 2,
        "labels": 6,
        "limit": 0.3,
        "first": "KohnShamConvergenceError",
    }
    assert load_round(store, campaign.campaign_id, 0).dataset_id is None
    build(0.34)
    dataset_id = load_round(store, campaign.campaign_id, 0).dataset_id
    assert store.load(Dataset, dataset_id).nlabels == 4
