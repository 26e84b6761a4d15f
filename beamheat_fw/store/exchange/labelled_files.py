"""Labelled structures from other people's files, checked before anything is written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from beamheat_fw.errors import InputError
from beamheat_fw.identity import SMALLEST_VOLUME_A3
from beamheat_fw.store.exchange.file_energies import check_energies
from beamheat_fw.store.exchange.gpw_file import read_gpw
from beamheat_fw.store.exchange.labelled_frames import LabelledFrame, bad_frame, from_atoms
from beamheat_fw.store.exchange.regular_extxyz import read_regular

if TYPE_CHECKING:
    from ase import Atoms

#: Nearest neighbours of a structure lie within these multiples of the sum of their covalent radii; in other
#: units than Å (nm, Bohr) hardly one does.
_BOND_RANGE: Final = (0.5, 1.7)
#: In so many frames of a large file the distances are measured.
_FRAMES_MEASURED: Final = 200


def read_labelled(path: Path, max_force_eV_A: float = 100.0) -> list[LabelledFrame]:
    """Read a labelled extended XYZ file, ASE database or GPAW restart file (.gpw, one structure).

    Energies are ``REF_energy`` or ``energy`` (eV), forces ``REF_forces`` or ``forces`` (eV/Å), stress
    ``REF_stress`` or ``stress`` (eV/Å³).

    Raises
    ------
    InputError
        The file cannot be read, or a frame lacks a result, is not finite, or has forces, distances or an
        energy that no structure in Å and eV has. The first such frame is named.
    """
    frames = _read(path)
    if not frames:
        raise InputError("The file holds no structures", "Give a labelled file.", {"file": str(path)})
    _check_structures(frames, path)
    _check_results(frames, path, max_force_eV_A)
    _check_all_forces(frames, path)
    _check_distances(frames, path)
    check_energies(frames, path)
    return frames


def _read(path: Path) -> list[LabelledFrame]:
    from ase.io.formats import UnknownFileTypeError

    if not path.is_file():
        raise InputError(
            "There is no such file",
            "Give a labelled extxyz file, ASE database or .gpw file.",
            {"file": str(path)},
        )
    reader = _READERS.get(path.suffix)
    if reader is None and (regular := read_regular(path)) is not None:
        return regular
    try:
        atoms = (reader or _read_xyz)(path)
        return [from_atoms(each, number, path) for number, each in enumerate(atoms)]
    except (
        *(OSError, ValueError, KeyError, IndexError, AssertionError, TypeError, StopIteration, RuntimeError),
        *(AttributeError, OverflowError, UnknownFileTypeError, sqlite3.Error),
    ) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            "The file cannot be read",
            "Mend the frame named, or export it anew.",
            {"file": str(path), "reason": reason},
        ) from None


def _read_xyz(path: Path) -> Iterator[Atoms]:
    from ase.io import iread

    return iread(path, index=":", format="extxyz")


def _read_database(path: Path) -> Iterator[Atoms]:
    from ase.db import connect

    for row in connect(path).select():
        atoms = row.toatoms()
        atoms.info |= dict(row.key_value_pairs) | {name: row.data[name] for name in row.data}
        if "body" in row.data:
            atoms.set_array("body", np.asarray(atoms.info.pop("body"), dtype=int))
        yield atoms


_READERS: Final = {".db": _read_database, ".json": _read_database, ".gpw": read_gpw}


def _check_structures(frames: Sequence[LabelledFrame], path: Path) -> None:
    """Refuse the first frame without a cell or atoms, or with positions or elements that are none."""
    cells = np.stack([frame.cell_A for frame in frames])
    flat = ~(np.isfinite(cells).all(axis=(1, 2)) & (np.abs(np.linalg.det(cells)) >= SMALLEST_VOLUME_A3))
    sizes = [len(frame.numbers) for frame in frames]
    if min(sizes) == 0:
        raise bad_frame(path, sizes.index(0), "A frame has no atoms", "Leave this frame out.")
    lost = ~np.isfinite(np.concatenate([frame.positions_A for frame in frames])).all(axis=1)
    unnamed = np.concatenate([frame.numbers for frame in frames]) < 1
    for wrong, what, fix in (
        (_frames_of(lost, sizes), "A position is not a finite number", "Leave this frame out."),
        (_frames_of(unnamed, sizes), "An atom is of no element", "Name the element of each atom."),
        (
            flat,
            "The cell has no volume",
            "Give all three cell vectors; a free cluster gets a cell with vacuum (atoms.center(vacuum=7)).",
        ),
    ):
        if wrong.any():
            raise bad_frame(path, int(wrong.argmax()), what, fix)


def _check_results(frames: Sequence[LabelledFrame], path: Path, max_force_eV_A: float) -> None:
    """Refuse the first frame with a result that is no number, or with a force no structure has."""
    forces = np.concatenate([frame.forces_eV_A for frame in frames])
    sizes = [len(frame.numbers) for frame in frames]
    energies = np.array([frame.energy_eV for frame in frames])
    lost = ~np.isfinite(energies) | _frames_of(~np.isfinite(forces).all(axis=1), sizes)
    lost |= [frame.stress_eV_A3 is not None and not np.isfinite(frame.stress_eV_A3).all() for frame in frames]
    if lost.any():
        raise bad_frame(
            path,
            int(lost.argmax()),
            "An energy, force or stress is not a finite number",
            "Leave this frame out.",
        )
    norms = np.linalg.norm(forces, axis=1)
    if norms.max() > max_force_eV_A:
        number = int(_frames_of(norms > max_force_eV_A, sizes).argmax())
        largest = np.linalg.norm(frames[number].forces_eV_A, axis=1).max()
        raise bad_frame(
            path,
            number,
            f"A force of {largest:.4g} eV/Å is above {max_force_eV_A:g} eV/Å",
            "Check the units (eV/Å), leave the frame out, or raise --max-force.",
        )


def _frames_of(atoms: np.ndarray, sizes: Sequence[int]) -> np.ndarray:
    """Return for each frame whether something holds for any of its atoms."""
    return np.logical_or.reduceat(atoms, np.cumsum([0, *sizes[:-1]]))


def _check_all_forces(frames: Sequence[LabelledFrame], path: Path) -> None:
    several = [frame for frame in frames if len(frame.numbers) > 1]
    if several and not any(frame.forces_eV_A.any() for frame in several):
        raise InputError(
            "All forces in the file are exactly zero",
            "Give the forces that were calculated.",
            {"file": str(path)},
        )


def _check_distances(frames: Sequence[LabelledFrame], path: Path) -> None:
    # The median tells a unit, and evenly spread frames have the median of all.
    spread = frames[:: max(1, len(frames) // _FRAMES_MEASURED)]
    ratios = [ratio for frame in spread if (ratio := _nearest_ratio(frame.atoms())) is not None]
    low, high = _BOND_RANGE
    if ratios and not low < float(np.median(ratios)) < high:
        raise InputError(
            "The distances between atoms are not those of structures in Å",
            "Convert positions and cell to Å.",
            {"file": str(path), "median_of_nearest_distance_over_radii": round(float(np.median(ratios)), 3)},
        )


def _nearest_ratio(atoms: Atoms) -> float | None:
    """Median over atoms of nearest distance over sum of covalent radii; None for a single atom."""
    from ase.data import covalent_radii

    if len(atoms) < 2:
        return None
    distances = atoms.get_all_distances(mic=bool(atoms.pbc.any()))
    np.fill_diagonal(distances, np.inf)
    radii = covalent_radii[atoms.numbers]
    return float(np.median((distances / (radii[:, None] + radii[None, :])).min(axis=1)))
