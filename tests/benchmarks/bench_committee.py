"""Evaluation of a committee of four against four separate NequIPCalculator calls, on the same frames.

Beside it, what the gate's look at novelty adds to an evaluation of one frame by the whole committee: the
first member's descriptors, and their distances to those of what it was trained on.

python tests/benchmarks/bench_committee.py [FRAMES]

The weights do not matter here: one member is trained for one epoch and stands for all four.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.build import fcc111

from beamheat_fw.campaign import TrainingStage
from beamheat_fw.drivers.md.batch import Batch
from beamheat_fw.drivers.md.inputs import KNOWN_FILE, write_structures
from beamheat_fw.drivers.md.known import Known
from beamheat_fw.drivers.nequip.committee import Committee
from beamheat_fw.drivers.nequip.evaluate import batches
from beamheat_fw.drivers.nequip.frames import Frames, stacked_positions
from beamheat_fw.drivers.nequip.neighbours import NeighbourList
from beamheat_fw.drivers.nequip.plan import TrainingPlan
from beamheat_fw.drivers.nequip.training import DATASET_FILE, train_member

MEMBERS, REPEATS = 4, 3
#: How many times as fast the committee is to be: 200 frames of about 20 atoms, and frames of 500 atoms.
LEAST_SMALL, LEAST_LARGE = 4.0, 1.15


def main() -> int:
    """Measure, print one JSON document; return 1 where the committee is too slow."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    small = [frame(2, 4, 2, seed) for seed in range(count)]
    large = [frame(11, 11, 4, seed) for seed in range(max(1, count // 50))]
    sizes = {"small": small, "large": large}
    with tempfile.TemporaryDirectory() as folder:
        packages = [_package(Path(folder), small[:6])] * MEMBERS
        found: dict[str, Any] = {name: _compare(packages, frames) for name, frames in sizes.items()}
        write_structures(Path(folder) / KNOWN_FILE, small)
        committee = Committee.load(packages)
        known = Known.of_folder(Path(folder), committee)
        found["novelty"] = {name: _novelty(committee, known, one[0]) for name, one in sizes.items()}
    print(json.dumps(found, indent=1))
    return 0 if found["small"]["ratio"] >= LEAST_SMALL and found["large"]["ratio"] >= LEAST_LARGE else 1


def frame(first: int, second: int, layers: int, seed: int) -> Atoms:
    """Return rattled copper with four gold atoms on it."""
    slab = fcc111("Cu", (first, second, layers), vacuum=None)
    slab.cell[2] = [0.0, 0.0, 20.0 + 2.1 * layers]
    gold = slab[-4:].copy()
    gold.numbers[:] = 79
    gold.positions[:, 2] += 2.4
    atoms = slab + gold
    atoms.pbc = (True, True, False)
    atoms.positions += np.random.default_rng(seed).normal(0.0, 0.05, atoms.positions.shape)
    return atoms


def _package(folder: Path, frames: Sequence[Atoms]) -> Path:
    import ase.io
    from ase.calculators.emt import EMT
    from ase.calculators.singlepoint import SinglePointCalculator

    labelled = []
    for atoms in frames:
        plain = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
        atoms.calc = EMT()
        results = {"energy": atoms.get_potential_energy(), "forces": atoms.get_forces()}
        plain.calc = SinglePointCalculator(plain, **results)
        labelled.append(plain)
    ase.io.write(folder / DATASET_FILE, labelled, format="extxyz")
    stage = TrainingStage(members=2, size="S", r_max_A=4.5, max_epochs=1)
    TrainingPlan(stage, 0, seed=1).save(folder)
    return train_member(folder, stop=lambda: False).package


def _compare(packages: Sequence[Path], frames: Sequence[Atoms]) -> dict[str, Any]:
    """Time both ways in turn on the same frames; the shortest of each counts."""
    committee, calculators = Committee.load(packages), [_calculator(package) for package in packages]
    ways: dict[str, Callable[[], np.ndarray]] = {
        "committee": lambda: _together(committee, frames),
        "calculators": lambda: _one_by_one(calculators, frames),
    }
    forces = {name: way() for name, way in ways.items()}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(REPEATS):
        for name, way in ways.items():
            seconds[name].append(_seconds(way))
    best = {name: min(found) for name, found in seconds.items()}
    return {
        "frames": len(frames),
        "atoms": len(frames[0]),
        "committee_s": round(best["committee"], 3),
        "calculators_s": round(best["calculators"], 3),
        "ratio": round(best["calculators"] / best["committee"], 2),
        "largest_difference_eV_A": float(np.abs(forces["committee"] - forces["calculators"]).max()),
    }


def _novelty(committee: Committee, known: Known | None, atoms: Atoms) -> dict[str, float]:
    """Time one frame; the shortest of each counts."""
    assert known is not None
    batch, positions = Batch.of([atoms]), atoms.positions
    described = known.descriptors(batch, positions)
    element = np.array(atoms.get_chemical_symbols())
    ways: dict[str, Callable[[], Any]] = {
        "committee_ms": lambda: _together(committee, [atoms]),
        "descriptors_ms": lambda: known.descriptors(batch, positions),
        "distances_ms": lambda: known.novelty(described, element),
    }
    return {
        name: round(1e3 * min(_seconds(way) for _ in range(5 * REPEATS)), 2) for name, way in ways.items()
    }


def _seconds(way: Callable[[], Any]) -> float:
    """Return processor time, which other work on the machine disturbs the least."""
    started = time.process_time()
    way()
    return time.process_time() - started


def _together(committee: Committee, frames: Sequence[Atoms]) -> np.ndarray:
    found = []
    for batch in batches(frames):
        laid_out = Frames.from_atoms(batch)
        neighbours = NeighbourList(laid_out, committee.r_max_A, skin_A=0.0)
        found.append(committee.evaluate(laid_out, stacked_positions(batch), neighbours).forces_eV_A)
    return np.concatenate(found, axis=1)


def _one_by_one(calculators: Sequence[Any], frames: Sequence[Atoms]) -> np.ndarray:
    found = []
    for calculator in calculators:
        calculator.reset()
        forces = []
        for atoms in frames:
            calculator.calculate(atoms, ["energy", "forces"])
            forces.append(calculator.results["forces"].copy())
        found.append(np.concatenate(forces))
    return np.stack(found)


def _calculator(package: Path) -> Any:
    from nequip.data.transforms import ChemicalSpeciesToAtomTypeMapper, NeighborListTransform
    from nequip.integrations.ase import NequIPCalculator
    from nequip.model.saved_models.package import ModelFromPackage

    model = ModelFromPackage(str(package))["sole_model"].eval()
    species, r_max_A = model.metadata["type_names"].split(), float(model.metadata["r_max"])
    transforms = [
        ChemicalSpeciesToAtomTypeMapper(species, {symbol: symbol for symbol in species}),
        NeighborListTransform(r_max=r_max_A, backend="matscipy"),
    ]
    return NequIPCalculator(model, "cpu", transforms=transforms)


if __name__ == "__main__":
    sys.exit(main())
