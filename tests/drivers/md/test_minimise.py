"""Relaxation of a batch."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from scipy.optimize import brentq

from beamheat_fw.drivers.md.batch import Batch
from beamheat_fw.drivers.md.minimise import FireSettings, minimise


def test_every_frame_reaches_its_own_minimum(morse):
    dimers = [Atoms("Au2", [[0, 0, 0], [length, 0, 0]], cell=[20] * 3) for length in (2.3, 2.6, 3.4)]
    batch = Batch.of(dimers)
    settings = FireSettings(force_eV_A=1e-4, max_steps=1000)
    relaxed = minimise(batch, morse.MorseForces(batch), batch.start_positions_A(), settings)
    lengths = np.linalg.norm(relaxed.positions_A[1::2] - relaxed.positions_A[::2], axis=1)
    assert relaxed.max_force_eV_A.max() <= 1e-4
    rest = brentq(lambda length: morse.pair_energy(np.array([length]))[1][0], 2.5, 3.2)
    assert lengths == pytest.approx(np.full(3, rest), abs=1e-4)


def test_relaxation_lowers_the_energy_and_does_not_move_the_whole(morse, supported):
    batch = Batch.of([supported])
    supported.rattle(0.2, seed=4)
    positions = batch.start_positions_A()
    forces = morse.MorseForces(batch)
    relaxed = minimise(batch, forces, positions, FireSettings())
    assert relaxed.evaluated.energies_eV[0] < forces(positions).energies_eV[0] - 0.5
    assert relaxed.max_force_eV_A[0] < 0.05
