"""Evaluate a committee on the frames of a folder, in a child program: the caller never loads PyTorch."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from beamheat_fw.drivers.nequip.models import package_metadata
from beamheat_fw.drivers.process import Command, run_to_end
from beamheat_fw.errors import InputError

if TYPE_CHECKING:
    from ase import Atoms

    from beamheat_fw.drivers.nequip.committee import Committee

FRAMES_FILE = "frames.extxyz"
COMMITTEE_FILE = "committee.json"
EVALUATION_FILE = "evaluation.npz"
LOG_FILE = "evaluation_log.txt"

#: Atoms evaluated in one batch: larger ones no longer gain, and leave the processor's cache.
_BATCH_ATOMS = 500


@dataclass(frozen=True, eq=False)
class FolderEvaluation:
    """What M members say about the B frames of a folder, with N atoms in all.

    Attributes
    ----------
    offsets : (B + 1,) int64 array
        Frame b's atoms are ``offsets[b]:offsets[b + 1]``.
    energies_eV : (M, B) float64 array
        Energy of each frame, by member.
    forces_eV_A : (N, 3) float64 array
        The members' mean force on each atom.
    spread_eV_A : (N,) float64 array
        Root of the members' mean squared deviation from it (norm, ddof = 0).
    descriptors : (N, D) float64 array
        The first member's features of each atom's surroundings.
    """

    offsets: NDArray[np.int64]
    energies_eV: NDArray[np.float64]
    forces_eV_A: NDArray[np.float64]
    spread_eV_A: NDArray[np.float64]
    descriptors: NDArray[np.float64]

    def save(self, file: Path) -> None:
        """Write the arrays as npz; the name appears when the file is whole."""
        waiting = file.with_suffix(".tmp")
        with waiting.open("wb") as stream:
            np.savez(stream, **asdict(self))
            stream.flush()
            os.fsync(stream.fileno())
        waiting.rename(file)

    @classmethod
    def load(cls, file: Path) -> FolderEvaluation:
        """Read what `save` wrote."""
        with np.load(file) as arrays:
            return cls(**{field.name: arrays[field.name] for field in fields(cls)})


def evaluate_folder(folder: Path, *, stop: Callable[[], bool], threads: int = 1) -> FolderEvaluation:
    """Evaluate the committee in ``committee.json`` on ``frames.extxyz``; a finished folder is only read.

    Parameters
    ----------
    folder : Path
        ``committee.json`` holds ``packages``, a list of files relative to the folder.
    stop : callable
        Turns true when the work should end early.
    threads : int
        Of the child program.

    Raises
    ------
    InputError
        There are no frames or packages, a frame holds an element that the committee does not know, or a
        position is not a finite number.
    IntegrityError
        A package is cut short.
    Interrupted, CalculationError
        As `run_to_end`.
    """
    result = folder / EVALUATION_FILE
    if not result.exists():
        _require_known_elements(_read_frames(folder), _packages(folder))
        command = Command(
            [sys.executable, "-m", "beamheat_fw.drivers.nequip.evaluate"],
            folder,
            folder / LOG_FILE,
            {**os.environ, "OMP_NUM_THREADS": str(threads)},
        )
        run_to_end(command, stop)
    return FolderEvaluation.load(result)


def main() -> None:
    """Evaluate the folder this program runs in."""
    from beamheat_fw.drivers.nequip.committee import Committee

    folder = Path.cwd()
    committee = Committee.load(_packages(folder))
    parts = [_evaluate(committee, batch) for batch in batches(_read_frames(folder))]
    sizes = np.concatenate([np.diff(part.offsets) for part in parts])
    FolderEvaluation(
        offsets=np.concatenate([[0], np.cumsum(sizes)]),
        energies_eV=np.concatenate([part.energies_eV for part in parts], axis=1),
        forces_eV_A=np.concatenate([part.forces_eV_A for part in parts]),
        spread_eV_A=np.concatenate([part.spread_eV_A for part in parts]),
        descriptors=np.concatenate([part.descriptors for part in parts]),
    ).save(folder / EVALUATION_FILE)


def _evaluate(committee: Committee, atoms: Sequence[Atoms]) -> FolderEvaluation:
    from beamheat_fw.drivers.nequip.frames import Frames, stacked_positions
    from beamheat_fw.drivers.nequip.neighbours import NeighbourList

    frames, positions = Frames.from_atoms(atoms), stacked_positions(atoms)
    neighbours = NeighbourList(frames, committee.r_max_A, skin_A=0.0)
    evaluation = committee.evaluate(frames, positions, neighbours)
    return FolderEvaluation(
        offsets=frames.offsets,
        energies_eV=evaluation.energies_eV,
        forces_eV_A=evaluation.mean_forces_eV_A,
        spread_eV_A=evaluation.spread_eV_A,
        descriptors=committee.descriptors(frames, positions, neighbours),
    )


def batches(atoms: Sequence[Atoms]) -> Iterator[list[Atoms]]:
    """Yield `atoms` in order, in batches of the size that is evaluated fastest."""
    batch: list[Atoms] = []
    for frame in atoms:
        if batch and sum(map(len, batch)) + len(frame) > _BATCH_ATOMS:
            yield batch
            batch = []
        batch.append(frame)
    yield batch


def _read_frames(folder: Path) -> list[Atoms]:
    import ase.io

    file = folder / FRAMES_FILE
    frames = list(ase.io.iread(file, index=":", format="extxyz")) if file.exists() else []
    if not frames:
        raise InputError("There are no frames to evaluate", "Stage the frames again.", {"file": str(file)})
    for index, frame in enumerate(frames):
        if not np.isfinite(frame.positions).all():
            raise InputError(
                "A frame has a position that is not a finite number",
                "Leave it out: its trajectory has blown up.",
                {"file": str(file), "frame": index},
            )
    return frames


def _packages(folder: Path) -> list[Path]:
    file = folder / COMMITTEE_FILE
    try:
        packages = [folder / str(name) for name in json.loads(file.read_text())["packages"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            "The committee's file cannot be read",
            'Write {"packages": [...]} with the members\' packages.',
            {"file": str(file), "reason": " ".join(str(error).split())},
        ) from None
    if not packages:
        raise InputError("The committee has no members", "Give at least one package.", {"file": str(file)})
    return packages


def _require_known_elements(frames: Sequence[Atoms], packages: Sequence[Path]) -> None:
    found = {symbol for frame in frames for symbol in set(frame.symbols)}
    for package in packages:
        known = set(package_metadata(package)["atom_types"].values())
        if not found <= known:
            raise InputError(
                "The committee was not trained on an element",
                "Label and train on structures that contain it.",
                {"elements": " ".join(sorted(found - known)), "package": str(package)},
            )


if __name__ == "__main__":
    main()
