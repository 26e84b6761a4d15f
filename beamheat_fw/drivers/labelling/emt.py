"""Effective medium theory: a reference for development and tests."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any, ClassVar

import ase
from ase import Atoms

from beamheat_fw.campaign import EmtSettings
from beamheat_fw.drivers.labelling.recovery import KilledRank, Walltime
from beamheat_fw.drivers.labelling.results import Evaluation


class EmtReference:
    """ASE's EMT (Jacobsen, Stoltze and Norskov, Surf. Sci. 366, 394 (1996)) behind the Reference protocol."""

    uses_mpi: ClassVar[bool] = False
    starts_warm: bool = False
    failures = (NotImplementedError, ArithmeticError, ValueError)
    ladder = (KilledRank(), Walltime(ranks=1, most_ranks=1))
    numerics = None

    def __init__(self, settings: EmtSettings, ranks: int = 1, most_ranks: int = 1) -> None:
        self._settings = settings

    def evaluate(self, atoms: Atoms, numerics: Any, log: Path, *, warm: bool = False) -> Evaluation:
        """Return ASE's EMT energy, forces and, for fully periodic structures, stress."""
        from ase.calculators.emt import EMT

        atoms = atoms.copy()
        atoms.calc = EMT()
        energy = float(atoms.get_potential_energy())
        return Evaluation(
            energy_eV=energy,
            energy_zero_smearing_eV=energy,
            forces_eV_A=atoms.get_forces(apply_constraint=False),
            stress_eV_A3=atoms.get_stress() if atoms.pbc.all() else None,
        )

    def path(self, atoms: Atoms, numerics: Any) -> dict[str, Any]:
        """Return nothing: there is one way only."""
        return {}

    def versions(self) -> dict[str, str]:
        """Return ASE's version."""
        return {"ase": ase.__version__}


def check_emt(settings: EmtSettings, symbols: Collection[str]) -> list[str]:
    """Return a sentence for each element EMT has no parameters for."""
    from ase.calculators.emt import parameters

    return [f"EMT has no parameters for {symbol}." for symbol in sorted(set(symbols) - set(parameters))]
