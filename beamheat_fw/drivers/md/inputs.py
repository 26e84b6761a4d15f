"""The input files of an MD job folder: potentials, structures, and the identity they give a run."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ase import Atoms

from beamheat_fw.drivers.md.protocols import COMMITTEE_FILE, CommitteeFile
from beamheat_fw.errors import InputError
from beamheat_fw.identity import content_hash, file_sha256
from beamheat_fw.whole_files import write_whole

if TYPE_CHECKING:
    from beamheat_fw.drivers.md.decomposed.nequip_part import NequipPart
    from beamheat_fw.drivers.nequip.committee import Committee

SYSTEM_FILE = "system.extxyz"
STARTS_FILE = "starts.extxyz"
#: The structures a committee was trained on; a job folder without them judges without novelty.
KNOWN_FILE = "known.extxyz"
#: Changes when the same input would be run differently, so that old checkpoints are refused.
ENGINE_VERSION = 3


def read_structures(path: Path) -> list[Atoms]:
    """Read all structures of an extended XYZ file.

    Raises
    ------
    InputError
        It is missing, or cannot be read.
    """
    from ase.io import read
    from ase.io.extxyz import XYZError

    try:
        return list(read(path, index=":", format="extxyz", parallel=False))
    except (OSError, XYZError, ValueError, KeyError) as error:
        raise InputError(
            "The structures cannot be read",
            "Stage the folder anew.",
            {"file": str(path), "reason": str(error)},
        ) from None


def load_committee(folder: Path, committee: CommitteeFile) -> Committee:
    """Load the packages that a job folder names."""
    from beamheat_fw.drivers.nequip.committee import Committee

    return Committee.load([folder / package for package in committee.packages])


def load_parts(folder: Path, committee: CommitteeFile) -> list[NequipPart]:
    """Load the packages that a job folder names, to be evaluated on parts of a system."""
    from beamheat_fw.drivers.md.decomposed.nequip_part import NequipPart
    from beamheat_fw.drivers.nequip.models import load_model, require_agreement

    packages = [folder / package for package in committee.packages]
    models = [load_model(package, ghosts=True) for package in packages]
    require_agreement(models, packages)
    return [NequipPart(model) for model in models]


def run_key(folder: Path, structures: str, protocol: Mapping[str, Any], ranks: int) -> str:
    """Return the hash of what a run is: structures, potentials, protocol and ranks."""
    committee = CommitteeFile.read(folder / COMMITTEE_FILE)
    return content_hash(
        {
            "engine": ENGINE_VERSION,
            "structures": file_sha256(folder / structures),
            "known": file_sha256(known) if (known := folder / KNOWN_FILE).exists() else None,
            "packages": [file_sha256(folder / package) for package in committee.packages],
            "driver": committee.driver,
            "skin_A": committee.skin_A,
            "protocol": dict(protocol),
            "ranks": ranks,
        }
    )


def write_structures(path: Path, structures: Sequence[Atoms]) -> None:
    """Write an extended XYZ file, whole or not at all."""
    from ase.io import write

    # With mpi4py loaded ASE would write on rank 0 alone; here every rank has files of its own.
    text = io.StringIO()
    write(text, list(structures), format="extxyz", parallel=False)
    write_whole(path, text.getvalue().encode())
