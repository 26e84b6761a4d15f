from pathlib import Path

import pytest
import yaml

from beamheat_fw.campaign import SIZES, TrainingStage, load_campaign, parse_campaign
from beamheat_fw.errors import InputError

WORKFLOWS = Path(__file__).parents[1] / "workflows"
SHIPPED = sorted(WORKFLOWS.glob("*.yaml"))


@pytest.fixture
def document():
    return yaml.safe_load((WORKFLOWS / "quickstart.yaml").read_text())


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_campaigns_are_valid(path):
    assert load_campaign(path).name == path.stem


def test_the_same_file_is_the_same_campaign_and_an_edited_one_is_not(document):
    first, again = parse_campaign(document), parse_campaign(document)
    assert first.campaign_id == again.campaign_id
    assert parse_campaign(document | {"seed": 8}).campaign_id != first.campaign_id


def test_a_stored_campaign_is_read_back_as_the_same_one():
    campaign = load_campaign(WORKFLOWS / "quickstart.yaml")
    assert parse_campaign(campaign.model_dump(mode="json")).campaign_id == campaign.campaign_id


def test_a_diversity_that_is_not_the_default_is_kept_and_part_of_a_campaigns_identity(document):
    plain = parse_campaign(document)
    assert "diversity" not in plain.model_dump(mode="json")["selection"]
    asked = {name: document["selection"] | {"diversity": name} for name in ("farthest", "covering")}
    farthest, covering = (parse_campaign(document | {"selection": one}) for one in asked.values())
    assert farthest.campaign_id == plain.campaign_id != covering.campaign_id
    assert parse_campaign(covering.model_dump(mode="json")).selection.diversity == "covering"


def test_an_annealing_is_part_of_a_campaigns_identity_and_none_leaves_it_as_it_was(document):
    plain = parse_campaign(document)
    assert not {"anneal_K", "anneal_ps"} & set(plain.model_dump(mode="json")["heating"])
    none = document | {"heating": document["heating"] | {"anneal_K": None, "anneal_ps": 0}}
    asked = document | {"heating": document["heating"] | {"anneal_K": 700, "anneal_ps": 20}}
    assert parse_campaign(none).campaign_id == plain.campaign_id != parse_campaign(asked).campaign_id
    heating = parse_campaign(parse_campaign(asked).model_dump(mode="json")).heating
    assert (heating.anneal_K, heating.anneal_ps) == (700.0, 20.0)


@pytest.mark.parametrize("architecture", SIZES)
def test_a_size_stands_for_its_settings_and_what_is_given_counts_instead(architecture):
    for size, settings in SIZES[architecture].items():
        stage = TrainingStage.model_validate({"architecture": architecture, "size": size})
        assert {name: getattr(stage, name) for name in settings} == settings
        wider = TrainingStage.model_validate({"architecture": architecture, "size": size, "num_features": 9})
        assert (wider.num_features, wider.num_layers) == (9, settings["num_layers"])
    with pytest.raises(ValueError, match="size"):
        TrainingStage.model_validate({"architecture": architecture, "size": "XL"})


def test_the_spectrum_is_part_of_a_campaigns_identity(document, tmp_path):
    (tmp_path / "data").mkdir()
    spectrum = tmp_path / document["eels"]["file"]
    campaign_file = tmp_path / "quickstart.yaml"
    campaign_file.write_text(yaml.safe_dump(document))
    spectrum.write_bytes(b"one")
    first = load_campaign(campaign_file).campaign_id
    spectrum.write_bytes(b"other")
    assert load_campaign(campaign_file).campaign_id != first


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"labeling": {}}, "'labelling'"),
        ({"heating": {"relax_pss": 1}}, "'relax_ps'"),
        ({"training": {"members": 1}}, "training.members"),
        ({"queue": {"dft": {"pre_rocket": "curl x | sh"}}}, "dft.pre_rocket is no plain resource"),
        ({"labelling": {"reference": {"calculator": "vasp"}}}, "vasp"),
        ({"heating": {"particle_K": 300}}, "differ"),
        ({"heating": {"anneal_K": 700}}, "need each other"),
        ({"heating": {"anneal_ps": 20}}, "need each other"),
        ({"heating": {"anneal_K": 700, "anneal_ps": -1}}, "heating.anneal_ps"),
        ({"heating": {"anneal_K": 0, "anneal_ps": 20}}, "heating.anneal_K"),
        ({"heating": {"anneal_K": 200, "anneal_ps": 20}}, r"anneal_K \(200\) is below both"),
        ({"heating": {"powers_nW": [1, 2, 3]}}, "method: injection"),
        ({"heating": {"method": "injection", "powers_nW": [1, 2]}}, "three different"),
        ({"heating": {"method": "injection", "powers_nW": [1, 2, -3]}}, "greater than 0"),
        (
            {"heating": {"method": "injection", "powers_nW": [1, 2, 3], "ranks": 2, "replicas_per_rank": 2}},
            "equal",
        ),
        ({"heating": {"engine": "gromacs"}}, "decomposed"),
        ({"convergence": {"min_rounds": 3, "max_rounds": 2}}, "less than min_rounds"),
        ({"name": "no spaces"}, "name"),
    ],
)
def test_a_wrong_campaign_is_refused_by_field_with_the_fix(document, change, told):
    for key, value in change.items():
        document[key] = {**document.get(key, {}), **value} if isinstance(value, dict) else value
    with pytest.raises(InputError, match=told):
        parse_campaign(document)


def test_an_unknown_element_is_refused(document):
    document["structures"]["particles"][0]["element"] = "Xx"
    with pytest.raises(InputError, match="Xx"):
        parse_campaign(document)


@pytest.mark.parametrize("text", ["", "- a list", "name: [unclosed", "\x00"])
def test_a_file_that_is_no_campaign_is_refused(tmp_path, text):
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    with pytest.raises(InputError):
        load_campaign(path)


def test_a_preset_is_its_settings_and_binds_gold_where_results_are_meant() -> None:
    from beamheat_fw.campaign import PRESETS, LabellingStage

    for name, settings in PRESETS.items():
        assert LabellingStage.model_validate({"reference": name}).reference == settings
        assert (settings.dispersion == "none") == name.startswith("smoke")


def test_an_unknown_preset_is_refused_with_the_known_ones() -> None:
    from pydantic import ValidationError

    from beamheat_fw.campaign import LabellingStage

    with pytest.raises(ValidationError, match=r"standard-lcao.*tight-pw"):
        LabellingStage.model_validate({"reference": "standrad"})
