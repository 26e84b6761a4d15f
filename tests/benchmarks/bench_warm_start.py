"""What a start from the density of a similar structure saves of a GPAW label, and what it changes.

python tests/benchmarks/bench_warm_start.py [STRUCTURES]

Three gold atoms on 3x3 hBN: near structures, each moved from the one before by a little, and structures as
explored, each displaced anew as at 300 K. Then, with plane waves, how far atoms may move: wires of four
atoms, each of them moved by the same distance in a direction of its own, and back. Cold: each from its own
start. Warm: from the density and wave functions of the one before, moved along.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from beamheat_fw.campaign import GpawSettings
from beamheat_fw.physics.structures import FlakeParticle, SupportRecipe, SystemRecipe, build_system
from beamheat_fw.physics.structures.displacements import SPRINGS, thermal_displacements

STRUCTURES = 3
#: Root mean square distance of an atom from where it was in the structure before.
MOVED_A = 0.05
DISTANCES_A = (0.05, 0.1, 0.15, 0.2, 0.3)
#: Distance between the atoms of a wire, Å.
WIRES = {"Au4": 2.7, "Cu4": 2.4}
LEVELS = {
    "lcao": GpawSettings(
        basis="sz(dzp)", h_A=0.22, dispersion="none", energy_convergence_eV=1e-3, density_convergence=1e-3
    ),
    "pw": GpawSettings(
        mode="pw", cutoff_eV=250, dispersion="none", energy_convergence_eV=1e-3, density_convergence=1e-3
    ),
}


def main() -> int:
    """Measure each level; print a line of JSON for each."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else STRUCTURES
    for kind, make in (("near", _near), ("as at 300 K", _thermal)):
        for name, settings in LEVELS.items():
            found = _compare(settings, make(count))
            print(json.dumps({"level": name, "structures": kind, **found}), flush=True)
    for wire, distance_A in product(WIRES, DISTANCES_A):
        found = _compare(LEVELS["pw"], _wires(wire, count, distance_A))
        print(json.dumps({"level": "pw", "structures": f"{wire}, {distance_A} A", **found}), flush=True)
    return 0


def _system() -> Atoms:
    system = SystemRecipe(
        FlakeParticle(atoms_per_layer=(3,)),
        SupportRecipe("hbn", (3, 3)),
        height_A=3.3,
        vacuum_A=5.0,
        min_image_gap_A=3.5,
    )
    return build_system(system)


def _near(count: int) -> list[Atoms]:
    """Return structures each of which is a random step from the one before."""
    random = np.random.default_rng(1)
    made = [_system()]
    while len(made) <= count:
        atoms = made[-1].copy()
        atoms.positions += random.normal(scale=MOVED_A / np.sqrt(3), size=atoms.positions.shape)
        made.append(atoms)
    return made


def _thermal(count: int) -> list[Atoms]:
    """Return structures that have nothing in common but what they are displaced from."""
    random = np.random.default_rng(1)
    made = []
    for _ in range(count + 1):
        atoms = _system()
        particle = atoms.arrays["body"] == 1
        for part, springs in ((particle, SPRINGS["particle"]), (~particle, SPRINGS["hbn"])):
            atoms.positions[part] += thermal_displacements(atoms[part], 300.0, springs, random)
        made.append(atoms)
    return made


def _wires(wire: str, count: int, distance_A: float) -> list[Atoms]:
    """Return structures each of whose atoms lies at a distance from where it was in the one before."""
    random = np.random.default_rng(1)
    heights_A = WIRES[wire] * np.arange(4)
    cell = [4.0, 4.0, heights_A[-1] + 5.7]
    made = [Atoms(wire, [[2.0, 2.0, height_A] for height_A in heights_A], cell=cell, pbc=True)]
    while len(made) <= count:
        atoms = made[0].copy()
        if len(made) % 2:
            directions = random.normal(size=(4, 3))
            atoms.positions += distance_A * directions / np.linalg.norm(directions, axis=1)[:, np.newaxis]
        made.append(atoms)
    return made


def _compare(settings: GpawSettings, structures: list[Atoms]) -> dict[str, Any]:
    from gpaw.dft import DFT

    from beamheat_fw.drivers.labelling.gpaw import GpawReference
    from beamheat_fw.drivers.labelling.gpaw_xc import WholeSphereXC

    reference = GpawReference(settings)

    def start(atoms: Atoms) -> Any:
        bare = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
        log = str(Path(folder) / "log.txt")
        parameters = reference._parameters(bare, reference.numerics)
        return DFT(bare, txt=log, converge=False, xc=WholeSphereXC(settings.xc), **parameters)

    with tempfile.TemporaryDirectory() as folder:
        cold = [_finish(start, atoms) for atoms in structures[1:]]
        moving = start(structures[0])
        _finish(lambda _: moving, structures[0])
        warm = [_finish(lambda atoms: _moved(moving, atoms), atoms) for atoms in structures[1:]]
    differences = [np.abs(a["forces"] - b["forces"]).max() for a, b in zip(cold, warm, strict=True)]
    return {
        "cpu_s": {"cold": _mean(cold, "cpu_s"), "warm": _mean(warm, "cpu_s")},
        "iterations": {"cold": _mean(cold, "iterations"), "warm": _mean(warm, "iterations")},
        "largest_force_difference_eV_A": round(float(max(differences)), 4),
    }


def _finish(start: Any, atoms: Atoms) -> dict[str, Any]:
    """Return the cost of a ground state with its forces, and these."""
    started = time.process_time()
    dft = start(atoms)
    dft.converge()
    dft.calculate_energy()
    forces = np.array(dft.calculate_forces())
    return {
        "cpu_s": time.process_time() - started,
        "iterations": dft.scf_loop.niter,
        "forces": forces,
    }


def _moved(dft: Any, atoms: Atoms) -> Any:
    dft.move_atoms(_bare(atoms))
    for criterion in dft.scf_loop.convergence.values():
        criterion.reset()
    return dft


def _bare(atoms: Atoms) -> Atoms:
    return Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=atoms.pbc)


def _mean(results: list[dict[str, Any]], key: str) -> float:
    return round(float(np.mean([result[key] for result in results])), 2)


if __name__ == "__main__":
    sys.exit(main())
