"""GPAW's restart files as labelled structures, without GPAW."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ase import Atoms


def read_gpw(path: Path) -> Iterator[Atoms]:
    """Yield the one structure of a .gpw file.

    Its energy is the free energy, whose gradient the forces are. What a file that is cut off raises is for
    the caller to catch: OSError, ValueError, AttributeError.
    """
    from ase.io import ulm
    from ase.io.trajectory import read_atoms

    reader = ulm.open(str(path))
    try:
        atoms = read_atoms(reader.atoms, _try_except=False)
        results = reader.results.asdict()
    finally:
        reader.close()
    atoms.calc = None
    for name, target in (("free_energy", "energy"), ("stress", "stress")):
        if name in results:
            atoms.info[f"REF_{target}"] = results[name]
    if "forces" in results:
        atoms.set_array("REF_forces", np.asarray(results["forces"]))
    yield atoms
