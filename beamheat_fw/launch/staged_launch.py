"""A launch for a node without a database, as files of its launch folder.

FireWorks' offline mode does the same with FW.json and FW_offline.json; its reading of them fails with today's
monty, and its jobs know neither signals nor a job folder::

    <launch folder>/
        FW.json                 the firework
        beamheat_staged.json    its launch, and where its job folder is
        beamheat_started.json   the node has begun
        beamheat_ended.json     how the run ended; the machine that staged it brings it into the database
        beamheat_recalled       the launch was replaced: a run that goes on stops
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from fireworks import FWAction
from fireworks.utilities.fw_serializers import DATETIME_HANDLER, reconstitute_dates

from beamheat_fw.errors import IntegrityError
from beamheat_fw.launch.job_folder import JobFolder
from beamheat_fw.whole_files import write_whole

FIREWORK = "FW.json"
_RECALLED = "beamheat_recalled"


@dataclass(frozen=True)
class _Record:
    """A small file of a launch folder, whole or not there."""

    launch_id: int

    @classmethod
    def file_in(cls, folder: Path) -> Path:
        raise NotImplementedError

    def write(self, folder: Path) -> None:
        """Write it, whole or not at all."""
        write_whole(self.file_in(folder), json.dumps(asdict(self), default=DATETIME_HANDLER).encode())

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """Return what stands in a launch folder, or None.

        Raises
        ------
        IntegrityError
            It is not what `write` writes.
        """
        path = cls.file_in(folder)
        try:
            return cls(**json.loads(path.read_bytes()))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (ValueError, TypeError) as error:
            raise IntegrityError(
                "A file of a launch folder is damaged",
                "Remove it; the work is done again.",
                {"file": str(path)},
            ) from error


@dataclass(frozen=True)
class StagedLaunch(_Record):
    """A launch whose work is staged.

    Attributes
    ----------
    launch_id, fw_id : int
    database : str
        Its name: a folder may have served another one before.
    scratch, job_key : str
        Where its job folder is.
    for_queue : bool
        Whether a job of the queue runs it, rather than somebody by hand.
    """

    fw_id: int
    database: str
    scratch: str
    job_key: str
    for_queue: bool

    @classmethod
    def file_in(cls, folder: Path) -> Path:
        """Return the file's path."""
        return folder / "beamheat_staged.json"

    @property
    def job(self) -> JobFolder:
        """The folder of the work."""
        return JobFolder(Path(self.scratch), self.job_key)


@dataclass(frozen=True)
class StartedLaunch(_Record):
    """A launch whose node has begun.

    Attributes
    ----------
    launch_id : int
    host : str
    at : str
        When, in UTC, as FireWorks writes times.
    """

    host: str
    at: str

    @classmethod
    def file_in(cls, folder: Path) -> Path:
        """Return the file's path."""
        return folder / "beamheat_started.json"


@dataclass(frozen=True)
class EndedLaunch(_Record):
    """How the run of a node ended.

    Attributes
    ----------
    launch_id : int
    state : {'COMPLETED', 'FIZZLED'}
    action : dict or None
        The FWAction: of a run that ended badly, with its error.
    stopped : str or None
        Why it was stopped before its end, where it has not failed.
    at : str
        When, in UTC, as FireWorks writes times.
    """

    state: str
    action: dict[str, Any] | None
    stopped: str | None
    at: str

    @classmethod
    def file_in(cls, folder: Path) -> Path:
        """Return the file's path."""
        return folder / "beamheat_ended.json"

    def fwaction(self) -> FWAction | None:
        """Return the FWAction, which may import the classes that it names."""
        return FWAction.from_dict(reconstitute_dates(self.action)) if self.action else None


def recall(folder: Path) -> None:
    """Tell the run of a launch that has been replaced to stop."""
    (folder / _RECALLED).touch()


def is_recalled(folder: Path) -> bool:
    """Tell whether a launch has been replaced."""
    return (folder / _RECALLED).exists()


def write_firework(folder: Path, document: Mapping[str, Any]) -> None:
    """Write a firework's document for the node."""
    write_whole(folder / FIREWORK, json.dumps(dict(document), default=DATETIME_HANDLER, indent=1).encode())


def read_firework(folder: Path) -> dict[str, Any]:
    """Return the document of the staged firework.

    Raises
    ------
    IntegrityError
        It is damaged.
    """
    try:
        return json.loads((folder / FIREWORK).read_bytes())
    except ValueError as error:
        raise IntegrityError(
            "A staged firework is damaged", "Stage it again.", {"file": str(folder / FIREWORK)}
        ) from error
