"""Which explored frames are labelled, and what of them."""

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import fcc111

from beamheat_fw.campaign import Campaign, load_campaign
from beamheat_fw.drivers.nequip.evaluate import FolderEvaluation
from beamheat_fw.firetasks.selection import JudgedFrames, choose, judge_explored, labelled_piece
from beamheat_fw.physics.committee.calibration import calibrate
from beamheat_fw.physics.committee.cover import PoolAtoms
from beamheat_fw.physics.committee.cutouts import core_of
from beamheat_fw.physics.committee.force_errors import ForceErrors
from beamheat_fw.physics.committee.gate import Verdict
from beamheat_fw.store.documents import Committee
from beamheat_fw.store.structures import atoms_from_document, structure_document


@pytest.fixture(scope="module")
def campaign() -> Campaign:
    return load_campaign(Path(__file__).parents[2] / "workflows" / "emt_au_cu.yaml")


def rattled(seed: int) -> Atoms:
    slab = fcc111("Cu", (3, 3, 2), vacuum=8.0)
    slab.set_array("body", (np.arange(len(slab)) > 8).astype(int))
    slab.rattle(0.02, seed=seed)
    return slab


def evaluated(frames: list[Atoms]) -> FolderEvaluation:
    """Return what a committee might say about frames."""
    random, atoms = np.random.default_rng(0), sum(len(frame) for frame in frames)
    return FolderEvaluation(
        np.cumsum([0, *(len(frame) for frame in frames)]),
        np.zeros((2, len(frames))),
        random.normal(size=(atoms, 3)),
        random.lognormal(size=atoms),
        random.normal(size=(atoms, 4)),
    )


def with_selection(campaign: Campaign, **fields: object) -> Campaign:
    return campaign.model_copy(update={"selection": campaign.selection.model_copy(update=fields)})


@pytest.fixture
def judged() -> JudgedFrames:
    """Two hundred frames, half of them of biased trajectories, a third candidates."""
    vectors = np.random.default_rng(3).normal(size=(200, 4))
    names = ["candidate" if n % 3 == 0 else "accurate" for n in range(200)]
    known = vectors[:3] + 9.0
    atoms = PoolAtoms(
        np.concatenate([known, vectors]),
        np.full(203, "Cu"),
        np.full(203, "support"),
        np.arange(-3, 200),
        np.random.default_rng(4).lognormal(sigma=2.0, size=203),
    )
    return JudgedFrames([Verdict(name) for name in names], vectors, known, np.arange(200) % 2 == 0, atoms)


def test_biased_frames_are_candidates_and_never_drawn_at_random(
    campaign: Campaign, judged: JudgedFrames
) -> None:
    campaign = with_selection(campaign, labels_per_round=100, random_fraction=0.3, holdout_fraction=0.3)
    roles: dict[str, list[int]] = {}
    for number, role in choose(judged, campaign, seed=1):
        roles.setdefault(role, []).append(number)
    assert len(roles["random"]) == len(roles["holdout"]) == 30
    assert not judged.biased[roles["random"] + roles["holdout"]].any()
    assert judged.biased[roles["candidate"]].any()


def test_a_campaign_that_covers_chooses_other_candidates_and_draws_the_same_frames(
    campaign: Campaign, judged: JudgedFrames
) -> None:
    assert campaign.selection.diversity == "farthest"
    farthest = choose(judged, campaign, seed=1)
    covering = choose(judged, with_selection(campaign, diversity="covering"), seed=1)
    assert [role for _, role in covering] == [role for _, role in farthest]
    assert [one for one in covering if one[1] != "candidate"] == [
        one for one in farthest if one[1] != "candidate"
    ]
    assert set(covering) != set(farthest)
    assert all(number % 3 == 0 for number, role in covering if role == "candidate")


def test_explored_frames_are_judged_with_their_atoms_and_labelled_ones_by_their_core(
    campaign: Campaign,
) -> None:
    frames = [rattled(seed) for seed in range(12)]
    frames[0].set_array("core", (np.arange(len(frames[0])) < 5).astype(int))
    for atoms in frames[4:]:
        atoms.info |= {"offered": atoms is not frames[7], "reason": "broken"}
    evaluation = evaluated(frames)
    errors = ForceErrors.from_frames(
        frames, evaluation.spread_eV_A, evaluation.forces_eV_A, 1.1 * evaluation.forces_eV_A
    )
    committee = Committee.model_construct(calibration=calibrate(errors).to_dict())
    judged = judge_explored(frames, frames[4:], evaluation, committee, campaign)
    sizes = {number: int((judged.atoms.frame == number).sum()) for number in range(-4, 8)}
    assert sizes == {-4: 5} | {number: len(frames[0]) for number in range(-3, 8)}
    sixth = judged.atoms.where(judged.atoms.frame == 2)
    here = slice(evaluation.offsets[6], evaluation.offsets[7])
    np.testing.assert_array_equal(sixth.descriptors, evaluation.descriptors[here])
    np.testing.assert_array_equal(sixth.error_eV_A, evaluation.spread_eV_A[here])
    assert judged.verdicts[3].name == "failed"
    assert 3 not in judged.sound_atoms().frame


def test_atoms_of_failed_frames_are_left_out_of_covering(campaign: Campaign, judged: JudgedFrames) -> None:
    judged.atoms.descriptors[judged.atoms.frame == 1] = np.nan
    judged.verdicts[1] = Verdict("failed")
    assert np.isfinite(judged.sound_atoms().descriptors).all()
    chosen = [number for number, _ in choose(judged, with_selection(campaign, diversity="covering"), seed=1)]
    assert len(set(chosen)) == campaign.selection.labels_per_round
    assert 1 not in chosen


def test_biased_frames_do_not_count_as_what_production_meets(judged: JudgedFrames) -> None:
    counts = judged.unbiased_counts()
    assert sum(counts.values()) == 100
    assert counts["candidate"] == sum(n % 3 == 0 and n % 2 == 1 for n in range(200))


def test_a_frame_too_large_is_cut_around_its_worst_atom_and_stored_with_its_core(campaign: Campaign) -> None:
    slab = fcc111("Cu", (10, 10, 3), vacuum=8.0)
    slab.set_array("body", np.zeros(len(slab), dtype=int))
    spread = np.zeros(len(slab))
    spread[137] = 0.4
    slab.set_array("spread_eV_A", spread)
    slab.info = {"step": 40, "trajectory": "0-300K"}
    assert labelled_piece(slab, "candidate", campaign) is slab
    small = with_selection(campaign, max_label_atoms=70, shell_A=3.0)
    piece = labelled_piece(slab, "candidate", small)
    assert len(piece) <= 70
    nearest = np.argmin(
        np.linalg.norm(piece.positions - piece.positions[core_of(piece)].mean(axis=0), axis=1)
    )
    assert core_of(piece)[nearest]
    random = labelled_piece(slab, "random", small)
    assert len(random) <= 70
    assert labelled_piece(slab, "random", small) == random
    again = atoms_from_document(structure_document(piece))
    np.testing.assert_array_equal(core_of(again), core_of(piece))
