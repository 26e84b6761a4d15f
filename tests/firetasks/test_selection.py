"""Which explored frames are labelled, and what of them."""

from pathlib import Path

import numpy as np
import pytest
from ase.build import fcc111

from beamheat_fw.campaign import Campaign, load_campaign
from beamheat_fw.firetasks.selection import JudgedFrames, choose, labelled_piece
from beamheat_fw.physics.committee.cutouts import core_of
from beamheat_fw.physics.committee.gate import Verdict
from beamheat_fw.store.structures import atoms_from_document, structure_document


@pytest.fixture(scope="module")
def campaign() -> Campaign:
    return load_campaign(Path(__file__).parents[2] / "workflows" / "emt_au_cu.yaml")


def with_selection(campaign: Campaign, **fields: object) -> Campaign:
    return campaign.model_copy(update={"selection": campaign.selection.model_copy(update=fields)})


@pytest.fixture
def judged() -> JudgedFrames:
    """Two hundred frames, half of them of biased trajectories, a third candidates."""
    vectors = np.random.default_rng(3).normal(size=(200, 4))
    names = ["candidate" if n % 3 == 0 else "accurate" for n in range(200)]
    return JudgedFrames(
        [Verdict(name) for name in names], vectors, vectors[:3] + 9.0, np.arange(200) % 2 == 0
    )


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
