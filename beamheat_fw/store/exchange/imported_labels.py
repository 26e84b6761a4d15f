"""Completed labels by the hundred thousand: their ids, and the documents that `new_label` would make of them.

A model object for each label would cost more than all else together. What all labels of one composition and
level share is checked by the model once; what is a frame's own, `read_labelled` has checked, and MongoDB's
validator checks the types of the whole.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from ase.data import chemical_symbols
from bson import encode
from bson.raw_bson import RawBSONDocument

from beamheat_fw.identity import label_id, structure_hashes
from beamheat_fw.store.documents import LabelRequest
from beamheat_fw.store.exchange.labelled_frames import LabelledFrame, bad_frame
from beamheat_fw.store.labels import Level, new_label
from beamheat_fw.store.structures import ordered_structure

_BATCH: Final = 2_000


@dataclass(frozen=True)
class Identified:
    """The frames of a file with their identities.

    Attributes
    ----------
    frames : sequence of LabelledFrame
    structure_hashes, label_ids : list of str
        One for each frame.
    levels : list of Level
        One for each frame.
    """

    frames: Sequence[LabelledFrame]
    structure_hashes: list[str]
    label_ids: list[str]
    levels: list[Level]


def identify(frames: Sequence[LabelledFrame], path: Path, level: str | None) -> Identified:
    """Return the identities of frames.

    Parameters
    ----------
    level : str, optional
        Their level of theory, unless the frames name it.

    Raises
    ------
    InputError
        A frame's level is not known.
    """
    levels = [_level(frame, number, path, level) for number, frame in enumerate(frames)]
    hashes = _structure_hashes(frames)
    ids = [label_id(each, of.settings_hash) for each, of in zip(hashes, levels, strict=True)]
    return Identified(frames, hashes, ids, levels)


def completed_documents(
    found: Identified, numbers: Sequence[int], request: LabelRequest, tags: Sequence[str]
) -> Iterator[RawBSONDocument]:
    """Yield the documents of some frames' labels, completed and asked for by `request`.

    They are BSON at once: a thousand dicts of sites keep the garbage collector busier than all else here.

    Parameters
    ----------
    found : Identified
    numbers : sequence of int
        Which frames.
    request : LabelRequest
    tags : sequence of str
    """
    shared: dict[tuple[bytes, str, str], dict[str, Any]] = {}
    for number in numbers:
        frame, level = found.frames[number], found.levels[number]
        kind = (np.sort(frame.numbers).tobytes(), level.name, level.settings_hash)
        if kind not in shared:
            shared[kind] = _shared_fields(frame, request, level, tags)
        now = datetime.now(UTC)
        own = {
            "_id": found.label_ids[number],
            "structure_hash": found.structure_hashes[number],
            "structure": _structure(frame),
            "energy_eV": frame.energy_eV,
            "forces_eV_A": frame.forces_eV_A.tolist(),
            "stress_eV_A3": None if frame.stress_eV_A3 is None else frame.stress_eV_A3.tolist(),
            "created_at": now,
            "last_updated": now,
        }
        yield RawBSONDocument(encode(shared[kind] | own))


def _shared_fields(
    frame: LabelledFrame, request: LabelRequest, level: Level, tags: Sequence[str]
) -> dict[str, Any]:
    label = new_label(
        frame.atoms(),
        request,
        level,
        tags=tuple(tags),
        requests=(request,),
        state="completed",
        energy_eV=frame.energy_eV,
        forces_eV_A=frame.forces_eV_A,
        stress_eV_A3=frame.stress_eV_A3,
    )
    return label.to_mongo()


def _structure(frame: LabelledFrame) -> dict[str, Any]:
    symbols = [chemical_symbols[number] for number in frame.numbers.tolist()]
    bodies = None if frame.bodies is None else frame.bodies.tolist()
    return ordered_structure(symbols, frame.positions_A, frame.cell_A, frame.pbc, bodies)


def _structure_hashes(frames: Sequence[LabelledFrame]) -> list[str]:
    """Return the frames' structure hashes, found together for those of equally many atoms."""
    by_size: dict[int, list[int]] = {}
    for number, frame in enumerate(frames):
        by_size.setdefault(len(frame.numbers), []).append(number)
    hashes = [""] * len(frames)
    for numbers in by_size.values():
        for start in range(0, len(numbers), _BATCH):
            some = numbers[start : start + _BATCH]
            found = structure_hashes(
                np.stack([frames[number].numbers for number in some]),
                np.stack([frames[number].positions_A for number in some]),
                np.stack([frames[number].cell_A for number in some]),
                np.array([frames[number].pbc for number in some]),
            )
            for number, each in zip(some, found, strict=True):
                hashes[number] = each
    return hashes


def _level(frame: LabelledFrame, number: int, path: Path, asked: str | None) -> Level:
    if asked is not None:
        return _asked_level(asked)
    if frame.level is None or frame.settings is None:
        raise bad_frame(
            path,
            number,
            "The file does not say at which level of theory it was calculated",
            "Give --level NAME.",
        )
    settings = frame.settings
    try:
        return _stated_level(frame.level, settings if isinstance(settings, str) else json.dumps(settings))
    except (TypeError, ValueError):
        raise bad_frame(
            path, number, "The settings of a frame are no JSON object", "Give --level NAME."
        ) from None


@lru_cache(maxsize=16)
def _asked_level(name: str) -> Level:
    return Level(name, {"calculator": "imported", "level": name})


@lru_cache(maxsize=256)
def _stated_level(name: str, settings: str) -> Level:
    parsed = json.loads(settings)
    if not isinstance(parsed, dict):
        raise TypeError("settings are named values")
    return Level(name, parsed)
