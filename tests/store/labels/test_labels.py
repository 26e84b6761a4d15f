"""Labels: planned once, claimed by one, completed for good."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule
from ase.calculators.emt import EMT

from beamheat_fw.errors import InputError, StoreError
from beamheat_fw.store import labels
from beamheat_fw.store.database import Store
from beamheat_fw.store.documents import Label, LabelRequest, LabelResult

EMT_LEVEL = labels.Level("emt", {"calculator": "emt"})


def _clusters(count: int, seed: int = 0) -> list[Atoms]:
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        atoms = Atoms("Au3Cu", positions=[[0, 0, 0], [2.7, 0, 0], [0, 2.7, 0], [0, 0, 2.6]], cell=[12] * 3)
        atoms.positions += rng.uniform(0, 0.2, (4, 3)) + 4
        atoms.set_array("body", np.array([0, 1, 1, 1]))
        made.append(atoms)
    return made


def _plan(store: Store, structures: list[Atoms], **request: object) -> labels.Planned:
    asked = LabelRequest(**({"campaign_id": "first", "role": "initial"} | request))
    return labels.plan_labels(store, structures, [asked] * len(structures), EMT_LEVEL)


def _result(label: Label) -> LabelResult:
    atoms = labels.label_atoms(label)
    atoms.calc = EMT()
    return LabelResult(energy_eV=atoms.get_potential_energy(), forces_eV_A=atoms.get_forces())


def test_label_comes_back_as_the_structure_that_went_in(store: Store) -> None:
    atoms = _clusters(1)[0]
    atoms.pbc = (True, True, False)
    atoms.positions[0, 0] -= 20.0
    label = labels.load_labels(store, _plan(store, [atoms]).label_ids)[0]
    back = labels.label_atoms(label)
    np.testing.assert_allclose(back.positions, atoms.positions, atol=1e-12)
    assert (back.numbers == atoms.numbers).all()
    assert (back.pbc == atoms.pbc).all()
    assert (back.arrays["body"] == atoms.arrays["body"]).all()
    assert (label.formula_pretty, label.chemsys, label.nsites) == ("CuAu3", "Au-Cu", 4)


def test_stored_structure_is_one_pymatgen_reads(store: Store) -> None:
    from pymatgen.core import Structure

    label = labels.load_labels(store, _plan(store, _clusters(1)).label_ids)[0]
    structure = Structure.from_dict(label.structure)
    assert structure.lattice.pbc == (False, False, False)
    assert structure.site_properties["body"] == [0, 1, 1, 1]


def test_planning_twice_changes_nothing(store: Store) -> None:
    first = _plan(store, _clusters(5))
    again = _plan(store, _clusters(5))
    assert again.label_ids == first.label_ids
    assert len(first.new) == 5
    assert (again.new, again.reused) == ((), ())
    assert store.collection(Label).count_documents({}) == 5
    assert all(len(label.requests) == 1 for label in labels.load_labels(store, first.label_ids))


def test_label_of_another_campaign_is_reused_and_says_so(store: Store) -> None:
    first = _plan(store, _clusters(2))
    second = _plan(store, _clusters(3), campaign_id="second", round=2, role="holdout")
    assert second.reused == first.label_ids
    assert len(second.new) == 1
    found = labels.labels_of_round(store, "second", 2, role="holdout")
    assert {label.id for label in found} == set(second.label_ids)
    assert labels.labels_of_round(store, "second", 2, role="initial") == []
    assert labels.labels_of_round(store, "first", 2, role="holdout") == []


def test_same_structure_at_another_level_is_another_label(store: Store) -> None:
    first = _plan(store, _clusters(1))
    tight = labels.Level("emt", {"calculator": "emt", "tight": True})
    other = labels.plan_labels(store, _clusters(1), [LabelRequest(campaign_id="first")], tight)
    assert other.label_ids != first.label_ids


def test_two_workers_never_claim_one_label(store: Store) -> None:
    ids = _plan(store, _clusters(40)).label_ids

    def work(owner: str) -> list[str]:
        return [label.id for label in labels.claim(store, ids, owner)]

    with ThreadPoolExecutor(4) as pool:
        claimed = list(pool.map(work, ["a", "b", "c", "d"]))
    assert sorted(label for share in claimed for label in share) == sorted(ids)


def test_claim_is_free_again_when_its_lease_is_over_or_its_owner_returns(store: Store) -> None:
    ids = _plan(store, _clusters(2)).label_ids
    assert len(list(labels.claim(store, ids, "a", lease_s=0.0))) == 2
    assert len(list(labels.claim(store, ids, "b"))) == 2
    assert list(labels.claim(store, ids, "a")) == []
    assert len(list(labels.claim(store, ids, "b"))) == 2
    assert labels.renew(store, ids, "a") == []
    assert sorted(labels.renew(store, ids, "b")) == sorted(ids)
    assert labels.release(store, ids, "a") == 0
    assert labels.release(store, ids, "b") == 2
    assert labels.count_states(store, ids) == {"planned": 2}


def test_renewed_claim_outlives_its_first_lease(store: Store) -> None:
    ids = _plan(store, _clusters(1)).label_ids
    list(labels.claim(store, ids, "a", lease_s=0.0))
    labels.renew(store, ids, "a", lease_s=60.0)
    assert list(labels.claim(store, ids, "b")) == []


def test_owner_is_text_even_when_it_looks_like_an_expression(store: Store) -> None:
    ids = _plan(store, _clusters(1)).label_ids
    claimed = next(labels.claim(store, ids, "$state"))
    assert claimed.lease is not None
    assert claimed.lease.owner == "$state"


def test_first_result_stays(store: Store) -> None:
    label = labels.load_labels(store, _plan(store, _clusters(1)).label_ids)[0]
    result = _result(label)
    assert labels.complete(store, label.id, result, fw_id=7)
    other = result.model_copy(update={"energy_eV": 0.0})
    assert not labels.complete(store, label.id, other)
    assert not labels.fail(store, label.id, {"kind": "CalculationError"})
    done = store.load(Label, label.id)
    assert (done.state, done.energy_eV, done.fw_id, done.lease) == ("completed", result.energy_eV, 7, None)
    atoms = labels.label_atoms(done)
    np.testing.assert_array_equal(atoms.get_forces(), np.array(result.forces_eV_A))


def test_failed_label_keeps_its_reason_and_can_be_tried_again(store: Store) -> None:
    label = next(labels.claim(store, _plan(store, _clusters(1)).label_ids, "a"))
    assert not labels.fail(store, label.id, {"kind": "CalculationError"}, owner="b")
    assert labels.fail(store, label.id, {"kind": "CalculationError", "what": "did not converge"}, owner="a")
    failed = store.load(Label, label.id)
    assert failed.state == "failed"
    assert failed.reason == {"kind": "CalculationError", "what": "did not converge"}
    assert list(labels.claim(store, [label.id], "a")) == []
    assert labels.retry(store, [label.id]) == 1
    assert [again.attempts for again in labels.claim(store, [label.id], "c")] == [2]


def test_result_that_does_not_fit_is_refused(store: Store) -> None:
    label = labels.load_labels(store, _plan(store, _clusters(1)).label_ids)[0]
    with pytest.raises(InputError, match="one force for each atom"):
        labels.complete(store, label.id, LabelResult(energy_eV=1.0, forces_eV_A=((0.0, 0.0, 0.0),)))
    with pytest.raises(ValueError, match="finite"):
        LabelResult(energy_eV=float("nan"), forces_eV_A=())
    assert store.load(Label, label.id).state == "planned"


def test_structure_without_a_cell_writes_nothing(store: Store) -> None:
    with pytest.raises(InputError, match="no volume"):
        _plan(store, [*_clusters(1), molecule("H2O")])
    assert store.collection(Label).count_documents({}) == 0


def test_missing_label_is_named(store: Store) -> None:
    with pytest.raises(StoreError, match="missing"):
        labels.load_labels(store, ["nobody"])
