"""Trajectories drawn towards disagreement go there, by an exact force, and say what they are."""

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from beamheat_fw.drivers.md.batch import Batch
from beamheat_fw.drivers.md.crew import RankPlace
from beamheat_fw.drivers.md.exploration.job import read_frames
from beamheat_fw.drivers.md.exploration.run import RankExploration
from beamheat_fw.drivers.md.forces import CommitteeForces
from beamheat_fw.drivers.md.judging import judge_of
from beamheat_fw.drivers.md.protocols import CommitteeFile, ExplorationProtocol
from beamheat_fw.drivers.nequip.committee import Committee
from beamheat_fw.physics.committee.gate import Verdict

pytestmark = pytest.mark.nequip

WIDTH_EV = 0.05


@pytest.fixture(scope="module")
def committee(tiny_committee_packages: list[Path]) -> Committee:
    return Committee.load(tiny_committee_packages, precision="float64")


def starts(frame: Atoms) -> list[Atoms]:
    """One structure three times: unbiased, biased, and unbiased again."""
    found = []
    for number, depth in enumerate((0.0, 2.0, 0.0)):
        atoms = frame.copy()
        atoms.info = {"trajectory": f"t{number}", "temperature_K": 50.0, "seed": 4, "bias_eV": depth}
        found.append(atoms)
    return found


def biased_forces(committee: Committee, batch: Batch) -> CommitteeForces:
    return CommitteeForces(committee, batch, bias_width_eV=WIDTH_EV)


def test_the_force_of_a_biased_frame_is_the_slope_of_its_biased_energy(
    committee: Committee, tiny_dataset: list[Atoms]
) -> None:
    batch = Batch.of(starts(tiny_dataset[3]))
    forces = biased_forces(committee, batch)
    positions = batch.start_positions_A()
    positions += np.random.default_rng(2).normal(0.0, 0.05, positions.shape)
    bias = forces(positions).bias_forces_eV_A
    assert bias is not None
    here = batch.of_frame(1)
    assert (bias[: here.start] == 0.0).all()
    assert (bias[here.stop :] == 0.0).all()
    assert np.abs(bias).max() > 1e-3
    step = 1e-4
    strongest = np.argsort(-np.abs(bias).ravel())[:4]
    for atom, axis in zip(*np.unravel_index(strongest, bias.shape), strict=True):
        ends = []
        for sign in (1.0, -1.0):
            moved = positions.copy()
            moved[atom, axis] += sign * step
            ends.append(forces.bias_energies_eV(moved).sum())
        assert bias[atom, axis] == pytest.approx(-(ends[0] - ends[1]) / (2 * step), rel=1e-4, abs=1e-8)


def test_a_bias_leads_to_more_disagreement_and_leaves_other_trajectories_alone(
    committee: Committee, tiny_dataset: list[Atoms], tmp_path: Path
) -> None:
    protocol = ExplorationProtocol(steps=100, timestep_fs=2.0, friction_per_ps=5.0, frame_every=10)
    runs = {"with": starts(tiny_dataset[3]), "without": [starts(tiny_dataset[3])[0]]}
    frames = {}
    for name, structures in runs.items():
        place = RankPlace(tmp_path / name, 0, 1, "key")
        place.folder.mkdir()
        RankExploration(
            structures,
            protocol,
            place,
            lambda batch: biased_forces(committee, batch),
            lambda look: [Verdict("candidate")] * len(look.batch),
        ).run(lambda: False)
        frames[name] = read_frames(place.folder)
    found = {n: [a for a in frames["with"] if a.info["trajectory"] == n] for n in ("t0", "t1", "t2")}
    assert {n: {a.info["biased"] for a in some} for n, some in found.items()} == {
        "t0": {False},
        "t1": {True},
        "t2": {False},
    }
    # A width this large makes the bias energy proportional to the variance of the members' energies.
    measure = CommitteeForces(committee, Batch.of(starts(tiny_dataset[3])[1:2]), bias_width_eV=1.0)
    disagreement = {
        n: -np.mean([measure.bias_energies_eV(a.positions)[0] for a in some]) for n, some in found.items()
    }
    assert disagreement["t1"] > 2.0 * disagreement["t0"]
    for one, other in zip(found["t0"], frames["without"], strict=True):
        np.testing.assert_allclose(one.positions, other.positions, atol=1e-6)
    # What is recorded, and judged, are the potential's own forces.
    last = found["t1"][-1]
    batch = Batch.of([last])
    own = CommitteeForces(committee, batch)(last.positions)
    np.testing.assert_allclose(last.arrays["mean_forces_eV_A"], own.forces_eV_A, atol=1e-5)


def test_a_stopped_biased_exploration_goes_on_to_the_same_frames(
    committee: Committee, tiny_dataset: list[Atoms], tmp_path: Path
) -> None:
    protocol = ExplorationProtocol(steps=20, timestep_fs=2.0, friction_per_ps=5.0, frame_every=10)
    for name, allowed in (("whole", 10**6), ("stopped", 7)):
        (tmp_path / name).mkdir()
        place = RankPlace(tmp_path / name, 0, 1, "key")
        ended = ""
        while ended != "finished":
            asked = iter(range(allowed))
            run = RankExploration(
                starts(tiny_dataset[3]),
                protocol,
                place,
                lambda batch: biased_forces(committee, batch),
                judge_of(CommitteeFile(())),
            )
            ended = run.run(lambda left=asked: next(left, None) is None)
    first, second = (sorted((tmp_path / name).glob("frames-*.extxyz")) for name in ("whole", "stopped"))
    assert [path.read_text() for path in first] == [path.read_text() for path in second]
