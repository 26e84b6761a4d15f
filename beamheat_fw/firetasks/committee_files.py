"""A committee as the files of a job folder: members' packages, ``committee.json``, what it was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from beamheat_fw.drivers.md.protocols import COMMITTEE_FILE, CommitteeFile
from beamheat_fw.firetasks.context import Context
from beamheat_fw.firetasks.training import TRAIN
from beamheat_fw.store.artifacts import fetch_artifact
from beamheat_fw.store.documents import Committee, Dataset, Potential
from beamheat_fw.store.labels import label_atoms, load_labels

if TYPE_CHECKING:
    from ase import Atoms


def stage_packages(context: Context, folder: Path, committee: Committee) -> tuple[str, ...]:
    """Fetch the packages of a committee's members into a job folder; return their file names in order."""
    names = []
    for member, potential_id in enumerate(committee.potential_ids):
        name = f"member-{member}.nequip.zip"
        potential = context.store.load(Potential, potential_id)
        fetch_artifact(context.store, potential.artifact_sha256 or "", folder / name)
        names.append(name)
    return tuple(names)


def committee_file(
    context: Context, committee: Committee, packages: Sequence[str], driver: int | None = None
) -> CommitteeFile:
    """Return what an MD program needs to know of a committee: its members, and how far they are trusted.

    Parameters
    ----------
    context : Context
    committee : Committee
    packages : sequence of str
        The members' files, as `stage_packages` returns them.
    driver : int, optional
        The member that drives a heating run; exploration is driven by the mean.
    """
    return CommitteeFile(
        packages=tuple(packages),
        driver=driver,
        calibration=committee.calibration or None,
        gate=context.campaign.gate.model_dump(),
    )


def stage_committee(context: Context, folder: Path, committee: Committee, driver: int | None = None) -> None:
    """Write a committee into a job folder; `driver` as in `committee_file`."""
    packages = stage_packages(context, folder, committee)
    committee_file(context, committee, packages, driver).write(folder / COMMITTEE_FILE)


def stage_known(context: Context, folder: Path, committee: Committee) -> None:
    """Write what a committee was trained on into a job folder, so that its gate sees what is new."""
    from beamheat_fw.drivers.md.inputs import KNOWN_FILE, write_structures

    write_structures(folder / KNOWN_FILE, trained_on(context, committee.dataset_id))


def trained_on(context: Context, dataset_id: str) -> list[Atoms]:
    """Return the structures of a training set, without their labels."""
    dataset = context.store.load(Dataset, dataset_id)
    known = [label_atoms(label) for label in load_labels(context.store, dataset.split[TRAIN])]
    for atoms in known:
        atoms.calc = None
    return known
