"""A batched Morse potential with a Verlet list, and a heating program driven by it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
from ase.io import read

from beamheat_fw.drivers.md.batch import Batch
from beamheat_fw.drivers.md.crew import RankPlace, replicas
from beamheat_fw.drivers.md.endings import STOPPED
from beamheat_fw.drivers.md.forces import Evaluated
from beamheat_fw.drivers.md.heating.run import HeatingRun
from beamheat_fw.drivers.md.heating.summary import summarise
from beamheat_fw.drivers.md.protocols import HeatProtocol
from beamheat_fw.drivers.md.rank import run_rank

CUTOFF_A, SKIN_A = 6.0, 0.4
DEPTH_EV, WIDTH_PER_A, LENGTH_A = 0.35, 1.4, 2.8


class MorseForces:
    """Morse pairs, shifted so that energy and force vanish at the cutoff; weaker between the two bodies.

    Pairs are summed in the order in which the list found them, which depends on where it was built.
    """

    def __init__(self, batch: Batch, between_bodies: float = 0.4, scales: tuple[float, ...] = (1.0,)) -> None:
        self._batch = batch
        self._between = between_bodies
        self._scales = scales
        self._built_at: np.ndarray | None = None

    def list_positions_A(self) -> np.ndarray | None:
        return self._built_at

    def rebuild(self, positions_A: np.ndarray) -> None:
        self._built_at = positions_A.copy()
        first, second, shift, distance = [], [], [], []
        for index, atoms in enumerate(self._batch.templates):
            where = self._batch.of_frame(index)
            for vector in _images(atoms):
                arms = positions_A[where][None] + vector - positions_A[where][:, None]
                lengths = np.linalg.norm(arms, axis=2)
                i, j = np.nonzero((lengths < CUTOFF_A + SKIN_A) & (lengths > 1e-9))
                first.append(i + where.start)
                second.append(j + where.start)
                shift.append(np.broadcast_to(vector, (i.size, 3)))
                distance.append(lengths[i, j])
        order = np.argsort(np.concatenate(distance), kind="stable")
        self._first = np.concatenate(first)[order]
        self._second = np.concatenate(second)[order]
        self._shift = np.concatenate(shift)[order]
        other = self._batch.body[self._first] != self._batch.body[self._second]
        self._strength = DEPTH_EV * np.where(other, self._between, 1.0)

    def __call__(self, positions_A: np.ndarray) -> Evaluated:
        moved = np.inf if self._built_at is None else np.abs(positions_A - self._built_at).max()
        if not moved < SKIN_A / 4:
            self.rebuild(positions_A)
        arms = positions_A[self._second] + self._shift - positions_A[self._first]
        lengths = np.linalg.norm(arms, axis=1)
        energy, slope = pair_energy(lengths)
        energy, slope = 0.5 * self._strength * energy, self._strength * slope
        count = self._batch.atoms
        atoms = np.bincount(self._first, weights=energy, minlength=count)
        pulls = (slope / lengths)[:, None] * arms
        forces = np.stack([np.bincount(self._first, pulls[:, axis], count) for axis in range(3)], axis=1)
        mean = float(np.mean(self._scales))
        spread = (
            float(np.std(self._scales)) * np.linalg.norm(forces, axis=1) if len(self._scales) > 1 else None
        )
        return Evaluated(self._batch.per_frame(mean * atoms), mean * atoms, mean * forces, spread)


def _images(atoms) -> np.ndarray:
    ranges = [range(-1, 2) if periodic else range(1) for periodic in atoms.pbc]
    return np.array([[i, j, k] for i in ranges[0] for j in ranges[1] for k in ranges[2]]) @ atoms.cell[:]


def pair_energy(lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Energy and slope of a pair of full strength."""

    def plain(r):
        decay = np.exp(-WIDTH_PER_A * (r - LENGTH_A))
        return decay**2 - 2 * decay, 2 * WIDTH_PER_A * (decay - decay**2)

    energy, slope = plain(lengths)
    end, end_slope = plain(CUTOFF_A)
    inside = lengths < CUTOFF_A
    return np.where(inside, energy - end - (lengths - CUTOFF_A) * end_slope, 0.0), np.where(
        inside, slope - end_slope, 0.0
    )


def main() -> None:
    folder = Path(sys.argv[1])
    run_rank(folder, lambda rank, ranks, stop: _heat(folder, rank, ranks, stop))


def _heat(folder: Path, rank: int, ranks: int, stop: Callable[[], bool]) -> bool:
    (folder / f"pid-{rank}").write_text(str(os.getpid()))
    protocol = HeatProtocol.read(folder / "protocol.json")
    place = RankPlace(folder, rank, ranks, json.dumps(protocol.identity()))
    system = read(folder / "system.extxyz", parallel=False)
    run = HeatingRun(protocol, place, replicas(system, protocol, place, MorseForces))
    ending = run.run(stop)
    summary = {**summarise(run, ending), "run_key": asdict(place)["run_key"]}
    (folder / f"rank-{rank}.json").write_text(json.dumps(summary))
    return ending != STOPPED


if __name__ == "__main__":
    main()
