"""Labelled files into the database, as completed labels of their own level of theory."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from beamheat_fw.errors import InputError
from beamheat_fw.identity import file_sha256
from beamheat_fw.store.database import Store
from beamheat_fw.store.documents import Label, LabelRequest, LabelResult
from beamheat_fw.store.labelled_files import LabelledFrame, read_labelled
from beamheat_fw.store.labels import Level, complete, insert_labels, load_labels, new_label

#: Two results of one structure at one level that differ by more than this per atom contradict each other.
SAME_ENERGY_EV_PER_ATOM = 1e-4


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
    frames = read_labelled(path, max_force_eV_A)
    request = LabelRequest(role="imported", source=f"{path.name} sha256:{file_sha256(path)}")
    labels: dict[str, Label] = {}
    for number, frame in enumerate(frames):
        label = _label(frame, number, request, level, tags)
        _check_same(labels.setdefault(label.id, label), label, path)
    _check_known(store, labels, path)
    new = insert_labels(store, list(labels.values()))
    completed = [label for label in labels.values() if label.id not in new and _complete(store, label)]
    return {
        "frames": len(frames),
        "new": len(new),
        "completed": len(completed),
        "known": len(labels) - len(new) - len(completed),
        "duplicates": len(frames) - len(labels),
        "label_ids": list(labels),
    }


def _label(
    frame: LabelledFrame, number: int, request: LabelRequest, level: str | None, tags: Sequence[str]
) -> Label:
    return new_label(
        frame.atoms,
        request,
        _level(frame, number, level),
        tags=tuple(tags),
        state="completed",
        energy_eV=frame.energy_eV,
        forces_eV_A=frame.forces_eV_A,
        stress_eV_A3=frame.stress_eV_A3,
    )


def _level(frame: LabelledFrame, number: int, level: str | None) -> Level:
    info = frame.atoms.info
    if level is not None:
        return Level(level, {"calculator": "imported", "level": level})
    if "level" in info and "settings" in info:
        settings = info["settings"]
        return Level(str(info["level"]), json.loads(settings) if isinstance(settings, str) else settings)
    raise InputError(
        "The file does not say at which level of theory it was calculated",
        "Give --level NAME.",
        {"frame": number},
    )


def _check_known(store: Store, labels: dict[str, Label], path: Path) -> None:
    query = {"_id": {"$in": list(labels)}, "state": "completed"}
    known = [found["_id"] for found in store.collection(Label).find(query, {"_id": 1})]
    for label in load_labels(store, known):
        _check_same(label, labels[label.id], path)


def _check_same(first: Label, second: Label, path: Path) -> None:
    energies = (first.energy_eV or 0.0, second.energy_eV or 0.0)
    if abs(energies[0] - energies[1]) > SAME_ENERGY_EV_PER_ATOM * (second.nsites or 1):
        raise InputError(
            "One structure has two energies at one level of theory",
            "Give each level of theory a name of its own with --level.",
            {"file": str(path), "label_id": second.id, "energies_eV": energies},
        )


def _complete(store: Store, label: Label) -> bool:
    if label.energy_eV is None or label.forces_eV_A is None:
        raise AssertionError("imported labels have results")
    stored = load_labels(store, [label.id])[0]
    if stored.state == "completed" or not _same_order(stored, label):
        return False
    result = LabelResult(
        energy_eV=label.energy_eV, forces_eV_A=label.forces_eV_A, stress_eV_A3=label.stress_eV_A3
    )
    return complete(store, label.id, result)


def _same_order(stored: Label, label: Label) -> bool:
    """Return whether the atoms stand in the same order and places: forces are stored by order."""
    import numpy as np

    mine, theirs = (
        [(site["species"][0]["element"], *site["xyz"]) for site in each.structure["sites"]]
        for each in (stored, label)
    )
    return all(
        a[0] == b[0] and np.allclose(a[1:], b[1:], atol=2e-3) for a, b in zip(mine, theirs, strict=True)
    )
