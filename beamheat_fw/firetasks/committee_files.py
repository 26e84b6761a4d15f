"""A committee as the files of a job folder: its members' packages and ``committee.json``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from beamheat_fw.drivers.md.protocols import COMMITTEE_FILE, CommitteeFile
from beamheat_fw.firetasks.context import Context
from beamheat_fw.store.artifacts import fetch_artifact
from beamheat_fw.store.documents import Committee, Potential


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
