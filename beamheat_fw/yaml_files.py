"""Reading the YAML files that people write: whatever is wrong with one is a single message."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from beamheat_fw.errors import InputError

#: What reading may raise: of the file, of its syntax, of its numbers and dates.
_UNREADABLE = (OSError, yaml.YAMLError, ValueError, OverflowError)
_DEEPEST = 50


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, which lets neither a key stand twice nor anything be repeated by an alias."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError(f"an alias (*name) in line {self.peek_event().start_mark.line + 1}")
        self.depth += 1
        if self.depth > _DEEPEST:
            raise yaml.YAMLError(f"nested deeper than {_DEEPEST} levels")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key.value, str):
                continue
            if key.value in seen:
                raise yaml.YAMLError(f"{key.value!r} stands twice, again in line {key.start_mark.line + 1}")
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_mapping(path: Path, kind: str, fix: str) -> dict[str, Any]:
    """Return the content of a YAML file that holds one mapping of names.

    Parameters
    ----------
    path : Path
    kind : str
        What the file is, for the message: "campaign file".
    fix : str
        What to do where it is not such a file.

    Raises
    ------
    InputError
        It cannot be read, is no YAML, names a key twice, uses aliases, nests too deep, or holds no mapping.
    """
    values = {"file": str(path)}
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except _UNREADABLE as error:
        reason = " ".join(str(error).split())[:300]
        raise InputError(f"The {kind} cannot be read", fix, values | {"reason": reason}) from None
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise InputError(f"The {kind} holds no mapping of names", fix, values)
    return content
