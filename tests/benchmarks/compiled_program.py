"""What `bench_engine` measures of a compiled model: ``compiled_program.py PACKAGE COMPILED OUT``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms, units
from ase.build import bulk
from ase.md.verlet import VelocityVerlet

from beamheat_fw.drivers.md.batch import Batch
from beamheat_fw.drivers.md.dynamics import Dynamics, Motion
from beamheat_fw.drivers.md.forces import CommitteeForces
from beamheat_fw.drivers.nequip.committee import Committee
from beamheat_fw.drivers.nequip.compiled import CompiledMember
from tests.benchmarks.bare_model import Work, against_bare

TIMESTEP_FS, SKIN_A, TEMPERATURE_K = 2.0, 0.5, 300.0
#: Cells of gold along each edge of the crystal, 64, 180, 500, 2048 atoms, and turns that the engine takes.
TURNS = {(2, 2, 4): 48, (3, 3, 5): 48, (5, 5, 5): 48, (8, 8, 8): 20}
#: Short turns, so that what else the machine does meets all alike, but with a search for neighbours in each.
STEPS_A_TURN, WARM_UP = 36, 30


def main() -> None:
    """Measure and write one JSON document."""
    package, compiled, out = map(Path, sys.argv[1:])
    eager, member = Committee.load([package]), CompiledMember.load(compiled)
    found = [_steps(eager, member, compiled, _gold(cells), turns) for cells, turns in TURNS.items()]
    out.write_text(json.dumps(found))


def _gold(cells: tuple[int, int, int]) -> Atoms:
    return bulk("Au", cubic=True, a=4.08).repeat(cells)


def _in_motion(model: Committee | CompiledMember, atoms: Atoms) -> Dynamics:
    dynamics = Dynamics(
        Batch.of([atoms]),
        lambda batch: CommitteeForces(model, batch, 0, SKIN_A),
        Motion(TIMESTEP_FS, 5.0),
        [(1,)],
    )
    dynamics.begin(dynamics.batch.start_positions_A(), np.full(len(atoms), 2.0 * TEMPERATURE_K))
    # A crystal at rest has fewer pairs within the cutoff than one that moves.
    for _ in range(WARM_UP):
        dynamics.verlet_step()
    return dynamics


def _stock(compiled: Path, species: tuple[str, ...], dynamics: Dynamics, atoms: Atoms) -> VelocityVerlet:
    """Return ASE's integrator with NequIP's calculator of the same file, its lists as by default."""
    from nequip.integrations.ase import NequIPCalculator

    atoms.positions = dynamics.state.positions_A.copy()
    atoms.set_velocities(dynamics.state.velocities)
    types = {symbol: symbol for symbol in species}
    atoms.calc = NequIPCalculator.from_compiled_model(
        str(compiled), "cpu", chemical_species_to_atom_type_map=types
    )
    return VelocityVerlet(atoms, TIMESTEP_FS * units.fs)


def _bare(member: CompiledMember, dynamics: Dynamics) -> Work:
    """Return the model alone on the graph of where the atoms are now."""
    from beamheat_fw.drivers.nequip.frames import Frames
    from beamheat_fw.drivers.nequip.neighbours import NeighbourList

    frames, positions = Frames.from_atoms(dynamics.batch.templates), dynamics.state.positions_A
    edges = NeighbourList(frames, member.r_max_A, SKIN_A).edges(positions)
    inputs = member.inputs(frames, positions, edges)
    return lambda: member.model(inputs)


def _steps(
    eager: Committee, member: CompiledMember, compiled: Path, atoms: Atoms, turns: int
) -> dict[str, Any]:
    ours = _in_motion(member, atoms.copy())
    stock = _stock(compiled, member.species, ours, atoms.copy())
    others: dict[str, Work] = {
        "stock": lambda: stock.run(1),
        "eager_engine": _in_motion(eager, atoms.copy()).verlet_step,
    }
    readings = against_bare(others, lambda: _bare(member, ours), turns // 4, STEPS_A_TURN)
    readings |= against_bare({"engine": ours.verlet_step}, lambda: _bare(member, ours), turns, STEPS_A_TURN)
    return {"atoms": len(atoms), **readings}


if __name__ == "__main__":
    main()
