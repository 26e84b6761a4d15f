"""The references that labels can come from: one protocol, a fixed registry of names."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Protocol

from ase import Atoms
from pydantic import TypeAdapter, ValidationError

from beamheat_fw.campaign import EmtSettings, GpawSettings, ReferenceSettings, SevennSettings
from beamheat_fw.drivers.labelling.recovery import Problem
from beamheat_fw.drivers.labelling.results import Evaluation
from beamheat_fw.errors import InputError

Settings = GpawSettings | EmtSettings | SevennSettings


class Reference(Protocol):
    """A code that gives energies and forces what they mean.

    Attributes
    ----------
    uses_mpi : bool
        Whether several ranks share one calculation.
    starts_warm : bool
        Whether a calculation may start from the one before, where they are near enough.
    failures : tuple of exception types
        What it raises when a structure defeats it; anything else is a fault of the program and ends it.
    ladder : sequence of Problem
        The problems it can recover from, in the order they are tried.
    numerics : object
        The numerical path of a first attempt; the ladder changes it. It never changes what the energy means.
    """

    uses_mpi: ClassVar[bool]
    starts_warm: bool
    failures: tuple[type[Exception], ...]
    ladder: Sequence[Problem]
    numerics: Any

    def evaluate(self, atoms: Atoms, numerics: Any, log: Path, *, warm: bool = False) -> Evaluation:
        """Return energy and forces; called by all ranks together.

        With `warm` it may start from the calculation before: an energy means the same either way.
        """
        ...

    def path(self, atoms: Atoms, numerics: Any) -> dict[str, Any]:
        """Return what a label's `run_stats` tell of how it was calculated, such as GPAW's layout."""
        ...

    def versions(self) -> dict[str, str]:
        """Return the versions of the codes behind the numbers."""
        ...


#: Name of a calculator and where its reference class and its check live; nothing else is ever imported.
REFERENCES = {
    "gpaw": ("beamheat_fw.drivers.labelling.gpaw", "GpawReference", "check_gpaw"),
    "sevenn": ("beamheat_fw.drivers.labelling.sevenn", "SevennReference", "check_sevenn"),
    "emt": ("beamheat_fw.drivers.labelling.emt", "EmtReference", "check_emt"),
}


def make_reference(settings: Settings, ranks: int = 1, most_ranks: int = 1) -> Reference:
    """Return the reference that `settings` describe.

    Parameters
    ----------
    settings : GpawSettings, EmtSettings or SevennSettings
    ranks : int
        Of the program.
    most_ranks : int
        That a later program could have.
    """
    module, name, _ = REFERENCES[settings.calculator]
    return getattr(import_module(module), name)(settings, ranks, most_ranks)


def uses_mpi(settings: Settings) -> bool:
    """Return whether the reference spreads one calculation over several ranks."""
    module, name, _ = REFERENCES[settings.calculator]
    return getattr(import_module(module), name).uses_mpi


def least_margin_A(settings: Settings) -> float:
    """Return how near to an open side of the cell an atom may lie, Å.

    GPAW's orbitals reach 2.5 Å and more beyond the atoms that this project is about, and end there at zero.
    """
    return 2.5 if isinstance(settings, GpawSettings) else 0.0


def check_reference(settings: Settings, symbols: Collection[str]) -> list[str]:
    """Return what would keep labels from being made here, without running anything.

    Parameters
    ----------
    settings : GpawSettings, EmtSettings or SevennSettings
    symbols : collection of str
        The chemical elements of the structures.

    Returns
    -------
    list of str
        One sentence for each problem, naming what is missing; empty when labels can be made.
    """
    module, _, check = REFERENCES[settings.calculator]
    return getattr(import_module(module), check)(settings, symbols)


def read_settings(path: Path) -> Settings:
    """Read a ``settings.json``.

    Raises
    ------
    InputError
        The file is missing or does not describe a reference.
    """
    try:
        return TypeAdapter(ReferenceSettings).validate_python(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, ValidationError) as error:
        raise InputError(
            "The labelling settings cannot be read",
            "Write a reference's settings as JSON.",
            {"file": str(path), "reason": str(error)},
        ) from None
