"""Labels that a structure almost has already: near-duplicates in the database, before they are paid for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from beamheat_fw.physics.labels.near_duplicates import NEAR_RMSD_A, near_duplicates, rmsd_A, surely_apart
from beamheat_fw.store.database import Store
from beamheat_fw.store.documents import Label
from beamheat_fw.store.structures import atoms_from_document, atoms_hash, composition_fields

if TYPE_CHECKING:
    from ase import Atoms


@dataclass(frozen=True)
class Alike:
    """A structure, and what it is nearly the same as.

    Attributes
    ----------
    number : int
        Of the structure asked about.
    other : int or str
        The number of another one, or the id of a stored label.
    rmsd_A : float
    """

    number: int
    other: int | str
    rmsd_A: float

    def sentence(self) -> str:
        """Say it."""
        other = f"structure {self.other}" if isinstance(self.other, int) else f"label {self.other[:12]}"
        return (
            f"structure {self.number} is a near-duplicate of {other}: their atoms are {self.rmsd_A:.4f} A "
            f"apart (root mean square; reported below {NEAR_RMSD_A:g} A)"
        )


@dataclass(frozen=True)
class Known:
    """What a level of theory has of some structures.

    Attributes
    ----------
    labelled : int
        How many of them have a finished label: these cost nothing.
    alike : tuple of Alike
        Which of the others are near-duplicates of one another or of stored labels.
    """

    labelled: int
    alike: tuple[Alike, ...]

    def warnings(self) -> tuple[str, ...]:
        """Return a sentence for each near-duplicate."""
        return tuple(each.sentence() for each in self.alike)


def find_known(store: Store | None, structures: Sequence[Atoms], settings_hash: str) -> Known:
    """Compare structures with one another and with the labels of a level that have not failed.

    Structures that are equal, and not only alike, share a label and are no near-duplicates. Asked again after
    the structures were planned, it says the same.

    Parameters
    ----------
    store : Store or None
        None compares them with one another alone.
    structures : sequence of Atoms
    settings_hash : str
    """
    hashes = [atoms_hash(atoms) for atoms in structures]
    labelled = set() if store is None else _labelled(store, hashes, settings_hash)
    new = [number for number, own in enumerate(hashes) if own not in labelled]
    among = [
        Alike(new[j], new[i], distance)
        for i, j, distance in near_duplicates([structures[number] for number in new])
        if hashes[new[i]] != hashes[new[j]]
    ]
    stored = [
        found
        for number in new
        if store is not None
        for found in _stored_alike(store, number, structures[number], settings_hash, hashes)
    ]
    return Known(sum(own in labelled for own in hashes), (*among, *stored))


def _labelled(store: Store, hashes: Sequence[str], settings_hash: str) -> set[str]:
    """Return which structures have a finished label."""
    query = {
        "structure_hash": {"$in": list(hashes)},
        "settings_hash": settings_hash,
        "state": "completed",
    }
    return {found["structure_hash"] for found in store.collection(Label).find(query, {"structure_hash": 1})}


def _stored_alike(
    store: Store, number: int, atoms: Atoms, settings_hash: str, asked: Sequence[str]
) -> list[Alike]:
    """Return the labels of others that a structure is alike to."""
    fields = composition_fields(atoms)
    query = {
        "settings_hash": settings_hash,
        "state": {"$ne": "failed"},
        "formula_pretty": fields["formula_pretty"],
        "nsites": fields["nsites"],
        "structure_hash": {"$nin": list(asked)},
    }
    found = []
    for label in store.collection(Label).find(query, {"structure": 1}):
        other = atoms_from_document(label["structure"])
        if not surely_apart(atoms, other, NEAR_RMSD_A) and (distance := rmsd_A(atoms, other)) < NEAR_RMSD_A:
            found.append(Alike(number, label["_id"], distance))
    return found
