"""The gate on frames whose fault is known."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from ase.build import fcc111
from ase.cluster import Octahedron

from beamheat_fw.physics.committee.calibration import Calibration, SpreadMap
from beamheat_fw.physics.committee.gate import Gate, Thresholds, gate_from
from beamheat_fw.physics.committee.hard_checks import Frame
from beamheat_fw.physics.committee.novelty import Novelty, learn_novelty


def twice_the_spread() -> Calibration:
    """A calibration whose bound at 68 % is twice the spread."""
    from beamheat_fw.physics.committee.calibration import LEVELS

    one = SpreadMap(np.array([1e-3, 1.0]), np.array([1e-3, 1.0]), LEVELS / 0.68 * 2.0, 2.0, 1000)
    return Calibration({"all": one}, 50)


def gold_on_copper(spread: float = 0.02) -> Frame:
    slab = fcc111("Cu", (6, 6, 3), vacuum=10.0, periodic=True)
    particle = Octahedron("Au", 3, 0)
    top = slab.positions[:, 2].max()
    particle.positions += [5.0, 5.0, top + 2.5 - particle.positions[:, 2].min()]
    body = np.repeat([0, 1], [len(slab), len(particle)])
    atoms = slab + particle
    n = len(atoms)
    return Frame(
        atoms.numbers,
        body,
        atoms.positions,
        np.zeros((n, 3)),
        atoms.cell.array,
        np.array([True, True, False]),
        np.full(n, spread),
        energy_eV=-3.0 * n,
        earlier_energy_eV=-3.0 * n,
        temperature_K=400.0,
    )


@pytest.fixture
def gate() -> Gate:
    return Gate(twice_the_spread(), Thresholds(0.1))


@pytest.mark.parametrize(
    ("spread", "verdict"), [(0.02, "accurate"), (0.049, "accurate"), (0.06, "candidate"), (0.3, "failed")]
)
def test_thresholds_follow_from_the_target_error(gate, spread, verdict):
    (found,) = gate.judge([gold_on_copper(spread)])
    assert found.name == verdict
    assert found.bound_eV_A["interface"] == pytest.approx(2 * spread)
    assert (found.reason == "") == (verdict == "accurate")


def test_one_bad_contact_atom_makes_a_candidate_and_is_named(gate):
    frame = gold_on_copper()
    frame.spread_eV_A[0] = 0.2
    (found,) = gate.judge([frame])
    assert found.name == "candidate"
    assert "atom 0 (support)" in found.reason


def test_bad_interface_is_not_averaged_away_by_a_large_support(gate):
    frame = gold_on_copper()
    from beamheat_fw.physics.committee.environments import environments_of

    place = environments_of(frame.positions_A, frame.cell_A, frame.pbc, frame.body)
    frame.spread_eV_A[place == "interface"] = 0.07
    (found,) = gate.judge([frame])
    assert found.name == "candidate"
    assert "in the interface" in found.reason


def with_atom_at(frame: Frame, atom: int, position: np.ndarray) -> Frame:
    positions = frame.positions_A.copy()
    positions[atom] = position
    return replace(frame, positions_A=positions)


def test_hard_checks_name_the_fault(gate):
    frame = gold_on_copper()
    strong = np.zeros_like(frame.forces_eV_A)
    strong[7, 2] = 80.0
    not_a_number = frame.positions_A.copy()
    not_a_number[3, 1] = np.nan
    n = len(frame.numbers)
    close = with_atom_at(frame, n - 1, frame.positions_A[n - 2] + [0, 0, 1.2])
    faults = {
        "Au-Au 1.20 Å apart": close,
        "is lost": with_atom_at(frame, n - 1, frame.positions_A[n - 1] + [0, 0, 30.0]),
        "force of 80 eV/Å on atom 7 (Cu)": replace(frame, forces_eV_A=strong),
        "not a number": replace(frame, positions_A=not_a_number),
        "temperature of 9000 K": replace(frame, temperature_K=9000.0),
        "energy jump of 2 eV": replace(frame, energy_eV=-1.0 * n),
    }
    verdicts = gate.judge([*faults.values(), frame])
    assert [one.name for one in verdicts] == ["failed"] * len(faults) + ["accurate"]
    for text, verdict in zip(faults, verdicts, strict=False):
        assert text in verdict.reason


def test_pair_too_close_through_the_boundary_is_seen(gate):
    frame = gold_on_copper()
    n = len(frame.numbers)
    outside = frame.positions_A[0] - frame.cell_A[0] + [1.0, 0.0, 0.0]
    (found,) = gate.judge([with_atom_at(frame, n - 1, outside)])
    assert found.name == "failed"
    assert "Å apart" in found.reason


def test_small_spread_far_from_training_is_a_candidate_all_the_same():
    random = np.random.default_rng(0)
    frame = gold_on_copper()
    n = len(frame.numbers)
    symbols = np.array(["Cu", "Au"])[frame.body]
    training = random.normal(size=(40 * n, 8))
    novelty = learn_novelty(training, np.tile(symbols, 40), np.repeat(np.arange(40), n))
    known = replace(frame, descriptors=random.normal(size=(n, 8)))
    strange = known.descriptors.copy()
    strange[5] += 4.0
    gate = Gate(twice_the_spread(), Thresholds(0.1, novel=3.0), novelty=novelty)
    assert [one.name for one in gate.judge([known, replace(frame, descriptors=strange)])] == [
        "accurate",
        "candidate",
    ]
    again = Novelty.from_dict(novelty.to_dict())
    np.testing.assert_allclose(again(strange, symbols), novelty(strange, symbols))
    assert np.isinf(novelty(strange[:1], np.array(["O"]))).all()


def test_novelty_of_training_like_atoms_is_about_one_at_most():
    random = np.random.default_rng(1)
    points, names = random.normal(size=(3000, 6)), np.full(3000, "Au")
    novelty = learn_novelty(points, names, np.arange(3000) // 30)
    fresh = novelty(random.normal(size=(2000, 6)), np.full(2000, "Au"))
    assert np.mean(fresh > 1.0) < 0.03


def test_stored_calibration_gives_the_same_verdicts(gate):
    frames = [gold_on_copper(spread) for spread in (0.02, 0.06, 0.3)]
    stored = gate_from(gate.calibration.to_dict(), gate.thresholds)
    assert [one.name for one in stored.judge(frames)] == [one.name for one in gate.judge(frames)]
    assert gate.thresholds.to_dict()["failed_atom_eV_A"] == pytest.approx(1.5)


def test_judging_a_frame_takes_a_few_milliseconds(gate):
    frames = [gold_on_copper() for _ in range(20)]
    gate.judge(frames[:1])
    began = time.process_time()
    gate.judge(frames)
    assert (time.process_time() - began) / len(frames) < 0.02
