"""How long the labels of one level of theory took, from their own records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from beamheat_fw.store.database import Store
from beamheat_fw.store.documents import Label

#: The newest labels say enough: machines and codes change.
_MOST: Final = 200


@dataclass(frozen=True)
class LabelRun:
    """One calculation that was made.

    Attributes
    ----------
    numbers : tuple of int
        Atomic numbers.
    core_s : float
        Wall time times ranks.
    """

    numbers: tuple[int, ...]
    core_s: float


def measured_runs(store: Store, settings_hash: str) -> list[LabelRun]:
    """Return the newest calculations of a level; imported labels, which say nothing of it, are left out."""
    from ase.data import atomic_numbers

    wanted = {"structure.sites.species.element": 1, "run_stats.wall_s": 1, "run_stats.ranks": 1}
    query = {"settings_hash": settings_hash, "state": "completed", "run_stats.wall_s": {"$gt": 0.0}}
    found = store.collection(Label).find(query, wanted).sort("last_updated", -1).limit(_MOST)
    return [
        LabelRun(
            tuple(atomic_numbers[site["species"][0]["element"]] for site in each["structure"]["sites"]),
            each["run_stats"]["wall_s"] * each["run_stats"].get("ranks", 1),
        )
        for each in found
    ]
