"""The reference of all collections in docs/database.md, written from the models so that it cannot drift.

``python -m beamheat_fw.store.schema.reference docs/database.md`` brings the file up to date.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, get_args

from beamheat_fw.store.documents import MODELS, Document, Edge
from beamheat_fw.store.documents.base import MaterialDocument, Part
from beamheat_fw.store.documents.labels import LabelResult
from beamheat_fw.store.schema.indexes import INDEXES

BEGIN: Final = "<!-- written by beamheat_fw.store.schema.reference -->"
END: Final = "<!-- end -->"
_ENTRY: Final = re.compile(r"^(\S[^:\n]*?)(?: : ([^\n]+))?$")


def reference() -> str:
    """Return the reference as Markdown."""
    parts = [
        "### Every document\n\n" + _table(Document),
        "### Documents about a material\n\n" + _table(MaterialDocument),
    ]
    parts += [_section(model) for model in MODELS.values()]
    parts += [_part(model) for model in _parts()]
    return "\n\n".join(parts)


def updated(text: str) -> str:
    """Return a Markdown file's text with the reference between its two marks brought up to date."""
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n{reference()}\n{END}{rest.partition(END)[2]}"


def field_notes(model: type[Part]) -> dict[str, tuple[str, str]]:
    """Return type and meaning of the fields in a model's own docstring, by name."""
    _, _, section = inspect.cleandoc(model.__doc__ or "").partition("Attributes\n----------\n")
    notes: dict[str, tuple[str, str]] = {}
    names: list[str] = []
    for line in section.splitlines():
        entry = _ENTRY.match(line)
        if entry and not line.startswith(" "):
            names = [name.strip() for name in entry[1].split(",")]
            notes |= {name: (entry[2] or "", "") for name in names}
        else:
            notes |= {name: (notes[name][0], f"{notes[name][1]} {line.strip()}".strip()) for name in names}
    return notes


def _section(model: type[Document]) -> str:
    summary = inspect.cleandoc(model.__doc__ or "").split("\n\n")[0].replace("\n", " ")
    shared = "every document" + (" about a material" if issubclass(model, MaterialDocument) else "")
    key = f" Unique by `{'`, `'.join(model.key)}`." if model.key and model is not Edge else ""
    text = f"{summary}{key} Beside the fields of {shared}:"
    return "\n\n".join((f"### `{model.collection}`", text, _table(model), _indexes(model)))


def _indexes(model: type[Document]) -> str:
    """Return the indexes behind the queries of a collection, the fields of each in order."""
    listed = []
    for index in INDEXES[model.collection]:
        fields = ", ".join(index.document["key"])
        listed.append(f"`({fields})`" + (" (unique)" if index.document.get("unique") else ""))
    return f"Indexes: {', '.join(listed)}."


def _part(model: type[Part]) -> str:
    summary = inspect.cleandoc(model.__doc__ or "").split("\n\n")[0].replace("\n", " ")
    return f"### {model.__name__}\n\nA part of documents. {summary}\n\n{_table(model)}"


def _parts() -> list[type[Part]]:
    """Return the models that fields of documents hold, in the order in which the tables name them."""
    found: dict[type[Part], None] = {}
    for model in MODELS.values():
        for info in model.model_fields.values():
            found |= dict.fromkeys(_held(info.annotation))
    return list(found)


def _held(kind: Any) -> Iterator[type[Part]]:
    if isinstance(kind, type) and issubclass(kind, Part):
        yield kind
    for inner in get_args(kind):
        yield from _held(inner)


def _table(model: type[Part]) -> str:
    notes = field_notes(model)
    for shared in (Document, MaterialDocument, LabelResult) if issubclass(model, Document) else ():
        for name, note in field_notes(shared).items():
            if notes.get(name, ("", "See"))[1].startswith("See"):
                notes[name] = note
    rows = ["| field | type | meaning |", "|---|---|---|"]
    annotations = inspect.get_annotations(model)
    for name, info in model.model_fields.items():
        if name in annotations:
            kind, meaning = notes.get(name, ("", ""))
            kind = kind or str(annotations[name]).replace(" | ", " or ")
            rows.append(f"| `{info.alias or name}` | {_cell(kind)} | {_cell(meaning)} |")
    return "\n".join(rows)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("``", "`")


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(updated(path.read_text(encoding="utf-8")), encoding="utf-8")
