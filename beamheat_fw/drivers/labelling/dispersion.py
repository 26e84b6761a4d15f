"""Grimme's D3 correction, added to what knows no dispersion."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec

import numpy as np
from ase import Atoms

from beamheat_fw.campaign import GpawSettings, SevennSettings
from beamheat_fw.drivers.labelling.results import Evaluation

Corrected = GpawSettings | SevennSettings


def add_dispersion(
    evaluation: Evaluation, atoms: Atoms, settings: Corrected, real: np.ndarray | None = None
) -> Evaluation:
    """Add the two-body D3 energy, forces and stress (Grimme et al., J. Chem. Phys. 132, 154104 (2010)).

    Damping is Becke-Johnson (Grimme, Ehrlich and Goerigk, J. Comput. Chem. 32, 1456 (2011)) or zero, with
    the parameters of s-dftd3 for the functional. Only the directions in which `atoms` is periodic are summed
    over. It takes milliseconds, so that every rank does it for itself and gets the same numbers. It acts
    between the atoms that are `real`, all by default.
    """
    if settings.dispersion in ("none", "vdw-df"):
        return evaluation
    from dftd3.ase import DFTD3

    here = np.ones(len(atoms), bool) if real is None else real
    atoms = atoms[here]
    atoms.calc = DFTD3(method=settings.xc, damping=settings.dispersion)
    energy = float(atoms.get_potential_energy())
    forces = evaluation.forces_eV_A.copy()
    forces[here] += atoms.get_forces()
    stress = evaluation.stress_eV_A3
    return replace(
        evaluation,
        energy_eV=evaluation.energy_eV + energy,
        energy_zero_smearing_eV=evaluation.energy_zero_smearing_eV + energy,
        forces_eV_A=forces,
        stress_eV_A3=None if stress is None else stress + atoms.get_stress(),
        dispersion_eV=energy,
    )


def dispersion_problems(settings: Corrected) -> list[str]:
    """Return what keeps D3 from being added: the package, or parameters for the functional."""
    if find_spec("dftd3") is None:
        return ["dftd3 is not installed: pip install 'beamheat_fw[dft]', or set dispersion: none."]
    from dftd3.interface import RationalDampingParam, ZeroDampingParam

    damping = RationalDampingParam if settings.dispersion == "d3bj" else ZeroDampingParam
    try:
        damping(method=settings.xc)
    except RuntimeError:
        return [f"D3 has no {settings.dispersion} parameters for {settings.xc}: set dispersion: none."]
    return []
