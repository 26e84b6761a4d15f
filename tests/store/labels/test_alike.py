"""Near-duplicates are found among stored labels before they are paid for; equal structures are labels."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import fcc111

from beamheat_fw.store.database import Store
from beamheat_fw.store.documents import LabelRequest, LabelResult
from beamheat_fw.store.labels import Level, complete, fail, plan_labels
from beamheat_fw.store.labels.alike import find_known

pytestmark = pytest.mark.mongod

LEVEL = Level("emt", {"calculator": "emt"})


@pytest.fixture
def slab() -> Atoms:
    return fcc111("Au", (2, 2, 2), vacuum=5.0)


def moved(atoms: Atoms, by_A: float) -> Atoms:
    """The structure with one atom moved aside."""
    other = atoms.copy()
    other.positions[0, 0] += by_A
    return other


def stored(store: Store, *structures: Atoms) -> list[str]:
    requests = [LabelRequest(campaign_id="c")] * len(structures)
    return list(plan_labels(store, structures, requests, LEVEL).label_ids)


def test_stored_label_a_hair_away_is_named_with_its_distance(store: Store, slab: Atoms) -> None:
    (label_id,) = stored(store, slab)
    known = find_known(store, [moved(slab, 0.03), moved(slab, 0.5)], LEVEL.settings_hash)
    (found,) = known.alike
    assert (found.number, found.other) == (0, label_id)
    assert found.rmsd_A == pytest.approx(0.03 / np.sqrt(len(slab)))
    (warning,) = known.warnings()
    assert label_id[:12] in warning
    assert "0.0106 A" in warning


def test_equal_structure_is_a_label_already_and_no_near_duplicate(store: Store, slab: Atoms) -> None:
    (label_id,) = stored(store, slab)
    assert find_known(store, [slab], LEVEL.settings_hash).labelled == 0
    complete(store, label_id, LabelResult(energy_eV=0.0, forces_eV_A=np.zeros((len(slab), 3))))
    known = find_known(store, [slab[::-1], slab], LEVEL.settings_hash)
    assert (known.labelled, known.alike) == (2, ())


def test_asked_again_after_they_were_planned_it_says_the_same(store: Store, slab: Atoms) -> None:
    stored(store, slab)
    structures = [moved(slab, 0.03), moved(slab, 0.05), moved(slab, 0.5)]
    before = find_known(store, structures, LEVEL.settings_hash)
    assert len(before.alike) == 3
    stored(store, *structures)
    assert find_known(store, structures, LEVEL.settings_hash) == before


def test_other_levels_and_failed_labels_do_not_count(store: Store, slab: Atoms) -> None:
    (label_id,) = stored(store, slab)
    assert find_known(store, [moved(slab, 0.03)], "another level").alike == ()
    fail(store, label_id, {})
    known = find_known(store, [slab, moved(slab, 0.5)], LEVEL.settings_hash)
    assert (known.labelled, known.alike) == (0, ())


def test_without_a_database_structures_are_compared_with_one_another(slab: Atoms) -> None:
    known = find_known(None, [slab, slab.copy(), moved(slab, 0.03)], LEVEL.settings_hash)
    assert {(each.number, each.other) for each in known.alike} == {(2, 0), (2, 1)}
    assert "structure 2 is a near-duplicate of structure 0" in known.warnings()[0]
