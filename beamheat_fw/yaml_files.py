"""Reading the YAML files that people write: whatever is wrong with one is a single message."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from beamheat_fw.errors import InputError

#: What reading may raise: of the file, of its syntax, of its numbers and dates.
_UNREADABLE = (OSError, yaml.YAMLError, ValueError, OverflowError)
_DEEPEST = 50
#: How many values a file may hold with every alias written out; campaign files hold some hundreds.
_MOST_VALUES = 20_000


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, bounded: no key twice, no endless nesting, no file that aliases blow up."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._above = 0
        self._extents: dict[yaml.Node, tuple[int, int]] = {}

    def compose_node(self, parent: Any, index: Any) -> Any:
        is_alias, line = self.check_event(yaml.AliasEvent), self.peek_event().start_mark.line + 1
        if self._above >= _DEEPEST:
            raise yaml.YAMLError(f"nested deeper than {_DEEPEST} levels in line {line}")
        self._above += 1
        node = super().compose_node(parent, index)
        self._above -= 1
        if not is_alias:
            self._extents[node] = self._extent(node)
        elif node not in self._extents:
            raise yaml.YAMLError(f"an alias inside of what it names, in line {line}")
        values, levels = self._extents[node]
        if values > _MOST_VALUES:
            raise yaml.YAMLError(f"more than {_MOST_VALUES} values, aliases written out, in line {line}")
        if self._above + levels > _DEEPEST:
            raise yaml.YAMLError(f"nested deeper than {_DEEPEST} levels by an alias in line {line}")
        return node

    def _extent(self, node: yaml.Node) -> tuple[int, int]:
        """Return how many values a node holds, aliases written out, and how many levels."""
        if isinstance(node, yaml.ScalarNode):
            return 1, 1
        pairs = isinstance(node, yaml.MappingNode)
        parts = [part for pair in node.value for part in pair] if pairs else node.value
        extents = [self._extents[part] for part in parts]
        return 1 + sum(values for values, _ in extents), 1 + max((deep for _, deep in extents), default=0)

    def compose_mapping_node(self, anchor: Any) -> Any:
        node = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key.value, str):
                continue
            if key.value in seen:
                raise yaml.YAMLError(f"{key.value!r} stands twice, again in line {key.start_mark.line + 1}")
            seen.add(key.value)
        return node


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
        It cannot be read, is no YAML, names a key twice, nests too deep, holds too much with its aliases
        written out, or holds no mapping.
    """
    values = {"file": str(path)}
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except _UNREADABLE as error:
        raise InputError(f"The {kind} cannot be read", fix, values | {"reason": _reason(error)}) from None
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise InputError(f"The {kind} holds no mapping of names", fix, values)
    return content


def _reason(error: Exception) -> str:
    """Return what is wrong and where, without the line itself: it may be the one with the password."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem and error.problem_mark:
        problem = re.sub(r" '[^'<]{2,}'", "", error.problem)
        return f"{problem}, in line {error.problem_mark.line + 1}"
    return " ".join(str(error).split())[:300]
