"""The energies that one level of theory has given so far."""

from __future__ import annotations

from typing import Any, Final

from beamheat_fw.physics.labels.composition_energy import CompositionReference, fit_reference
from beamheat_fw.store.database import Store
from beamheat_fw.store.documents import Label

#: More labels than this make no better reference.
_ENOUGH: Final = 500


def level_reference(store: Store, settings_hash: str) -> CompositionReference | None:
    """Return what compositions' energies are at a level, from its completed labels; None with too few."""
    query = {"settings_hash": settings_hash, "state": "completed"}
    wanted = {"formula_pretty": 1, "nsites": 1, "energy_eV": 1}
    found = list(store.collection(Label).find(query, wanted).limit(_ENOUGH))
    return fit_reference(
        [composition_of_label(label) for label in found], [label["energy_eV"] for label in found]
    )


def composition_of_label(label: dict[str, Any]) -> dict[str, int]:
    """Return the atoms of each element from a label's formula and number of sites."""
    from pymatgen.core import Composition

    reduced = Composition(label["formula_pretty"])
    units = label["nsites"] / reduced.num_atoms
    return {str(element): round(count * units) for element, count in reduced.items()}
