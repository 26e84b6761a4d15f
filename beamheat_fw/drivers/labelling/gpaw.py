"""GPAW as the reference: density-functional theory, with dispersion by Grimme's D3 or a vdW functional."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from ase import Atoms
from ase.units import Ha

from beamheat_fw.campaign import GpawSettings
from beamheat_fw.drivers.labelling.dispersion import add_dispersion
from beamheat_fw.drivers.labelling.gpaw_layout import GpawNumerics, grid_points, parallel_layout
from beamheat_fw.drivers.labelling.gpaw_recovery import gpaw_ladder
from beamheat_fw.drivers.labelling.gpaw_setups import check_gpaw
from beamheat_fw.drivers.labelling.results import Evaluation

__all__ = ["GpawReference", "check_gpaw"]


class GpawReference:
    """GPAW behind the Reference protocol; every rank holds one and calls it together with the others.

    Structures are calculated each from its own start, never from the density of the one before: a label must
    not depend on its neighbours in the chunk. With orbitals little would be saved; with plane waves it would
    be 40 % (docs/measurements.md).
    """

    uses_mpi: ClassVar[bool] = True

    def __init__(self, settings: GpawSettings, ranks: int = 1, most_ranks: int = 1) -> None:
        from gpaw import ConvergenceError

        self._settings = settings
        self._ranks = ranks
        self.numerics = GpawNumerics(maxiter=settings.maxiter)
        self.ladder = gpaw_ladder(settings, ranks, most_ranks)
        self.failures: tuple[type[Exception], ...] = (
            ConvergenceError,
            np.linalg.LinAlgError,
            ArithmeticError,
            AssertionError,
            FileNotFoundError,
            MemoryError,
            RuntimeError,
            ValueError,
        )

    def evaluate(self, atoms: Atoms, numerics: GpawNumerics, log: Path) -> Evaluation:
        """Return energy, forces and, with plane waves in a periodic cell, stress.

        Where `atoms` has an array ``ghost``, the atoms it marks are nothing but their orbitals (LCAO): a part
        of a structure in the basis of the whole, for the counterpoise correction of a binding energy.

        Raises
        ------
        FloatingPointError
            An energy or a force is not a finite number.
        Exception
            Whatever GPAW raises; see `failures`.
        """
        from gpaw.dft import DFT

        from beamheat_fw.drivers.labelling.gpaw_xc import WholeSphereXC

        bare = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
        ghost = atoms.arrays.get("ghost", np.zeros(len(atoms))).astype(bool)
        # GPAW's ASE interface would set an LCAO calculation up twice.
        parameters = self._parameters(bare, numerics)
        if ghost.any():
            parameters["setups"] = {int(number): "ghost" for number in np.flatnonzero(ghost)}
        dft = DFT(bare, txt=str(log), converge=False, xc=WholeSphereXC(self._settings.xc), **parameters)
        dft.converge()
        zero_smearing = dft.calculate_energy()
        evaluation = Evaluation(
            energy_eV=float(dft.results["free_energy"] * Ha),
            energy_zero_smearing_eV=float(zero_smearing),
            forces_eV_A=np.array(dft.calculate_forces()),
            stress_eV_A3=self._stress(dft, bare),
            iterations=dft.scf_loop.niter,
        )
        if not (np.isfinite(evaluation.energy_eV) and np.isfinite(evaluation.forces_eV_A).all()):
            raise FloatingPointError("an energy or a force is not a finite number")
        return add_dispersion(evaluation, bare, self._settings, ~ghost)

    def layout(self, atoms: Atoms, numerics: GpawNumerics) -> dict[str, Any]:
        """Return GPAW's `parallel`: what the ladder chose, else what the rule of `parallel_layout` says."""
        return numerics.parallel or parallel_layout(atoms, self._settings, self._ranks).parallel()

    def path(self, atoms: Atoms, numerics: GpawNumerics) -> dict[str, Any]:
        """Return the layout of the ranks."""
        return {"layout": self.layout(atoms, numerics)}

    def versions(self) -> dict[str, str]:
        """Return the versions of GPAW, its setups, ASE and, where used, s-dftd3."""
        packages = ["gpaw", "gpaw-data", "ase", *(["dftd3"] if self._settings.adds_d3 else [])]
        return {package: version(package) for package in packages}

    def _parameters(self, atoms: Atoms, numerics: GpawNumerics) -> dict[str, Any]:
        settings = self._settings
        return {
            **_basis(atoms, settings),
            "kpts": {"size": settings.kpts, "gamma": True},
            "occupations": {"name": "fermi-dirac", "width": settings.smearing_eV},
            "convergence": {
                "energy": settings.energy_convergence_eV,
                "density": settings.density_convergence,
            },
            "symmetry": {"point_group": False},
            "parallel": self.layout(atoms, numerics),
            "maxiter": numerics.maxiter,
            **({"mixer": numerics.mixer} if numerics.mixer else {}),
            **({"eigensolver": numerics.eigensolver} if numerics.eigensolver else {}),
            **({"random": True} if numerics.random_start else {}),
        }

    def _stress(self, dft: Any, atoms: Atoms) -> np.ndarray | None:
        # GPAW's own vdW-DF has no stress.
        if self._settings.mode != "pw" or self._settings.dispersion == "vdw-df" or not atoms.pbc.all():
            return None
        dft.calculate_stress()
        from gpaw.new.calculation import units

        return np.array(dft.results["stress"]) * units["stress"]


def _basis(atoms: Atoms, settings: GpawSettings) -> dict[str, Any]:
    """Return GPAW's mode, basis set and grid."""
    if settings.mode == "pw":
        return {"mode": {"name": "pw", "ecut": settings.cutoff_eV}}
    orbitals = {"mode": "lcao", "basis": settings.basis}
    if settings.potential == "fourier":
        return {**orbitals, "h": settings.h_A, "experimental": {"pw_pot_calc": True}}
    return {**orbitals, "gpts": grid_points(atoms, settings.h_A)}
