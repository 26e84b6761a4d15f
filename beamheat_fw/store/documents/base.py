"""What all documents share: strict models, ids that follow from content or key, dates in UTC."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from beamheat_fw.errors import InputError
from beamheat_fw.identity import key_id, plain

#: Version of the documents written by this release. A field that may be absent is no new version; whatever
#: else changes is, and needs a step in `store.migrations`.
SCHEMA_VERSION: Final = 2

#: A vector of three numbers, such as a force in eV/Å.
Vector = tuple[float, float, float]


class Part(BaseModel):
    """A part of a document: frozen, no unknown fields, no NaN or infinity."""

    # Most programs meet few of the models: each is made ready when it is first used.
    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, validate_by_name=True, defer_build=True
    )

    @model_validator(mode="before")
    @classmethod
    def _without_numpy(cls, values: Any) -> Any:
        return plain(values) if isinstance(values, dict) else values


class Analysis(Part):
    """What is to be known about how a result came about.

    Attributes
    ----------
    errors, warnings : tuple of str
        For people.
    details : dict
        Attempts, corrections and checks, for programs.
    """

    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    details: dict[str, Any] = Field(default_factory=dict)


class Document(Part):
    """A document of one collection.

    Attributes
    ----------
    id : str
        ``_id`` in MongoDB; made from the natural key `key` when not given.
    schema_version : int
        The version of the model that wrote it.
    tags : tuple of str
        Free words to find it by.
    campaign_id : str or None
        The campaign it was made for.
    fw_id : int or None
        The firework that made it.
    created_at, last_updated : datetime or None
        UTC; written by the store.
    """

    collection: ClassVar[str]
    key: ClassVar[tuple[str, ...]] = ()

    id: str = Field(default="", alias="_id")
    schema_version: int = SCHEMA_VERSION
    tags: tuple[str, ...] = ()
    campaign_id: str | None = None
    fw_id: int | None = None
    created_at: datetime | None = None
    last_updated: datetime | None = None

    @model_validator(mode="after")
    def _named(self) -> Self:
        if not self.id:
            object.__setattr__(self, "id", self.make_id())
        return self

    def make_id(self) -> str:
        """Return the id that this document's natural key stands for."""
        if not self.key:
            raise ValueError("this document needs an id")
        return key_id(self.collection, *(getattr(self, name) for name in self.key))

    def to_mongo(self) -> dict[str, Any]:
        """Return the document as MongoDB stores it, without the dates that the store keeps."""
        return self.model_dump(by_alias=True, exclude={"created_at", "last_updated"})


class MaterialDocument(Document):
    """A document about a material, with the fields that Materials Project databases use.

    Attributes
    ----------
    formula_pretty : str or None
        Reduced formula, such as ``MgO``.
    chemsys : str or None
        Elements in alphabetical order, joined by hyphens.
    elements : tuple of str
    nsites : int or None
        Number of atoms.
    """

    formula_pretty: str | None = None
    chemsys: str | None = None
    elements: tuple[str, ...] = ()
    nsites: int | None = None


def refused(error: ValidationError, what: str) -> InputError:
    """Turn pydantic's error about a document into one that names the first wrong field."""
    problem = error.errors(include_url=False)[0]
    field = ".".join(str(part) for part in problem["loc"]) or what
    return InputError(
        f"{what} has a wrong field",
        f"{problem['msg']}.",
        {"field": field, "value": repr(problem.get("input"))[:200], "problems": error.error_count()},
    )
