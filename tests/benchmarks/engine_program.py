"""What `bench_engine` measures on MPI ranks: ``engine_program.py PACKAGE OUT`` under mpirun.

One rank is held against ASE and the bare model, alone: a second one that waited would share its core's parts.
Two ranks are held against one.
"""

from __future__ import annotations

import json
import resource
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms, units
from ase.build import bulk
from ase.md.verlet import VelocityVerlet
from mpi4py import MPI

from beamheat_fw.drivers.md.decomposed.dynamics import DecomposedDynamics
from beamheat_fw.drivers.md.decomposed.forces import DecomposedForces
from beamheat_fw.drivers.md.decomposed.nequip_part import NequipPart
from beamheat_fw.drivers.md.decomposed.ranks import Ranks
from beamheat_fw.drivers.md.dynamics import Motion
from beamheat_fw.drivers.nequip.models import load_model
from tests.benchmarks.bare_model import Work, against_bare

TIMESTEP_FS, SKIN_A, TEMPERATURE_K = 2.0, 0.5, 300.0
#: Cells of gold along each edge of the crystal, 500 and 2048 atoms, and how many turns the engine takes.
AGAINST_STOCK = {(5, 5, 5): 24, (8, 8, 8): 12}
#: 2916 atoms.
ON_TWO_RANKS = (9, 9, 9)
#: A turn of steps has a search for neighbours in it.
STEPS_A_TURN, WARM_UP = 24, 30
TURNS_ON_TWO_RANKS = 5
#: Exchanges of values of this many bytes an atom, for latency and bandwidth.
WIDTHS = (8, 512, 4096)


def main() -> None:
    """Measure and write one JSON document on the first rank."""
    package, out = map(Path, sys.argv[1:])
    world = MPI.COMM_WORLD
    model = NequipPart(load_model(package, ghosts=True))
    found: dict[str, Any] = {}
    if world.size == 1:
        found = {"against_stock": [], "memory_MB": [[0, _memory_MB()]]}
        for cells, turns in AGAINST_STOCK.items():
            found["against_stock"].append(_against_stock(model, package, _gold(cells), turns))
            found["memory_MB"].append([found["against_stock"][-1]["atoms"], _memory_MB()])
    else:
        found["two_ranks"] = _two_ranks(model, _gold(ON_TWO_RANKS), world)
    if world.rank == 0:
        out.write_text(json.dumps(found))


def _gold(cells: tuple[int, int, int]) -> Atoms:
    return bulk("Au", cubic=True, a=4.08).repeat(cells)


def _in_motion(model: NequipPart, atoms: Atoms, ranks: Ranks) -> DecomposedDynamics:
    motion = Motion(TIMESTEP_FS, 5.0)
    dynamics = DecomposedDynamics(
        atoms, ranks, lambda share: DecomposedForces(model, share, SKIN_A), motion, (1,)
    )
    temperatures_K = np.full(dynamics.batch.atoms, 2.0 * TEMPERATURE_K)
    dynamics.begin(dynamics.batch.start_positions_A(), temperatures_K)
    # A crystal at rest has fewer pairs within the cutoff than one that moves.
    for _ in range(WARM_UP):
        dynamics.verlet_step()
    return dynamics


def _stock(package: Path, atoms: Atoms, model: NequipPart) -> VelocityVerlet:
    """Return the paper's stack: ASE's integrator with NequIP's calculator, lists by its default, matscipy."""
    from nequip.data.transforms import ChemicalSpeciesToAtomTypeMapper, NeighborListTransform
    from nequip.integrations.ase import NequIPCalculator
    from nequip.model.saved_models.package import ModelFromPackage

    species = list(model.model.species)
    transforms = [
        ChemicalSpeciesToAtomTypeMapper(species, {symbol: symbol for symbol in species}),
        NeighborListTransform(r_max=model.r_max_A),
    ]
    stock = ModelFromPackage(str(package))["sole_model"].eval()
    atoms.calc = NequIPCalculator(stock, "cpu", transforms=transforms)
    return VelocityVerlet(atoms, TIMESTEP_FS * units.fs)


def _against_stock(model: NequipPart, package: Path, atoms: Atoms, turns: int) -> dict[str, Any]:
    """Return steps of stock and engine against the bare model."""
    dynamics = _in_motion(model, atoms.copy(), Ranks(MPI.COMM_SELF))
    own = atoms.copy()
    own.positions, own.arrays["momenta"] = (
        dynamics.state.positions_A.copy(),
        dynamics.batch.masses_amu[:, None] * dynamics.state.velocities,
    )
    stock = _stock(package, own, model)
    begun = dynamics.forces.searches

    def bare() -> Work:
        graph = dynamics.forces.part.graph(dynamics.state.positions_A)
        return lambda: model.evaluate(graph)

    readings = against_bare({"stock": lambda: stock.run(1)}, bare, turns // 4, STEPS_A_TURN)
    readings |= against_bare({"engine": dynamics.verlet_step}, bare, turns, STEPS_A_TURN)
    steps_a_search = turns * STEPS_A_TURN / max(1, dynamics.forces.searches - begun)
    return {"atoms": len(atoms), **readings, "steps_a_search": steps_a_search}


def _two_ranks(model: NequipPart, atoms: Atoms, world: MPI.Comm) -> dict[str, Any]:
    """Return wall milliseconds a step on one rank and on two, and what one exchange takes."""
    both = _in_motion(model, atoms.copy(), Ranks(world))
    alone = _in_motion(model, atoms.copy(), Ranks(MPI.COMM_SELF)) if world.rank == 0 else None
    steps = 8
    walls = []
    for _ in range(TURNS_ON_TWO_RANKS):
        started = time.perf_counter()
        if alone is not None:
            for _ in range(steps):
                alone.verlet_step()
        one = time.perf_counter() - started
        world.Barrier()
        started = time.perf_counter()
        for _ in range(steps):
            both.verlet_step()
        world.Barrier()
        walls.append((1e3 * one / steps, 1e3 * (time.perf_counter() - started) / steps))
    one_ms, two_ms = (statistics.median(values) for values in zip(*walls, strict=True))
    return {
        "atoms": len(atoms),
        "one_rank_ms": one_ms,
        "two_ranks_ms": two_ms,
        "turns": walls,
        "ghosts": both.forces.part.ghosts,
        "exchange_ms": [[bytes_, _exchange_ms(both, bytes_)] for bytes_ in WIDTHS],
    }


def _exchange_ms(dynamics: DecomposedDynamics, bytes_an_atom: int, repeats: int = 40) -> float:
    part = dynamics.forces.part
    values = np.zeros((dynamics.batch.ids.size + part.ghosts, bytes_an_atom // 8))
    times = []
    for _ in range(repeats):
        dynamics.batch.ranks.comm.Barrier()
        started = time.perf_counter()
        part.exchange.fill(values)
        times.append(1e3 * (time.perf_counter() - started))
    return statistics.median(times)


def _memory_MB() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0


if __name__ == "__main__":
    main()
