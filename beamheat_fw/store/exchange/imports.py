"""Labelled files into the database, as completed labels of their own level of theory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
from bson.raw_bson import RawBSONDocument
from pymongo.errors import BulkWriteError

from beamheat_fw.errors import InputError
from beamheat_fw.identity import file_sha256
from beamheat_fw.store.database import Store
from beamheat_fw.store.documents import Label, LabelRequest, LabelResult
from beamheat_fw.store.exchange.imported_labels import Identified, completed_documents, identify
from beamheat_fw.store.exchange.labelled_files import read_labelled
from beamheat_fw.store.exchange.labelled_frames import LabelledFrame
from beamheat_fw.store.labels import complete, label_atoms, load_labels

#: Two results of one structure at one level that differ by more than this per atom contradict each other.
SAME_ENERGY_EV_PER_ATOM: Final = 1e-4
_BATCH: Final = 1_000
_WRITERS: Final = 2
_DUPLICATE_KEY: Final = 11_000

T = TypeVar("T")


def import_labels(
    store: Store,
    path: Path,
    *,
    level: str | None = None,
    tags: Sequence[str] = (),
    max_force_eV_A: float = 100.0,
) -> dict[str, Any]:
    """Save the labels of a file; those the database has already are kept and counted.

    Parameters
    ----------
    path : Path
        Extended XYZ or an ASE database; see `read_labelled`.
    level : str, optional
        The level of theory; not needed for files that `beamheat export` wrote, whose labels keep their
        identity.

    Returns
    -------
    dict
        ``frames``, ``new``, ``completed`` (planned ones that now have a result), ``known``,
        ``duplicates`` (within the file) and ``label_ids``.

    Raises
    ------
    InputError
        The file cannot be used (see `read_labelled`), its level is not known, or two results of one label
        contradict each other. Nothing is written.
    """
    found = identify(read_labelled(path, max_force_eV_A), path, level)
    request = LabelRequest(role="imported", source=f"{path.name} sha256:{file_sha256(path)}")
    first = _without_duplicates(found, path)
    known = _known(store, found, first, path)
    missing = [number for label, number in first.items() if label not in known]
    raced = _insert(store, completed_documents(found, missing, request, tags))
    there = [*known, *raced]
    _ask(store, there, request)
    completed = [label for label in there if known.get(label) != "completed"]
    completed = [label for label in completed if _complete(store, label, found.frames[first[label]])]
    return {
        "frames": len(found.frames),
        "new": len(missing) - len(raced),
        "completed": len(completed),
        "known": len(there) - len(completed),
        "duplicates": len(found.frames) - len(first),
        "label_ids": list(first),
    }


def _without_duplicates(found: Identified, path: Path) -> dict[str, int]:
    """Return the first frame of each label."""
    first: dict[str, int] = {}
    for number, label in enumerate(found.label_ids):
        other = found.frames[first.setdefault(label, number)]
        _check_same(other.energy_eV, found.frames[number], label, path)
    return first


def _known(store: Store, found: Identified, first: Mapping[str, int], path: Path) -> dict[str, str]:
    """Return the states of the labels that the database has."""
    known: dict[str, str] = {}
    for ids in _batches(first):
        shown = {"state": 1, "energy_eV": 1}
        for label in store.collection(Label).find({"_id": {"$in": ids}}, shown):
            known[label["_id"]] = label["state"]
            if label["state"] == "completed":
                frame = found.frames[first[label["_id"]]]
                _check_same(label["energy_eV"], frame, label["_id"], path)
    return known


def _check_same(energy_eV: float, frame: LabelledFrame, label: str, path: Path) -> None:
    if abs(energy_eV - frame.energy_eV) > SAME_ENERGY_EV_PER_ATOM * len(frame.numbers):
        raise InputError(
            "One structure has two energies at one level of theory",
            "Give each level of theory a name of its own with --level.",
            {"file": str(path), "label_id": label, "energies_eV": (energy_eV, frame.energy_eV)},
        )


def _insert(store: Store, documents: Iterator[RawBSONDocument]) -> list[str]:
    """Insert labels; return those that somebody else had inserted meanwhile."""
    raced: list[str] = []
    under_way: deque[Future[list[str]]] = deque()
    with ThreadPoolExecutor(max_workers=_WRITERS) as writers:
        # The server takes batches while the next one is made.
        for batch in _batches(documents):
            if len(under_way) == _WRITERS:
                raced += under_way.popleft().result()
            under_way.append(writers.submit(_insert_batch, store, batch))
        for last in under_way:
            raced += last.result()
    return raced


def _insert_batch(store: Store, batch: Sequence[RawBSONDocument]) -> list[str]:
    try:
        store.collection(Label).insert_many(batch, ordered=False)
    except BulkWriteError as error:
        problems = error.details["writeErrors"]
        if any(problem["code"] != _DUPLICATE_KEY for problem in problems):
            raise
        return [problem["op"]["_id"] for problem in problems]
    return []


def _ask(store: Store, label_ids: Sequence[str], request: LabelRequest) -> None:
    """Record the request on labels that were there."""
    change = {"$addToSet": {"requests": request.model_dump()}}
    for ids in _batches(label_ids):
        store.collection(Label).update_many({"_id": {"$in": ids}}, change)


def _complete(store: Store, label: str, frame: LabelledFrame) -> bool:
    stored = load_labels(store, [label])[0]
    if stored.state == "completed" or not _same_order(stored, frame):
        return False
    fields = ("energy_eV", "forces_eV_A", "stress_eV_A3")
    result = LabelResult.model_validate({name: getattr(frame, name) for name in fields})
    return complete(store, label, result)


def _same_order(stored: Label, frame: LabelledFrame) -> bool:
    """Return whether the atoms stand in the same order and places: forces are stored by order."""
    atoms = label_atoms(stored)
    return np.array_equal(atoms.numbers, frame.numbers) and np.allclose(
        atoms.positions, frame.positions_A, atol=2e-3
    )


def _batches(items: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(items)
    while batch := list(islice(rest, _BATCH)):
        yield batch
