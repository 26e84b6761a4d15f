"""A full disk, or a quota that is used up, told from failures of what was being calculated."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from beamheat_fw.errors import DiskFull

_ERRORS = (errno.ENOSPC, errno.EDQUOT)
_MESSAGES = tuple(os.strerror(number) for number in _ERRORS)
#: What a program needs at least to write its last words.
_PROBE_BYTES = 1 << 16


@contextmanager
def full_disk_named(folder: Path | None = None) -> Iterator[None]:
    """Turn the OSError of a full disk into a `DiskFull`; others pass.

    Parameters
    ----------
    folder : Path, optional
        What is written to; named where the system does not say which file it was.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _ERRORS:
            raise
        raise _disk_full(error.filename or folder, str(error.strerror)) from error


def check_room(folder: Path, said: str) -> None:
    """Raise `DiskFull` if that is why a program failed in a folder.

    A program on a full disk often cannot even write why it ends, so a file is tried as well.

    Parameters
    ----------
    folder : Path
    said : str
        What the program printed.
    """
    for message in _MESSAGES:
        if message in said:
            raise _disk_full(folder, message)
    probe = folder / f"room.{os.getpid()}.tmp"
    try:
        with full_disk_named(), probe.open("wb") as stream:
            stream.write(bytes(_PROBE_BYTES))
            stream.flush()
            os.fsync(stream.fileno())
    finally:
        probe.unlink(missing_ok=True)


def _disk_full(where: object, reason: str) -> DiskFull:
    return DiskFull(
        "The disk is full, or the quota is used up",
        "Make room (`beamheat db prune --dry-run` lists what may go), then `beamheat resubmit --error-kind "
        "DiskFull`: what is finished is kept.",
        {"path": str(where or ""), "reason": reason},
    )
