"""What a section of the report is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal


@dataclass(frozen=True)
class Figure:
    """A drawing.

    Attributes
    ----------
    svg : str
        An ``<svg>`` element.
    caption : str
        What it shows and how to read it.
    """

    kind: ClassVar[str] = "figure"
    svg: str
    caption: str


@dataclass(frozen=True)
class Table:
    """A table; columns of numbers are set to the right.

    Attributes
    ----------
    caption : str
    columns : tuple of str
        Headings, with units.
    rows : tuple of tuple of str
        The first cell of each heads its row.
    text_columns : tuple of int
        Columns that hold words instead of numbers; the first always does.
    folded : bool
        Whether only the caption shows until a reader asks for more; in print all of it does.
    """

    kind: ClassVar[str] = "table"
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    text_columns: tuple[int, ...] = (0,)
    folded: bool = False


@dataclass(frozen=True)
class Facts:
    """Named values, under a title of their own where they need one."""

    kind: ClassVar[str] = "facts"
    pairs: tuple[tuple[str, str], ...]
    title: str = ""


@dataclass(frozen=True)
class Warnings:
    """What a reader has to know before trusting the numbers above."""

    kind: ClassVar[str] = "warnings"
    texts: tuple[str, ...]
    title: str = "Read with care"


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    kind: ClassVar[str] = "text"
    text: str


@dataclass(frozen=True)
class Row:
    """Drawings and facts side by side where there is room, below each other on a phone."""

    kind: ClassVar[str] = "row"
    blocks: tuple[Figure | Facts, ...]


@dataclass(frozen=True)
class Dial:
    """Lets a reader choose a dose rate and a beam energy, and says the temperature rise there.

    Attributes
    ----------
    points : tuple of dict
        ``energy_keV``, ``dose_rate``, ``rise_K``, ``low_K`` and ``high_K`` (None where it is unbounded).
    figure : str
        Title of the figure in which the choice is marked.
    """

    kind: ClassVar[str] = "dial"
    points: tuple[dict[str, float | None], ...]
    figure: str

    @property
    def energies_keV(self) -> tuple[float | None, ...]:
        """The beam energies to choose from."""
        return tuple(dict.fromkeys(point["energy_keV"] for point in self.points))


Block = Figure | Table | Facts | Warnings | Text | Row | Dial


@dataclass(frozen=True)
class Section:
    """One heading and what stands below it.

    Attributes
    ----------
    title : str
    summary : str
        The section in a sentence.
    blocks : tuple of Block
        Empty where there is nothing to show yet; the summary says why.
    """

    title: str
    summary: str
    blocks: tuple[Block, ...] = ()

    @property
    def anchor(self) -> str:
        """The heading's id in the page."""
        return "".join(letter if letter.isalnum() else "-" for letter in self.title.lower())


@dataclass(frozen=True)
class Answer:
    """What the page begins with.

    Attributes
    ----------
    label : str
        What the value is.
    value : str
        With its unit.
    interval : str
        How sure it is.
    conditions : tuple of str
        The particle and the beam it holds for, and what it rests on.
    verdict : str
        In words; begins in capitals where something is wrong.
    tone : {'good', 'bad', 'waiting'}
    cautions : tuple of str
    """

    label: str
    value: str
    interval: str
    conditions: tuple[str, ...]
    verdict: str
    tone: Literal["good", "bad", "waiting"]
    cautions: tuple[str, ...] = ()
