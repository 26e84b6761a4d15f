"""Results whose numbers no structure has are no labels, whatever the calculator says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT

from beamheat_fw.campaign import LabellingStage, load_campaign
from beamheat_fw.drivers.labelling.results import Evaluation
from beamheat_fw.drivers.labelling.results import LabelResult as Calculated
from beamheat_fw.firetasks.label_bounds import refusal
from beamheat_fw.firetasks.labels import level_of
from beamheat_fw.store.database import Store
from beamheat_fw.store.documents import LabelRequest, LabelResult
from beamheat_fw.store.labels import complete, plan_labels

pytestmark = pytest.mark.mongod

CAMPAIGN = load_campaign(Path(__file__).parents[2] / "workflows" / "emt_au_cu.yaml")
STAGE = CAMPAIGN.labelling


def alloys(number: int) -> list[Atoms]:
    """Rattled cells of gold with zero to three copper atoms."""
    made = []
    for seed in range(number):
        atoms = bulk("Au", cubic=True)
        atoms.symbols[: seed % 4] = "Cu"
        atoms.rattle(0.1, seed=seed)
        made.append(atoms)
    return made


def planned(store: Store, structures: list[Atoms]) -> list[str]:
    asked = [LabelRequest(campaign_id="c", role="initial")] * len(structures)
    return list(plan_labels(store, structures, asked, level_of(CAMPAIGN)).label_ids)


def evaluated(atoms: Atoms) -> Evaluation:
    atoms = atoms.copy()
    atoms.calc = EMT()
    return Evaluation(atoms.get_potential_energy(), 0.0, atoms.get_forces())


def judged(store: Store, label_id: str, energy_eV: float, stage: LabellingStage = STAGE) -> dict | None:
    found = Evaluation(energy_eV, energy_eV, np.zeros((4, 3)))
    return refusal(store, Calculated(label_id, "completed", found), stage)


def test_energy_far_from_that_of_its_composition_is_refused_with_both(store: Store) -> None:
    structures = alloys(13)
    *known, new = planned(store, structures)
    for label_id, atoms in zip(known, structures, strict=False):
        found = evaluated(atoms)
        assert refusal(store, Calculated(label_id, "completed", found), STAGE) is None
        complete(store, label_id, LabelResult(energy_eV=found.energy_eV, forces_eV_A=found.forces_eV_A))
    true = evaluated(structures[-1]).energy_eV
    assert judged(store, new, true) is None
    for wrong in (true + 4 * 5.5, true - 4 * 5.5):
        reason = judged(store, new, wrong)
        assert reason is not None
        assert "energy is unphysical" in reason["what"]
        assert reason["values"]["usual_eV_atom"] == pytest.approx(true / 4, abs=0.5)
        assert "max_energy_deviation_eV_atom" in reason["fix"]
    wide = STAGE.model_copy(update={"max_energy_deviation_eV_atom": 7.0})
    assert judged(store, new, true + 4 * 5.5, wide) is None


def test_before_there_are_labels_to_compare_with_a_runaway_is_refused_all_the_same(store: Store) -> None:
    (label_id,) = planned(store, alloys(1))
    assert judged(store, label_id, -4 * 17.0) is None
    reason = judged(store, label_id, -570652.6)
    assert reason is not None
    assert reason["values"]["limit_eV_atom"] == 50.0


def test_large_force_is_refused_and_a_failure_keeps_its_reason(store: Store) -> None:
    (label_id,) = planned(store, alloys(1))
    torn = Evaluation(0.0, 0.0, np.array([[0.0, 0.0, 101.0], *np.zeros((3, 3))]))
    reason = refusal(store, Calculated(label_id, "completed", torn), STAGE)
    assert reason is not None
    assert reason["values"] == {"max_force_eV_A": 101.0, "limit_eV_A": 100.0}
    failed = refusal(store, Calculated(label_id, "failed", errors=("LinAlgError",)), STAGE)
    assert failed is not None
    assert failed["values"]["reason"] == "LinAlgError"
