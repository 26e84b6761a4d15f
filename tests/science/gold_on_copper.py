"""Au341 on Cu(111) by asap3's effective medium theory: the runs from which four methods find one conductance.

An interface that was put together is not at rest: gold slides into the hollows of copper until more of its
atoms touch, and G grows with them, so methods that look at different times disagree. So the interface
is annealed first, above all that it is to bear, and all methods start from the same one.

Two temperatures stand for two bodies only where each is one with itself much sooner than with the other.
Copper takes heat from gold in its slow vibrations and passes it on to its fast ones in picoseconds, so it has
to be thick: the heat that waits is then little of what it holds.

``python -m tests.science.gold_on_copper FOLDER`` runs them, or goes on with them: two hours of one core.
Methods that are named after the folder run alone, so that several can run side by side.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
from ase import Atoms

from beamheat_fw.drivers.md.batch import Batch
from beamheat_fw.drivers.md.crew import RankPlace, replicas
from beamheat_fw.drivers.md.endings import FINISHED
from beamheat_fw.drivers.md.heating.run import HeatingRun
from beamheat_fw.drivers.md.protocols import HeatProtocol
from beamheat_fw.identity import content_hash
from beamheat_fw.physics.interface.run_plan import one_run_error, plan_runs
from beamheat_fw.physics.interface.two_body_filter import TwoBodies
from beamheat_fw.physics.structures import LayeredParticle, SupportRecipe, SystemRecipe, build_system
from beamheat_fw.physics.structures.contact import contact_atoms
from beamheat_fw.units import BOLTZMANN_EV_PER_K

#: The paper's smallest particle on nine layers of copper.
RECIPE = SystemRecipe(
    LayeredParticle(layers=(4, 2, 5)),
    SupportRecipe(kind="fcc111", element="Cu", repeat=(11, 11), layers=9),
    height_A=2.3,
)
N_PARTICLE, N_SUPPORT = 341, 1089
HARMONIC = TwoBodies(
    3 * N_PARTICLE * BOLTZMANN_EV_PER_K, 3 * N_SUPPORT * BOLTZMANN_EV_PER_K, N_PARTICLE, N_SUPPORT
)
#: Interface temperature of all methods, and how far apart the bodies of a relaxation start.
INTERFACE_K, APART_K = 300.0, 120.0
#: Relative error that each run of relaxations is planned for.
ASKED_ERROR = 0.05
#: Above all temperatures of the methods.
ANNEAL_K = 500.0
#: Gold nearer to copper than this touches it: between the first and the second shell of neighbours.
TOUCHING_A = 3.4

_BASE = HeatProtocol(
    particle_K=INTERFACE_K,
    support_K=INTERFACE_K,
    timestep_fs=8.0,
    friction_per_ps=5.0,
    equilibrate_ps=10.0,
    relax_ps=40.0,
    replicas_per_rank=1,
    sample_every=4,
    audit_every=1000,
    checkpoint_every=2000,
    seed=341,
)


ANNEALING = replace(
    _BASE, particle_K=ANNEAL_K, support_K=ANNEAL_K, equilibrate_ps=400.0, relax_ps=10.0, seed=340
)


def protocols() -> dict[str, HeatProtocol]:
    """Return the protocol of each run, named after its method; runs can go side by side.

    The number of relaxations is the planner's.
    """
    hot, cold = start_temperatures_K(APART_K), start_temperatures_K(-APART_K)
    seeds = plan_runs(ASKED_ERROR, one_run_error(HARMONIC, *hot, 2.5)).seeds
    relaxation = replace(_BASE, replicas_per_rank=seeds)
    from_hot = replace(relaxation, particle_K=hot[0], support_K=hot[1])
    from_cold = replace(relaxation, particle_K=cold[0], support_K=cold[1])
    at_rest = replace(_BASE, relax_ps=800.0, replicas_per_rank=6)
    return {
        "hot": from_hot,
        "hot-2": replace(from_hot, seed=346),
        "cold": replace(from_cold, seed=342),
        "cold-2": replace(from_cold, seed=347),
        "injection": replace(
            _BASE, relax_ps=600.0, replicas_per_rank=3, powers_nW=(40.0, 80.0, 160.0), seed=343
        ),
        "equilibrium": replace(at_rest, seed=344),
        "equilibrium-2": replace(at_rest, seed=345),
    }


def start_temperatures_K(apart_K: float) -> tuple[float, float]:
    """Return where particle and support start, so that their interface has its temperature in the mean.

    The larger body draws the interface to its own side as the difference x decays: (T_p + T_s)/2 is
    T_end + k x with k = (C_s - C_p)/(2 (C_p + C_s)). What a moment tells of the rate is as x^2, so the mean
    of x is two thirds of its start.
    """
    C_p, C_s = HARMONIC.C_particle_eV_per_K, HARMONIC.C_support_eV_per_K
    end_K = INTERFACE_K - 2.0 / 3.0 * 0.5 * (C_s - C_p) / (C_p + C_s) * apart_K
    return end_K + C_s / (C_p + C_s) * apart_K, end_K - C_p / (C_p + C_s) * apart_K


class EmtEvaluated:
    """What `Evaluated` holds; energies cost half as much as forces, so they wait until they are asked for."""

    spread_eV_A = bias_forces_eV_A = None

    def __init__(self, batch: Batch, frames: list[Atoms]) -> None:
        self._batch, self._frames = batch, frames
        self.forces_eV_A = np.concatenate([frame.get_forces() for frame in frames])
        self.potential_forces_eV_A = self.forces_eV_A

    @cached_property
    def atom_energies_eV(self) -> np.ndarray:
        """Of the frames where they are: to be asked for before they move on."""
        return np.concatenate([frame.get_potential_energies() for frame in self._frames])

    @property
    def energies_eV(self) -> np.ndarray:
        return self._batch.per_frame(self.atom_energies_eV)


class EmtForces:
    """asap3's EMT, a calculator for each frame."""

    def __init__(self, batch: Batch) -> None:
        import asap3

        self._batch = batch
        self._frames: list[Atoms] = [template.copy() for template in batch.templates]
        for frame in self._frames:
            frame.calc = asap3.EMT()

    def __call__(self, positions_A: np.ndarray) -> EmtEvaluated:
        for index, frame in enumerate(self._frames):
            frame.set_positions(positions_A[self._batch.of_frame(index)])
        return EmtEvaluated(self._batch, self._frames)

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
    folder, named = Path(sys.argv[1]), sys.argv[2:]
    start = annealed(folder)
    print(f"annealed: {touching(build_system(RECIPE))} atoms touched, {touching(start)} do", flush=True)
    for name in named or protocols():
        ends = [touching(frame) for frame in last_frames(run(folder / name, start, protocols()[name]))]
        print(f"{name} done; touching in the end {ends}", flush=True)
