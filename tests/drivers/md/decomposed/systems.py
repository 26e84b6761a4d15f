"""Systems that are hard to share out over ranks, each for a reason of its own."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.build import bulk, fcc111
from ase.cluster import Octahedron


def systems() -> dict[str, Atoms]:
    """Return rattled systems of copper and gold by name."""
    random = np.random.default_rng(0)
    made = {
        "bulk": bulk("Au", cubic=True, a=4.08).repeat(3),
        "slab": fcc111("Cu", (5, 4, 3), a=3.61, vacuum=8.0),
        "particle on slab": _particle_on_slab(),
        # Thinner than the cutoff: atoms are their own neighbours.
        "thin cell": bulk("Cu", cubic=True, a=3.61).repeat((1, 1, 6)),
        # Some ranks have nothing to do.
        "fewer atoms than ranks": Atoms("CuAu", positions=[[0, 0, 0], [2.4, 0, 0]], cell=[20, 20, 20]),
    }
    plain = {
        name: Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
        for name, atoms in made.items()
    }
    for atoms in plain.values():
        atoms.positions += random.normal(0.0, 0.08, atoms.positions.shape)
    return plain


def _particle_on_slab() -> Atoms:
    """A particle that leaves most of the cell empty, and an atom that no other can see."""
    slab = fcc111("Cu", (6, 6, 2), a=3.61)
    slab.cell[2] = [0.0, 0.0, 60.0]
    slab.pbc = (True, True, False)
    particle = Octahedron("Au", 4, cutoff=1, latticeconstant=4.08)
    particle.positions += slab.positions.mean(axis=0) - particle.positions.mean(axis=0)
    particle.positions[:, 2] += slab.positions[:, 2].max() + 2.4 - particle.positions[:, 2].min()
    lonely = Atoms("Au", positions=[[0.0, 0.0, 45.0]])
    return slab + Atoms(particle.numbers, particle.positions) + lonely
