"""Labels by the thousand are the labels that are made one by one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk, molecule

from beamheat_fw.errors import InputError
from beamheat_fw.store.database import Store
from beamheat_fw.store.documents import Label, LabelRequest
from beamheat_fw.store.exchange.imported_labels import completed_documents, identify
from beamheat_fw.store.exchange.imports import _insert
from beamheat_fw.store.exchange.labelled_frames import LabelledFrame
from beamheat_fw.store.labels import Level, load_labels, new_label

REQUEST = LabelRequest(role="imported", source="a file")
LEVEL = Level("PBE", {"calculator": "imported", "level": "PBE"})


def _frames() -> list[LabelledFrame]:
    """Return frames of several sizes and compositions, with and without stress and bodies."""
    made = []
    rng = np.random.default_rng(0)
    for number in range(12):
        atoms = molecule("CO2", vacuum=6.0) if number % 3 == 0 else bulk("MgO", "rocksalt", 4.21)
        atoms = atoms[rng.permutation(len(atoms))]
        atoms.rattle(0.1, seed=number)
        made.append(
            LabelledFrame(
                numbers=atoms.numbers,
                positions_A=atoms.positions,
                cell_A=atoms.cell.array,
                pbc=tuple(atoms.pbc.tolist()),
                bodies=rng.integers(0, 2, len(atoms)) if number % 2 else None,
                energy_eV=float(rng.normal()),
                forces_eV_A=rng.normal(size=(len(atoms), 3)),
                stress_eV_A3=rng.normal(size=6) if number % 4 else None,
                level=None,
                settings=None,
            )
        )
    return made


def test_documents_made_together_are_those_made_one_by_one(store: Store) -> None:
    frames = _frames()
    found = identify(frames, Path("file.xyz"), "PBE")
    numbers = range(len(frames))
    assert _insert(store, completed_documents(found, numbers, REQUEST, ("tagged",))) == []
    alone = [
        new_label(
            frame.atoms(),
            REQUEST,
            LEVEL,
            tags=("tagged",),
            requests=(REQUEST,),
            state="completed",
            energy_eV=frame.energy_eV,
            forces_eV_A=frame.forces_eV_A,
            stress_eV_A3=frame.stress_eV_A3,
        )
        for frame in frames
    ]
    stored = load_labels(store, [label.id for label in alone])
    for mine, its in zip(stored, alone, strict=True):
        dates = {"created_at": mine.created_at, "last_updated": mine.last_updated}
        assert mine.created_at is not None
        assert mine == Label.model_validate(its.model_dump() | dates)


def test_labels_that_another_import_wrote_meanwhile_are_kept(store: Store) -> None:
    found = identify(_frames(), Path("file.xyz"), "PBE")
    _insert(store, completed_documents(found, [1, 4], REQUEST, ("first",)))
    raced = _insert(store, completed_documents(found, range(6), REQUEST, ("second",)))
    assert sorted(raced) == sorted([found.label_ids[1], found.label_ids[4]])
    assert store.collection(Label).count_documents({"tags": "first"}) == 2
    assert store.collection(Label).count_documents({}) == 6


@pytest.mark.parametrize("settings", ["{]", "[1, 2]", 7])
def test_settings_that_are_none_are_refused_by_frame(settings: object) -> None:
    from dataclasses import replace

    frames = [replace(frame, level="PBE", settings='{"xc": "PBE"}') for frame in _frames()]
    frames[3] = replace(frames[3], settings=settings)
    with pytest.raises(InputError, match="frame=3"):
        identify(frames, Path("file.xyz"), None)
