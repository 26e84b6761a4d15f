"""Labels out of the database, and the structures they are of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from beamheat_fw.errors import StoreError
from beamheat_fw.store.database import Store, parse
from beamheat_fw.store.documents import Label
from beamheat_fw.store.structures import atoms_from_document

if TYPE_CHECKING:
    from ase import Atoms


def labels_of_round(
    store: Store,
    campaign_id: str,
    round_number: int | None = None,
    *,
    role: str | None = None,
    state: str | None = None,
) -> list[Label]:
    """Return the labels a campaign asked for, oldest first; of one round, role or state if given."""
    request: dict[str, Any] = {"campaign_id": campaign_id}
    if round_number is not None:
        request["round"] = round_number
    if role is not None:
        request["role"] = role
    # The dotted field lets the index serve the query, which it does not for $elemMatch alone.
    query: dict[str, Any] = {"requests.campaign_id": campaign_id, "requests": {"$elemMatch": request}}
    if state is not None:
        query["state"] = state
    return list(store.find(Label, query))


def load_labels(store: Store, label_ids: Sequence[str]) -> list[Label]:
    """Return labels in the order of the ids given.

    Raises
    ------
    StoreError
        A label is missing.
    """
    found = {d["_id"]: d for d in store.collection(Label).find({"_id": {"$in": list(label_ids)}})}
    missing = [identifier for identifier in label_ids if identifier not in found]
    if missing:
        raise StoreError(
            "Labels are missing", "Plan them first.", {"first": missing[0], "missing": len(missing)}
        )
    return [parse(Label, found[identifier]) for identifier in label_ids]


def label_atoms(label: Label) -> Atoms:
    """Return the structure of a label; a completed one carries energy (eV), forces (eV/Å) and stress.

    The results sit in a SinglePointCalculator; `info` has ``label_id`` and ``role`` (of the first request).
    """
    atoms = atoms_from_document(label.structure)
    atoms.info.update(label_id=label.id, role=label.origin.role, level=label.level)
    if label.energy_eV is not None and label.forces_eV_A is not None:
        from ase.calculators.singlepoint import SinglePointCalculator

        results: dict[str, Any] = {"energy": label.energy_eV, "forces": label.forces_eV_A}
        if label.stress_eV_A3 is not None:
            results["stress"] = label.stress_eV_A3
        atoms.calc = SinglePointCalculator(atoms, **results)
    return atoms


def count_states(store: Store, label_ids: Sequence[str]) -> dict[str, int]:
    """Return how many of these labels are in each state."""
    counts = store.collection(Label).aggregate(
        [{"$match": {"_id": {"$in": list(label_ids)}}}, {"$group": {"_id": "$state", "n": {"$sum": 1}}}]
    )
    return {found["_id"]: found["n"] for found in counts}
