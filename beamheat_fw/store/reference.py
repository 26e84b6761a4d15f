"""The reference of all collections in docs/database.md, written from the models so that it cannot drift.

``python -m beamheat_fw.store.reference docs/database.md`` brings the file up to date.
"""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path
from typing import Final

from beamheat_fw.store.documents import MODELS, Document, Edge
from beamheat_fw.store.documents.base import MaterialDocument, Part
from beamheat_fw.store.documents.labels import LabelResult

BEGIN: Final = "<!-- written by beamheat_fw.store.reference -->"
END: Final = "<!-- end -->"
_ENTRY: Final = re.compile(r"^(\S[^:\n]*?)(?: : ([^\n]+))?$")


def reference() -> str:
    """Return the reference as Markdown."""
    parts = [
        "### Every document\n\n" + _table(Document),
        "### Documents about a material\n\n" + _table(MaterialDocument),
    ]
    parts += [_section(model) for model in MODELS.values()]
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
    return f"### `{model.collection}`\n\n{summary}{key} Beside the fields of {shared}:\n\n{_table(model)}"


def _table(model: type[Part]) -> str:
    notes = field_notes(model)
    for shared in (Document, MaterialDocument, LabelResult):
        for name, note in field_notes(shared).items():
            if notes.get(name, ("", "See"))[1].startswith("See"):
                notes[name] = note
    rows = ["| field | type | meaning |", "|---|---|---|"]
    for name, info in model.model_fields.items():
        if name in inspect.get_annotations(model):
            kind, meaning = notes.get(name, ("", ""))
            rows.append(f"| `{info.alias or name}` | {_cell(kind)} | {_cell(meaning)} |")
    return "\n".join(rows)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("``", "`")


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(updated(path.read_text(encoding="utf-8")), encoding="utf-8")
