"""docs/campaign_file.md names every field of the campaign file with its default, and no other."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from pydantic import BaseModel

from beamheat_fw import campaign

DOCUMENT = Path(__file__).parents[2] / "docs" / "campaign_file.md"
REQUIRED, SEE_BELOW = "**required**", "see below"
_TABLE = re.compile(r"<!-- model: (\w+) -->\n\n\| field .*\n\|---.*\n((?:\| .*\n)+)")


def models_of_the_file(kind: Any = campaign.Campaign) -> set[type]:
    """Return every model and recipe that a campaign file is made of."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        inner = [field.annotation for field in kind.model_fields.values()]
        return {kind}.union(*(models_of_the_file(one) for one in inner))
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        inner = list(get_type_hints(kind).values())
        return {kind}.union(*(models_of_the_file(one) for one in inner))
    return set().union(*(models_of_the_file(one) for one in get_args(kind)))


def defaults(model: type) -> dict[str, str]:
    """Return each field's default as the document writes it."""
    if issubclass(model, BaseModel):
        return {
            name: REQUIRED if field.is_required() else _written(field.get_default(call_default_factory=True))
            for name, field in model.model_fields.items()
        }
    return {
        field.name: REQUIRED if field.default is dataclasses.MISSING else _written(field.default)
        for field in dataclasses.fields(model)
    }


def _written(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, BaseModel) or dataclasses.is_dataclass(value):
        return SEE_BELOW
    return f"`{json.dumps(value)}`"


def documented() -> dict[str, dict[str, str]]:
    """Return the defaults in the document's tables, by model and field."""
    tables = _TABLE.findall(DOCUMENT.read_text(encoding="utf-8"))
    rows = {model: [line.split(" | ") for line in body.splitlines()] for model, body in tables}
    return {model: {row[0].strip("| `"): row[2].strip() for row in body} for model, body in rows.items()}


def test_every_model_has_its_table() -> None:
    assert set(documented()) == {model.__name__ for model in models_of_the_file()}


@pytest.mark.parametrize("model", sorted(models_of_the_file(), key=lambda one: one.__name__))
def test_fields_and_defaults_are_those_of_the_models(model: type) -> None:
    assert documented()[model.__name__] == defaults(model)


def test_the_sizes_of_models_are_those_of_the_campaign() -> None:
    for size in ("S", "M", "L"):
        cells = [
            ", ".join(str(value) for value in campaign.SIZES[architecture][size].values())
            for architecture in ("nequip", "allegro")
        ]
        assert f"| `{size}` | {cells[0]} | {cells[1]} |" in DOCUMENT.read_text(encoding="utf-8")
