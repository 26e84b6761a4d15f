"""GPAW as the reference: density-functional theory, with dispersion by Grimme's D3 or a vdW functional."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from ase import Atoms
from ase.units import Ha

from beamheat_fw.campaign import GpawSettings
from beamheat_fw.drivers.labelling.dispersion import add_dispersion
from beamheat_fw.drivers.labelling.gpaw_layout import GpawNumerics, grid_points, parallel_layout
from beamheat_fw.drivers.labelling.gpaw_recovery import WarmStartError, gpaw_ladder
from beamheat_fw.drivers.labelling.gpaw_setups import check_gpaw
from beamheat_fw.drivers.labelling.recovery import reason_of
from beamheat_fw.drivers.labelling.results import Evaluation
from beamheat_fw.drivers.labelling.warm_start import may_start_warm

__all__ = ["GpawReference", "check_gpaw"]


class GpawReference:
    """GPAW behind the Reference protocol; every rank holds one and calls it together with the others.

    With plane waves a structure may start from the density and the wave functions of the one before, where
    `may_start_warm` says so: up to 40 % less work, and the same label within what its convergence leaves
    open. With orbitals little would be saved, and each starts on its own (docs/measurements.md).
    """

    uses_mpi: ClassVar[bool] = True

    def __init__(self, settings: GpawSettings, ranks: int = 1, most_ranks: int = 1) -> None:
        from gpaw import ConvergenceError

        self._settings = settings
        self._ranks = ranks
        self.numerics = GpawNumerics(maxiter=settings.maxiter)
        self.ladder = gpaw_ladder(settings, ranks, most_ranks)
        self.starts_warm = settings.mode == "pw"
        self._living: Any = None
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

    def evaluate(self, atoms: Atoms, numerics: GpawNumerics, log: Path, *, warm: bool = False) -> Evaluation:
        """Return energy, forces and, with plane waves in a periodic cell, stress.

        Where `atoms` has an array ``ghost``, the atoms it marks are nothing but their orbitals (LCAO): a part
        of a structure in the basis of the whole, for the counterpoise correction of a binding energy.

        Raises
        ------
        FloatingPointError
            An energy or a force is not a finite number.
        WarmStartError
            What started from the structure before has failed.
        Exception
            Whatever GPAW raises; see `failures`.
        """
        bare = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
        ghost = atoms.arrays.get("ghost", np.zeros(len(atoms))).astype(bool)
        # What fails leaves nothing to start from, and a new calculation gets the memory of the one before.
        before, self._living = self._living, None
        if warm and _on_all_ranks(
            before is not None and not ghost.any() and may_start_warm(before.atoms, bare)
        ):
            dft, evaluation = before, self._go_on(before, bare, log)
        else:
            del before
            dft = self._new(bare, ghost, numerics, log)
            evaluation = self._ground_state(dft, bare)
        if self.starts_warm and numerics == self.numerics and not ghost.any():
            self._living = dft
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

    def _new(self, atoms: Atoms, ghost: np.ndarray, numerics: GpawNumerics, log: Path) -> Any:
        from gpaw.dft import DFT

        from beamheat_fw.drivers.labelling.gpaw_convergence import EnergyOfFirstRank
        from beamheat_fw.drivers.labelling.gpaw_xc import WholeSphereXC

        # GPAW's ASE interface would set an LCAO calculation up twice.
        parameters = self._parameters(atoms, numerics)
        if ghost.any():
            parameters["setups"] = {int(number): "ghost" for number in np.flatnonzero(ghost)}
        dft = DFT(atoms, txt=str(log), converge=False, xc=WholeSphereXC(self._settings.xc), **parameters)
        criterion = EnergyOfFirstRank(self._settings.energy_convergence_eV)
        criterion.reset()
        dft.scf_loop.convergence["energy"] = criterion
        return dft

    def _go_on(self, dft: Any, atoms: Atoms, log: Path) -> Evaluation:
        """Move the atoms of a finished calculation and converge it anew, as strictly as the first time."""
        from gpaw.new.logger import Logger
        from gpaw.utilities import check_atoms_too_close_to_boundary

        try:
            # GPAW looks at the boundaries where a calculation is new only.
            check_atoms_too_close_to_boundary(atoms)
            dft.log.close()
            dft.log = Logger(str(log), dft.comm)
            dft.move_atoms(atoms)
            # It would count the last energies of the structure before as iterations of this one.
            for criterion in dft.scf_loop.convergence.values():
                criterion.reset()
            return replace(self._ground_state(dft, atoms), start="warm")
        except self.failures as error:
            reason = reason_of(error)
        # Raised outside, since as its context the error would hold on to the arrays of the calculation.
        raise WarmStartError(reason)

    def _ground_state(self, dft: Any, atoms: Atoms) -> Evaluation:
        """Converge a calculation; return its numbers, without dispersion."""
        dft.converge()
        zero_smearing = dft.calculate_energy()
        evaluation = Evaluation(
            energy_eV=float(dft.results["free_energy"] * Ha),
            energy_zero_smearing_eV=float(zero_smearing),
            forces_eV_A=np.array(dft.calculate_forces()),
            stress_eV_A3=self._stress(dft, atoms),
            iterations=dft.scf_loop.niter,
        )
        if not (np.isfinite(evaluation.energy_eV) and np.isfinite(evaluation.forces_eV_A).all()):
            raise FloatingPointError("an energy or a force is not a finite number")
        return evaluation

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


def _on_all_ranks(condition: bool) -> bool:
    """Return whether it holds everywhere: the calculation before may have failed on some ranks alone."""
    from gpaw.mpi import world

    return bool(world.min_scalar(int(condition)))


def _basis(atoms: Atoms, settings: GpawSettings) -> dict[str, Any]:
    """Return GPAW's mode, basis set and grid."""
    if settings.mode == "pw":
        return {"mode": {"name": "pw", "ecut": settings.cutoff_eV}}
    orbitals = {"mode": "lcao", "basis": settings.basis}
    if settings.potential == "fourier":
        return {**orbitals, "h": settings.h_A, "experimental": {"pw_pot_calc": True}}
    return {**orbitals, "gpts": grid_points(atoms, settings.h_A)}
