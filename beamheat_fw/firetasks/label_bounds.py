"""Which results are no labels: failed ones, and those whose numbers no structure has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from beamheat_fw.campaign import LabellingStage
from beamheat_fw.errors import CalculationError
from beamheat_fw.store.database import Store
from beamheat_fw.store.documents import Label
from beamheat_fw.store.labels.level_energies import composition_of_label, level_reference

if TYPE_CHECKING:
    from beamheat_fw.drivers.labelling.results import LabelResult as Calculated

#: Per atom, eV, before a level has labels to compare with: all calculators count from atoms, free or in bulk,
#: and what lies farther from both than any functional's own offset is a calculation that ran away.
FREE_ATOMS_EV = 50.0


def refusal(store: Store, result: Calculated, stage: LabellingStage) -> dict[str, Any] | None:
    """Return why a result is no label, as an error's `to_dict`; None when it is one.

    Parameters
    ----------
    store : Store
        With the label itself, and the others of its level.
    result : LabelResult
    stage : LabellingStage
        With the bounds.
    """
    if result.evaluation is None:
        return CalculationError(
            "The reference calculator could not label this structure",
            "Look at the attempts in its analysis.",
            {"reason": result.errors[0] if result.errors else "unknown"},
        ).to_dict()
    force = result.max_force_eV_A
    if force is not None and force > stage.max_force_eV_A:
        return CalculationError(
            "A force is unphysically large",
            "Leave the structure out, or raise labelling.max_force_eV_A.",
            {"max_force_eV_A": force, "limit_eV_A": stage.max_force_eV_A},
        ).to_dict()
    return _energy_refusal(store, result.label_id, result.evaluation.energy_eV, stage)


def _energy_refusal(
    store: Store, label_id: str, energy_eV: float, stage: LabellingStage
) -> dict[str, Any] | None:
    wanted = {"formula_pretty": 1, "nsites": 1, "settings_hash": 1}
    label = store.collection(Label).find_one({"_id": label_id}, wanted) or {}
    composition = composition_of_label(label)
    reference = level_reference(store, label["settings_hash"])
    usual = reference.energy_eV(composition) if reference is not None else None
    limit = FREE_ATOMS_EV if usual is None else stage.max_energy_deviation_eV_atom
    deviation = (energy_eV - (usual or 0.0)) / label["nsites"]
    if abs(deviation) <= limit:
        return None
    return CalculationError(
        "An energy is unphysical for its composition",
        "Leave the structure out, or raise labelling.max_energy_deviation_eV_atom.",
        {
            "energy_eV_atom": energy_eV / label["nsites"],
            "usual_eV_atom": (usual or 0.0) / label["nsites"],
            "limit_eV_atom": limit,
            "formula": label["formula_pretty"],
        },
    ).to_dict()
