"""Labels as a user makes them without a workflow: a loop over structures under mpirun, a JSON line for each.

mpirun -np 2 gpaw python bare_labels.py FOLDER OUTPUT [INDEX]

The calculation is the package's own (`GpawReference`), so that what differs from a campaign is the machinery
around it alone. FOLDER holds structures.extxyz and settings.json.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import ase.io
from gpaw.mpi import world

from beamheat_fw.drivers.labelling.gpaw import GpawReference
from beamheat_fw.drivers.labelling.reference import read_settings


def main() -> None:
    """Label all structures of a folder, or one of them."""
    folder, output = Path(sys.argv[1]), Path(sys.argv[2])
    frames = ase.io.read(folder / "structures.extxyz", index=":")
    chosen = frames if len(sys.argv) < 4 else [frames[int(sys.argv[3])]]
    reference = GpawReference(read_settings(folder / "settings.json"), world.size)
    for atoms in chosen:
        found = reference.evaluate(atoms, reference.numerics, output.with_suffix(".txt"))
        if world.rank == 0:
            with output.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps([found.energy_eV, found.forces_eV_A.tolist()]) + "\n")


if __name__ == "__main__":
    main()
