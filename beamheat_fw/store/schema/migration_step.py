"""What a step between two schema versions consists of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from beamheat_fw.store.database import Store


@dataclass(frozen=True)
class Changed:
    """A document in its new form.

    Attributes
    ----------
    document : dict
    artifacts : tuple of bytes
        What has left the document; saved before it is.
    """

    document: dict[str, Any]
    artifacts: tuple[bytes, ...] = ()


#: Gives a document its new form; may read others from the store and writes nothing.
Change = Callable[["Store", dict[str, Any]], Changed]


@dataclass(frozen=True)
class Step:
    """What one version of the schema changed.

    Attributes
    ----------
    what : str
        For people.
    changes : mapping of str to callable
        By collection; documents of other collections keep their fields and get the new version.
    """

    what: str
    changes: Mapping[str, Change]
