"""SevenNet as the reference: a foundation model, for labels to pre-train on."""

from __future__ import annotations

import warnings
from collections.abc import Collection
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers

from beamheat_fw.campaign import SevennSettings
from beamheat_fw.drivers.labelling.dispersion import add_dispersion, dispersion_problems
from beamheat_fw.drivers.labelling.recovery import KilledRank, Walltime
from beamheat_fw.drivers.labelling.results import Evaluation

#: Of the first 94 elements those that no crystal of its training set holds.
_UNKNOWN = ("Po", "At", "Rn", "Fr", "Ra")
_LAST = 94


class SevennReference:
    """SevenNet (Park et al., J. Chem. Theory Comput. 20, 4857 (2024)) behind the Reference protocol."""

    uses_mpi: ClassVar[bool] = False
    starts_warm: bool = False
    failures = (ArithmeticError, RuntimeError, ValueError)
    ladder = (KilledRank(), Walltime(ranks=1, most_ranks=1))
    numerics = None

    def __init__(self, settings: SevennSettings, ranks: int = 1, most_ranks: int = 1) -> None:
        with warnings.catch_warnings():
            # That it would be faster with an accelerator on a GPU.
            warnings.simplefilter("ignore")
            from sevenn.calculator import SevenNetCalculator

            self._calculator = SevenNetCalculator(settings.model)
        self._settings = settings

    def evaluate(self, atoms: Atoms, numerics: Any, log: Path, *, warm: bool = False) -> Evaluation:
        """Return the model's energy, forces and, for fully periodic structures, stress.

        Raises
        ------
        FloatingPointError
            An energy or a force is not a finite number.
        ValueError
            The model does not know an element.
        """
        bare = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
        bare.calc = self._calculator
        energy = float(bare.get_potential_energy())
        forces = np.array(bare.get_forces(), dtype=float)
        if not (np.isfinite(energy) and np.isfinite(forces).all()):
            raise FloatingPointError("an energy or a force is not a finite number")
        stress = np.array(bare.get_stress(), dtype=float) if bare.pbc.all() else None
        return add_dispersion(Evaluation(energy, energy, forces, stress), bare, self._settings)

    def path(self, atoms: Atoms, numerics: Any) -> dict[str, Any]:
        """Return where the model ran."""
        return {"device": str(self._calculator.device)}

    def versions(self) -> dict[str, str]:
        """Return the versions of SevenNet, PyTorch and, where used, s-dftd3."""
        packages = ["sevenn", "torch", *(["dftd3"] if self._settings.dispersion != "none" else [])]
        return {package: version(package) for package in packages}


def check_sevenn(settings: SevennSettings, symbols: Collection[str]) -> list[str]:
    """Return a sentence for each thing missing: the package, elements it does not know, D3 parameters."""
    if find_spec("sevenn") is None:
        return ["SevenNet is not installed: pip install 'beamheat_fw[teacher]'."]
    unknown = [
        symbol for symbol in sorted(set(symbols)) if symbol in _UNKNOWN or atomic_numbers[symbol] > _LAST
    ]
    problems = [f"SevenNet was not trained on {symbol}." for symbol in unknown]
    return problems + (dispersion_problems(settings) if settings.dispersion != "none" else [])
