"""Documents that hold the others together: campaigns and provenance edges."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from beamheat_fw.store.documents.base import Document, Part

CampaignState = Literal["active", "paused", "cancelled", "finished"]


class CampaignRecord(Document):
    """A validated campaign file; its id is the file's content hash.

    Attributes
    ----------
    name : str
        The campaign's name; edited files of one name are campaigns of their own.
    document : dict
        The validated file.
    state : {'active', 'paused', 'cancelled', 'finished'}
    state_reason : str or None
        Why it is in this state, where there is something to say.
    max_core_hours : float or None
        At which cost it is paused; None where it is not.
    current_round : int
        The newest round begun.
    """

    collection: ClassVar[str] = "campaigns"

    name: str
    document: dict[str, Any]
    state: CampaignState = "active"
    state_reason: str | None = None
    max_core_hours: float | None = None
    current_round: int = 0


class Reference(Part):
    """A document named by its collection and id."""

    collection: str
    id: str


class Edge(Document):
    """One document was made from another one; the id follows from both ends and the role.

    Attributes
    ----------
    source : Reference
        ``from`` in MongoDB: what was used.
    to : Reference
        What was made with it.
    role : str
        As what it was used, such as ``training-set`` or ``spectrum``.
    launch_id : int or None
        The FireWorks launch that made `to`, the last one when it was repeated.
    versions : dict of str to str
        Versions of the codes that took part.
    host : str
        The machine it ran on.
    """

    collection: ClassVar[str] = "provenance"
    key: ClassVar[tuple[str, ...]] = ("source_key", "to_key", "role")

    source: Reference = Field(alias="from")
    to: Reference
    role: str
    launch_id: int | None = None
    versions: dict[str, str] = Field(default_factory=dict)
    host: str = ""

    @property
    def source_key(self) -> list[str]:
        """The source as its id needs it."""
        return [self.source.collection, self.source.id]

    @property
    def to_key(self) -> list[str]:
        """The target as its id needs it."""
        return [self.to.collection, self.to.id]
