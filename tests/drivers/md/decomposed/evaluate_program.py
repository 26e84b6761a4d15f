"""Evaluates structures on 1, 2, 3 ... of its ranks: ``evaluate_program.py PACKAGE STRUCTURES OUT``.

Writes energy, forces, and atoms and ghosts of each rank, for each precision, number of ranks and structure.
Then atoms move at random without a new search for edges, so that ownership lags behind, and the same is asked
again.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from ase.io import read
from mpi4py import MPI

from beamheat_fw.drivers.md.decomposed.bisection import bisect, within_cell
from beamheat_fw.drivers.md.decomposed.forces import DecomposedForces
from beamheat_fw.drivers.md.decomposed.nequip_part import NequipPart
from beamheat_fw.drivers.md.decomposed.ranks import Ranks
from beamheat_fw.drivers.md.decomposed.share import Share
from beamheat_fw.drivers.nequip.models import load_model


def main() -> None:
    package, structures, out = map(Path, sys.argv[1:])
    systems = read(structures, ":", format="extxyz", parallel=False)
    world = MPI.COMM_WORLD
    found = {}
    for precision in ("float32", "float64"):
        model = NequipPart(load_model(package, precision=precision, ghosts=True))
        for size in range(1, world.size + 1):
            some = world.Split(world.rank < size)
            if world.rank < size:
                for number, atoms in enumerate(systems):
                    values = evaluated(model, atoms, Ranks(some))
                    found |= {f"{precision}-{size}-{number}-{name}": each for name, each in values.items()}
    if world.rank == 0:
        np.savez(out, **found)


def evaluated(model, atoms, ranks: Ranks) -> dict[str, np.ndarray]:
    cell = atoms.cell.complete().array
    owners = bisect(within_cell(atoms.positions, cell, atoms.pbc), np.ones(len(atoms)), ranks.size)
    share = Share.taking(atoms, np.flatnonzero(owners == ranks.rank), ranks)
    forces = DecomposedForces(model, share, skin_A=0.5)
    there = forces(share.start_positions_A())
    moves = np.random.default_rng(1).uniform(-0.14, 0.14, atoms.positions.shape)
    moved = forces(share.start_positions_A() + moves[share.ids])
    assert forces.searches == 1
    return {
        "energy": there.energies_eV,
        "forces": ranks.whole(share.ids, there.forces_eV_A),
        "moved_energy": moved.energies_eV,
        "moved_forces": ranks.whole(share.ids, moved.forces_eV_A),
        "atoms": np.array(ranks.comm.allgather(share.ids.size)),
        "ghosts": np.array(ranks.comm.allgather(forces.part.ghosts)),
    }


if __name__ == "__main__":
    main()
