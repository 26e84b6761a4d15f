"""Labels as extended XYZ and ASE databases, with all that an import needs to know them again.

NequIP reads ASE's own keys (format ``extxyz``); MACE reads ``REF_energy``, ``REF_forces`` and ``REF_stress``
(format ``mace``), so that nothing overwrites a reference value.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from beamheat_fw.errors import InputError
from beamheat_fw.store.database import Store
from beamheat_fw.store.documents import Dataset, Label
from beamheat_fw.store.labels import label_atoms, load_labels

if TYPE_CHECKING:
    from ase import Atoms

Format = Literal["extxyz", "mace", "ase-db"]
FORMATS: Final[tuple[Format, ...]] = ("extxyz", "mace", "ase-db")


def label_frames(labels: Sequence[Label]) -> list[Atoms]:
    """Return completed labels as Atoms with energy (eV), forces (eV/Å) and stress.

    `info` has ``label_id``, ``role``, ``level`` and ``settings`` (JSON), from which an import makes the same
    label again.
    """
    frames = []
    for label in labels:
        atoms = label_atoms(label)
        atoms.info["settings"] = json.dumps(label.settings, sort_keys=True)
        frames.append(atoms)
    return frames


def dataset_frames(store: Store, dataset_id: str) -> list[Atoms]:
    """Return the members of a dataset, part by part; `info` has the ``split`` they belong to.

    Raises
    ------
    StoreError
        There is no such dataset.
    """
    frames = []
    for part, ids in store.load(Dataset, dataset_id).split.items():
        for atoms in label_frames(load_labels(store, ids)):
            atoms.info["split"] = part
            frames.append(atoms)
    return frames


def write_frames(frames: Sequence[Atoms], path: Path, file_format: Format) -> None:
    """Write frames to a file, which appears whole or not at all.

    Raises
    ------
    InputError
        There are no frames, or the file cannot be written.
    """
    if not frames:
        raise InputError("There are no completed labels to export", "Widen the filters.", {"file": str(path)})
    temporary = path.with_name(f".{path.name}.tmp.{'db' if file_format == 'ase-db' else 'xyz'}")
    try:
        if file_format == "ase-db":
            _write_database(frames, temporary)
        else:
            from ase.io import write

            shown = (
                [_with_reference_keys(atoms) for atoms in frames] if file_format == "mace" else list(frames)
            )
            write(temporary, shown, format="extxyz")
        temporary.replace(path)
    except OSError as error:
        raise InputError(
            "The file cannot be written", "Choose another place.", {"file": str(path), "reason": str(error)}
        ) from None
    finally:
        temporary.unlink(missing_ok=True)


def _with_reference_keys(atoms: Atoms) -> Atoms:
    """Return a copy with the results under MACE's keys and no calculator."""
    shown = atoms.copy()
    results = atoms.calc.results if atoms.calc is not None else {}
    for name, values in results.items():
        if name == "forces":
            shown.set_array("REF_forces", values)
        else:
            shown.info[f"REF_{name}"] = values
    return shown


def _write_database(frames: Sequence[Atoms], path: Path) -> None:
    from ase.db import connect

    path.unlink(missing_ok=True)
    with connect(path, type="db") as database:
        for atoms in frames:
            values = {name: atoms.info[name] for name in ("role", "level", "split") if name in atoms.info}
            data = {name: atoms.info[name] for name in ("label_id", "settings")}
            if "body" in atoms.arrays:
                data["body"] = atoms.arrays["body"].tolist()
            database.write(atoms, key_value_pairs=values, data=data)
