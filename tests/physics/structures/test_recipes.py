"""Recipes as they stand in a campaign file, read by pydantic."""

import subprocess
import sys

import pytest
from pydantic import TypeAdapter, ValidationError

from beamheat_fw.errors import InputError
from beamheat_fw.physics.structures import FlakeParticle, SupportRecipe, SystemRecipe

SYSTEM = TypeAdapter(SystemRecipe)


def _document(**changes):
    particle = {"kind": "flake", "atoms_per_layer": [12, 7], **changes.get("particle", {})}
    support = {"kind": "hbn", "repeat": [6, 6], **changes.get("support", {})}
    return {"particle": particle, "support": support, "height_A": 3.3}


def test_a_document_becomes_the_recipe_its_kind_names_and_comes_back():
    recipe = SYSTEM.validate_python(_document())
    assert recipe == SystemRecipe(FlakeParticle((12, 7)), SupportRecipe("hbn", (6, 6)), height_A=3.3)
    assert SYSTEM.validate_json(SYSTEM.dump_json(recipe)) == recipe


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"support": {"lyers": 2}}, "lyers"),
        ({"support": {"kind": "hbm"}}, "kind"),
        ({"particle": {"kind": "flke"}}, "particle"),
        ({"particle": {"length": 4}}, "length"),
        ({"particle": {"atoms_per_layer": [7.5]}}, 0),
    ],
)
def test_unknown_keys_kinds_and_types_are_refused_where_they_stand(changes, where):
    with pytest.raises(ValidationError) as caught:
        SYSTEM.validate_python(_document(**changes))
    assert caught.value.errors()[0]["loc"][-1] == where


def test_a_recipe_checks_its_numbers_when_read_from_a_document():
    with pytest.raises(InputError, match="repeat is not positive"):
        SYSTEM.validate_python(_document(support={"repeat": [6, 0]}))


def test_reading_recipes_imports_no_builders():
    code = (
        "import sys, beamheat_fw.physics.structures as s;"
        "assert not {'ase.cluster', 'ase.build', 'scipy'} & set(sys.modules), sorted(sys.modules);"
        "s.build_system"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
