"""Energies that do not belong into the file they are in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from beamheat_fw.physics.labels.composition_energy import composition_of, fit_reference
from beamheat_fw.store.exchange.labelled_frames import LabelledFrame, bad_frame

#: Per atom. What is farther from what the file's others make of its composition is in other units, or of
#: another level; isolated atoms and compressed cells are nearer.
MAX_DEVIATION_EV: Final = 25.0


def check_energies(frames: Sequence[LabelledFrame], path: Path) -> None:
    """Refuse the first frame whose energy is far from what the others make of its composition.

    Raises
    ------
    InputError
        Names the frame and the deviation per atom.
    """
    keys = [np.sort(frame.numbers).astype(np.int64).tobytes() for frame in frames]
    # Few compositions make up most files.
    compositions = {key: _composition(key) for key in set(keys)}
    reference = fit_reference([compositions[key] for key in keys], [frame.energy_eV for frame in frames])
    if reference is None:
        return
    usual = {key: reference.energy_eV(composition) for key, composition in compositions.items()}
    for number, (frame, key) in enumerate(zip(frames, keys, strict=True)):
        expected = usual[key]
        deviation = 0.0 if expected is None else (frame.energy_eV - expected) / len(frame.numbers)
        if abs(deviation) > MAX_DEVIATION_EV:
            raise bad_frame(
                path,
                number,
                f"An energy is {deviation:.4g} eV an atom from what the others make of its composition",
                "Check its unit (eV) and its level of theory, or leave the frame out.",
            )


def _composition(numbers: bytes) -> dict[str, int]:
    from ase.data import chemical_symbols

    return composition_of([chemical_symbols[number] for number in np.frombuffer(numbers, dtype=np.int64)])
