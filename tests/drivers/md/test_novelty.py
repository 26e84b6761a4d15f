"""The gate in MD sees surroundings that the committee never saw, whatever its spread says."""

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from beamheat_fw.drivers.md.batch import Batch
from beamheat_fw.drivers.md.crew import RankPlace, replicas
from beamheat_fw.drivers.md.exploration.job import read_frames
from beamheat_fw.drivers.md.exploration.run import RankExploration
from beamheat_fw.drivers.md.forces import CommitteeForces
from beamheat_fw.drivers.md.heating.audit import Auditor
from beamheat_fw.drivers.md.heating.run import HeatingRun
from beamheat_fw.drivers.md.inputs import KNOWN_FILE, run_key, write_structures
from beamheat_fw.drivers.md.judging import judge_of
from beamheat_fw.drivers.md.known import Known
from beamheat_fw.drivers.md.protocols import COMMITTEE_FILE, CommitteeFile, ExplorationProtocol, HeatProtocol
from beamheat_fw.drivers.nequip.committee import Committee
from beamheat_fw.physics.committee.calibration import LEVELS, Calibration, SpreadMap

pytestmark = pytest.mark.nequip

PROTOCOL = ExplorationProtocol(steps=4, timestep_fs=0.1, friction_per_ps=5.0, frame_every=2)
#: A calibration that finds every force accurate: what is judged here is novelty alone.
TRUSTING = Calibration({"all": SpreadMap(np.array([1e-3, 1e3]), np.array([1e-6, 1e-6]), LEVELS, 1.0, 100)}, 9)
GATED = CommitteeFile((), None, TRUSTING.to_dict(), {"target_force_error_eV_A": 0.5, "confidence": 0.68})


@pytest.fixture(scope="module")
def committee(tiny_committee_packages: list[Path]) -> Committee:
    return Committee.load(tiny_committee_packages)


@pytest.fixture
def folder(tmp_path: Path, tiny_dataset: list[Atoms]) -> Path:
    plain = [frame.copy() for frame in tiny_dataset]
    write_structures(tmp_path / KNOWN_FILE, plain)
    return tmp_path


def starts(known: Atoms) -> list[Atoms]:
    """A structure of the training set, and one whose gold is pushed into the copper."""
    sunk = known.copy()
    sunk.positions[sunk.numbers == 79, 2] -= 0.9
    for name, atoms in (("usual", known), ("new", sunk)):
        atoms.info = {"trajectory": name, "temperature_K": 50.0, "seed": 1}
    return [known, sunk]


def test_a_new_structure_ends_its_trajectory_and_a_known_one_does_not(
    folder: Path, committee: Committee, tiny_dataset: list[Atoms]
) -> None:
    judge = judge_of(GATED, Known.of_folder(folder, committee))
    RankExploration(
        starts(tiny_dataset[3].copy()),
        PROTOCOL,
        RankPlace(folder, 0, 1, "key"),
        lambda batch: CommitteeForces(committee, batch),
        judge,
    ).run(lambda: False)
    found = {(atoms.info["trajectory"], atoms.info["step"]): atoms.info for atoms in read_frames(folder)}
    assert set(found) == {("usual", 2), ("usual", 4), ("new", 2)}
    assert found["usual", 2]["verdict"] == "accurate"
    assert found["usual", 2]["novelty"] < 1.5
    assert found["new", 2]["verdict"] == "failed"
    assert found["new", 2]["novelty"] > 6.0
    assert "as far from training as usual" in found["new", 2]["reason"]


def test_heating_in_unknown_surroundings_is_marked_however_sure_the_committee_is(
    tmp_path: Path, committee: Committee, tiny_dataset: list[Atoms]
) -> None:
    system = next(frame.copy() for frame in tiny_dataset if {29, 79} == set(frame.numbers))
    system.set_array("body", (system.numbers == 79).astype(int))
    protocol = HeatProtocol(
        **dict.fromkeys(("particle_K", "support_K"), 100.0),
        timestep_fs=0.5,
        friction_per_ps=5.0,
        equilibrate_ps=0.002,
        relax_ps=0.004,
        replicas_per_rank=1,
        sample_every=1,
        audit_every=6,
        checkpoint_every=1000,
        seed=3,
    )
    marks, novelty = {}, {}
    for name, elements in (("known", (29, 79)), ("new", (29,))):
        folder = tmp_path / name
        folder.mkdir()
        known = [frame[np.isin(frame.numbers, elements)] for frame in tiny_dataset]
        write_structures(folder / KNOWN_FILE, known)
        auditor = Auditor(
            lambda batch: CommitteeForces(committee, batch),
            judge_of(GATED, Known.of_folder(folder, committee)),
        )
        place = RankPlace(folder, 0, 1, "key")
        crew = replicas(system, protocol, place, lambda batch: CommitteeForces(committee, batch, 0))
        run = HeatingRun(protocol, place, crew, auditor)
        run.run(lambda: False)
        marks[name] = [mark.reason for mark in run.marks.found if mark.kind == "gate"]
        novelty[name] = run.recorded()["audit_novelty"]
    assert marks["known"] == []
    assert (novelty["known"] < 6.0).all()
    # Surroundings in which gold was never seen are as new as can be.
    assert marks["new"] == ["surroundings inf times as far from training as usual"]
    assert np.isinf(novelty["new"]).all()


def test_a_structure_of_the_training_set_is_at_no_distance_from_it(
    folder: Path, committee: Committee, tiny_dataset: list[Atoms]
) -> None:
    known = Known.of_folder(folder, committee)
    assert known is not None
    batch = Batch.of(tiny_dataset[:3])
    described = known.descriptors(batch, batch.start_positions_A())
    element = np.concatenate([np.array(atoms.get_chemical_symbols()) for atoms in tiny_dataset[:3]])
    assert known.novelty(described, element).max() < 0.01


def test_without_known_structures_nothing_is_new(tmp_path: Path, committee: Committee) -> None:
    assert Known.of_folder(tmp_path, committee) is None


def test_other_known_structures_make_another_run(folder: Path, tiny_dataset: list[Atoms]) -> None:
    CommitteeFile(()).write(folder / COMMITTEE_FILE)
    before = run_key(folder, KNOWN_FILE, PROTOCOL.identity(), 1)
    (folder / "starts.extxyz").write_bytes((folder / KNOWN_FILE).read_bytes())
    same = run_key(folder, "starts.extxyz", PROTOCOL.identity(), 1)
    write_structures(folder / KNOWN_FILE, [frame.copy() for frame in tiny_dataset[:5]])
    assert run_key(folder, "starts.extxyz", PROTOCOL.identity(), 1) != same == before
