"""Whether the energy of a heating run adds up on a trained potential: ``bench_drift.py [PICOSECONDS]``.

A small model is trained on EMT's labels of the system that is heated. Its network is evaluated in single and
in double precision; geometry and sums of energies are in double precision in any case. For a relaxation: the
drift of the energy against the heat that is exchanged; for an injection: what is put in against what is found
in the energy and in the bath. Beside them the cost of a step.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms, units
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.md.langevin import Langevin

from beamheat_fw.campaign import TrainingStage
from beamheat_fw.drivers.md.batch import Batch
from beamheat_fw.drivers.md.crew import RankPlace, replicas
from beamheat_fw.drivers.md.endings import FINISHED
from beamheat_fw.drivers.md.forces import CommitteeForces, Stopwatch
from beamheat_fw.drivers.md.heating.run import HeatingRun
from beamheat_fw.drivers.md.heating.summary import summarise
from beamheat_fw.drivers.md.protocols import HeatProtocol
from beamheat_fw.drivers.nequip.committee import Committee
from beamheat_fw.drivers.nequip.plan import DATASET_FILE, TrainingPlan
from beamheat_fw.drivers.nequip.training import train_member
from beamheat_fw.physics.structures import FlakeParticle, SupportRecipe, SystemRecipe, build_system

SYSTEM = SystemRecipe(
    FlakeParticle(atoms_per_layer=(12, 7)),
    SupportRecipe(kind="fcc111", element="Cu", repeat=(6, 6), layers=3),
    height_A=2.3,
)
STAGE = TrainingStage(
    members=2,
    r_max_A=4.5,
    num_layers=2,
    l_max=1,
    num_features=8,
    max_epochs=60,
    batch_size=4,
    learning_rate=0.02,
)
FRAMES, HOTTEST_K = 48, 700.0
#: Aims: drift over the power that passes, and the books over what is put in.
LARGEST_DRIFT, LARGEST_RESIDUAL = 0.01, 0.001
PROTOCOL = HeatProtocol(
    particle_K=600.0,
    support_K=300.0,
    timestep_fs=2.0,
    friction_per_ps=5.0,
    equilibrate_ps=2.0,
    relax_ps=20.0,
    replicas_per_rank=1,
    sample_every=5,
    audit_every=1000,
    checkpoint_every=5000,
    seed=11,
    drift_tolerance=LARGEST_DRIFT,
    booking_tolerance=LARGEST_RESIDUAL,
)


def main() -> int:
    """Measure and print; return 1 where an aim is missed."""
    protocol = replace(PROTOCOL, relax_ps=float(sys.argv[1])) if len(sys.argv) > 1 else PROTOCOL
    heated = replace(protocol, particle_K=protocol.support_K, powers_nW=(40.0,))
    held = []
    with tempfile.TemporaryDirectory(prefix="bh-") as name:
        folder = Path(name)
        package = _trained(folder)
        for precision in ("float32", "float64"):
            for what, each in (("relaxation", protocol), ("injection", heated)):
                held.append(_print_run(folder / f"{what}-{precision}", what, each, package, precision))
    return 0 if all(held) else 1


def _print_run(folder: Path, what: str, protocol: HeatProtocol, package: Path, precision: str) -> bool:
    folder.mkdir()
    committee, watch = Committee.load([package], precision=precision), Stopwatch()
    place = RankPlace(folder, 0, 1, what)

    def forces(batch: Batch) -> CommitteeForces:
        return CommitteeForces(committee, batch, 0, 0.5, watch)

    run = HeatingRun(protocol, place, replicas(build_system(SYSTEM), protocol, place, forces))
    ending = run.run(lambda: False)
    (replica,) = summarise(run, ending)["replicas"]
    drift, aim = replica["drift"], LARGEST_RESIDUAL if protocol.injects else LARGEST_DRIFT
    print(
        f"{what} of {protocol.relax_ps:g} ps in {precision}: {1e3 * watch.seconds / watch.calls:.1f} ms an "
        f"evaluation, {1e3 * run.wall_s / protocol.steps:.1f} ms a step; energy drifts by "
        f"{drift['eV']:+.2e} eV, with its error "
        f"{drift['share']:.3%} of {replica['heat_eV']:.2f} eV (aim {aim:.1%}); {ending}",
        flush=True,
    )
    return ending == FINISHED and drift["share"] <= aim


def _trained(folder: Path) -> Path:
    """Return the package of a model of the heated system, trained on EMT's labels along EMT's own MD."""
    atoms = build_system(SYSTEM)
    atoms.calc = EMT()
    random = np.random.default_rng(0)
    frames = []
    for temperature_K in np.linspace(250.0, HOTTEST_K, 4):
        bath = {"temperature_K": temperature_K, "friction": 0.02, "fixcm": False, "rng": random}
        motion = Langevin(atoms, 4.0 * units.fs, **bath)
        motion.run(100)
        for _ in range(FRAMES // 4):
            motion.run(15)
            frames.append(_label(atoms))
    ase.io.write(folder / DATASET_FILE, frames, format="extxyz")
    TrainingPlan(STAGE, 0, seed=7).save(folder)
    return train_member(folder, stop=lambda: False).package


def _label(atoms: Atoms) -> Atoms:
    label = atoms.copy()
    label.calc = SinglePointCalculator(label, energy=atoms.get_potential_energy(), forces=atoms.get_forces())
    return label


if __name__ == "__main__":
    sys.exit(main())
