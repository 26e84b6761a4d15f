"""The potential of a LAMMPS run, as the job folder's protocol holds it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from beamheat_fw.errors import InputError

#: Stands in `pair_style` or `pair_coeff` for the file made from the driving member's package.
POTENTIAL = "{potential}"


@dataclass(frozen=True)
class PairStyle:
    """What LAMMPS calculates forces with.

    Attributes
    ----------
    pair_style : str
        Such as ``eam`` or ``mliap unified {potential} 0``.
    pair_coeff : tuple of str
        Such as ``* * {species}``; ``{Au}`` is the number of that element's type.
    """

    pair_style: str
    pair_coeff: tuple[str, ...]

    @classmethod
    def of(cls, settings: Mapping[str, Any] | None) -> Self:
        """Read from plain data.

        Raises
        ------
        InputError
            There is none.
        """
        if settings is None:
            raise InputError(
                "The LAMMPS engine has no pair style",
                "Give heating.lammps with pair_style and pair_coeff.",
            )
        return cls(settings["pair_style"], tuple(settings["pair_coeff"]))

    @property
    def is_trained(self) -> bool:
        """Whether it is the driving member itself, which has to be written for LAMMPS first."""
        return any(POTENTIAL in line for line in (self.pair_style, *self.pair_coeff))

    def lines(self, species: Sequence[str], potential: str) -> list[str]:
        """Return the commands, for types numbered in the order of `species`.

        Raises
        ------
        InputError
            A placeholder that stands for nothing here.
        """
        types = {symbol: str(number) for number, symbol in enumerate(species, start=1)}
        known = {**types, "species": " ".join(species), "potential": potential}
        try:
            style = self.pair_style.format_map(known)
            coefficients = [line.format_map(known) for line in self.pair_coeff]
        except (KeyError, ValueError, IndexError, AttributeError) as error:
            raise InputError(
                "The pair style names something that is not there",
                f"Use {', '.join(f'{{{name}}}' for name in known)}.",
                {"pair_style": self.pair_style, "pair_coeff": "; ".join(self.pair_coeff), "name": str(error)},
            ) from None
        return [f"pair_style {style}", *(f"pair_coeff {line}" for line in coefficients)]
