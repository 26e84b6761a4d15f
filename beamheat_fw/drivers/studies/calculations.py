"""The calculations of a study: each is made once in its folder, however often the study is interrupted."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import ase.io
from ase import Atoms

from beamheat_fw.campaign import GpawSettings
from beamheat_fw.drivers.labelling.driver import label_structures
from beamheat_fw.drivers.labelling.results import LabelResult
from beamheat_fw.drivers.mpi import MpiLauncher
from beamheat_fw.errors import InputError
from beamheat_fw.identity import content_hash
from beamheat_fw.whole_files import write_whole

#: What extended XYZ keeps of a position in Å.
_FILE_DIGITS = 8


@dataclass(frozen=True, eq=False)
class Calculation:
    """One structure with one set of settings.

    Attributes
    ----------
    atoms : Atoms
        An array ``ghost`` marks atoms of which there is only the basis.
    settings : GpawSettings
    """

    atoms: Atoms
    settings: GpawSettings

    @cached_property
    def id(self) -> str:
        """The hash of structure, in this order of atoms, and settings."""
        ghost = self.atoms.arrays.get("ghost")
        return content_hash(
            {
                "numbers": self.atoms.numbers,
                "positions": self.atoms.positions.round(_FILE_DIGITS) + 0.0,
                "cell": self.atoms.cell.array.round(_FILE_DIGITS) + 0.0,
                "pbc": self.atoms.pbc,
                "ghost": None if ghost is None else ghost.astype(bool),
                "settings": self.settings.model_dump(mode="json"),
            }
        )


@dataclass(frozen=True)
class Site:
    """Where the calculations of a study run.

    Attributes
    ----------
    folder : Path
        Of the study; results of an earlier run in it are used.
    ranks : int
    launcher : MpiLauncher
    stop : callable
        Turns true when the study should end early; what is finished is kept.
    """

    folder: Path
    ranks: int
    launcher: MpiLauncher
    stop: Callable[[], bool] = lambda: False


def calculate(calculations: Iterable[Calculation], site: Site) -> Iterator[tuple[Calculation, LabelResult]]:
    """Make calculations, yielding each with its result as it is there; those of an earlier run come at once.

    Calculations of equal settings share one process, and equal calculations are made once.

    Raises
    ------
    InputError
        Another study works in the folder.
    Interrupted
        `site.stop` turned true.
    CalculationError
        The calculator cannot run here; a structure that defeats it is a failed result instead.
    """
    by_settings: dict[str, dict[str, Calculation]] = {}
    for calculation in calculations:
        key = content_hash(calculation.settings.model_dump(mode="json"))[:16]
        by_settings.setdefault(key, {}).setdefault(calculation.id, calculation)
    with _alone_in(site.folder):
        for key, group in by_settings.items():
            _stage(site.folder / key, group)
            for result in label_structures(
                site.folder / key, ranks=site.ranks, launcher=site.launcher, stop=site.stop
            ):
                yield group[result.label_id], result


def _stage(folder: Path, group: dict[str, Calculation]) -> None:
    folder.mkdir(exist_ok=True)
    frames = []
    for identifier, calculation in group.items():
        frame = calculation.atoms.copy()
        frame.info = {"label_id": identifier}
        frames.append(frame)
    ase.io.write(folder / "structures.extxyz", frames, format="extxyz")
    settings = next(iter(group.values())).settings
    write_whole(folder / "settings.json", settings.model_dump_json().encode())


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
    except OSError as error:
        raise InputError(
            "The study's folder cannot be used",
            "Give another one with --results.",
            {"results": str(folder), "reason": error.strerror or str(error)},
        ) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                "Another study works in this folder",
                "Wait for it, or give another folder with --results.",
                {"results": str(folder)},
            ) from None
        yield
