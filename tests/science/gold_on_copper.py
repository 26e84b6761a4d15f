"""Au341 on Cu(111) by asap3's effective medium theory: the runs from which four methods find one conductance.

An interface that was put together is not at rest: gold slides into the hollows of copper until more of its
atoms touch, and G grows with them, so methods that look at different times disagree. So the interface
is annealed first, above all that it is to bear, and all methods start from the same one.

``python -m tests.science.gold_on_copper FOLDER`` runs them, or goes on with them: half an hour of one core.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from ase import Atoms

from beamheat_fw.drivers.md.batch import Batch
from beamheat_fw.drivers.md.crew import RankPlace, replicas
from beamheat_fw.drivers.md.endings import FINISHED
from beamheat_fw.drivers.md.forces import Evaluated
from beamheat_fw.drivers.md.heating.run import HeatingRun
from beamheat_fw.drivers.md.protocols import HeatProtocol
from beamheat_fw.identity import content_hash
from beamheat_fw.physics.interface.run_plan import one_run_error, plan_runs
from beamheat_fw.physics.interface.two_body_filter import TwoBodies
from beamheat_fw.physics.structures import LayeredParticle, SupportRecipe, SystemRecipe, build_system
from beamheat_fw.physics.structures.contact import contact_atoms
from beamheat_fw.units import BOLTZMANN_EV_PER_K

#: The paper's smallest particle on three layers of copper.
RECIPE = SystemRecipe(
    LayeredParticle(layers=(4, 2, 5)),
    SupportRecipe(kind="fcc111", element="Cu", repeat=(11, 11), layers=3),
    height_A=2.3,
)
N_PARTICLE, N_SUPPORT = 341, 363
HARMONIC = TwoBodies(
    3 * N_PARTICLE * BOLTZMANN_EV_PER_K, 3 * N_SUPPORT * BOLTZMANN_EV_PER_K, N_PARTICLE, N_SUPPORT
)
#: Interface temperature of all methods, and the start of the relaxations above and below it.
INTERFACE_K, APART_K = 300.0, 200.0
#: Relative error that hot and cold relaxation are planned for.
ASKED_ERROR = 0.0265
#: Above all temperatures of the methods.
ANNEAL_K = 500.0
#: Gold nearer to copper than this touches it: between the first and the second shell of neighbours.
TOUCHING_A = 3.4

_BASE = HeatProtocol(
    particle_K=INTERFACE_K,
    support_K=INTERFACE_K,
    timestep_fs=5.0,
    friction_per_ps=5.0,
    equilibrate_ps=10.0,
    relax_ps=25.0,
    replicas_per_rank=1,
    sample_every=5,
    audit_every=1000,
    checkpoint_every=2000,
    seed=341,
)


ANNEALING = replace(
    _BASE, particle_K=ANNEAL_K, support_K=ANNEAL_K, equilibrate_ps=400.0, relax_ps=10.0, seed=340
)


def protocols() -> dict[str, HeatProtocol]:
    """Return the protocol of each method; the number of relaxations is the planner's."""
    hot_K, cold_K = INTERFACE_K + 0.5 * APART_K, INTERFACE_K - 0.5 * APART_K
    seeds = plan_runs(ASKED_ERROR, one_run_error(HARMONIC, hot_K, cold_K, 3.0)).seeds
    relaxation = replace(_BASE, replicas_per_rank=seeds)
    return {
        "hot": replace(relaxation, particle_K=hot_K, support_K=cold_K),
        "cold": replace(relaxation, particle_K=cold_K, support_K=hot_K, seed=342),
        "injection": replace(
            _BASE, relax_ps=400.0, replicas_per_rank=3, powers_nW=(40.0, 80.0, 160.0), seed=343
        ),
        "equilibrium": replace(_BASE, relax_ps=400.0, replicas_per_rank=5, seed=344),
    }


class EmtForces:
    """asap3's EMT, a calculator for each frame."""

    def __init__(self, batch: Batch) -> None:
        import asap3

        self._batch = batch
        self._frames: list[Atoms] = [template.copy() for template in batch.templates]
        for frame in self._frames:
            frame.calc = asap3.EMT()

    def __call__(self, positions_A: np.ndarray) -> Evaluated:
        energies, forces = np.empty(self._batch.atoms), np.empty((self._batch.atoms, 3))
        for index, frame in enumerate(self._frames):
            where = self._batch.of_frame(index)
            frame.set_positions(positions_A[where])
            energies[where] = frame.get_potential_energies()
            forces[where] = frame.get_forces()
        return Evaluated(self._batch.per_frame(energies), energies, forces)

    def list_positions_A(self) -> None:
        return None

    def rebuild(self, positions_A: np.ndarray) -> None:
        return None


def run(
    folder: Path, system: Atoms, protocol: HeatProtocol, stop: Callable[[], bool] = lambda: False
) -> HeatingRun:
    """Run a protocol in a folder, or go on from its checkpoints."""
    folder.mkdir(parents=True, exist_ok=True)
    key = content_hash({**protocol.identity(), "start_A": system.positions.round(9).tolist()})
    place = RankPlace(folder, 0, 1, key)
    heating = HeatingRun(protocol, place, replicas(system, protocol, place, EmtForces))
    ending = heating.run(stop)
    assert ending == FINISHED or stop(), ending
    assert not heating.marks.found, heating.marks.found
    return heating


def annealed(folder: Path) -> Atoms:
    """Return the system with an interface that has come to rest."""
    system = build_system(RECIPE)
    return last_frames(run(folder / "annealing", system, ANNEALING))[0]


def last_frames(heating: HeatingRun) -> list[Atoms]:
    """Return where a run's replicas ended."""
    dynamics = heating.crew.dynamics
    frames = [template.copy() for template in dynamics.batch.templates]
    for index, frame in enumerate(frames):
        frame.positions = dynamics.state.positions_A[dynamics.batch.of_frame(index)]
    return frames


def touching(frame: Atoms) -> int:
    """Return how many atoms of gold touch copper."""
    return len(contact_atoms(frame, TOUCHING_A))


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    start = annealed(folder)
    print(f"annealed: {touching(build_system(RECIPE))} atoms touched, {touching(start)} do", flush=True)
    for name, protocol in protocols().items():
        ends = [touching(frame) for frame in last_frames(run(folder / name, start, protocol))]
        print(f"{name} done; touching in the end {ends}", flush=True)
