"""Files that are whole or not there, whatever dies while they are written."""

from __future__ import annotations

import os
from pathlib import Path


def write_whole(path: Path, content: bytes, durable: bool = True) -> None:
    """Write a file so that after a crash it is there as a whole or not at all: write, flush, rename.

    Parameters
    ----------
    path : Path
        An older file of this name stays until the new one is complete.
    content : bytes
    durable : bool
        Whether it has to survive a crash of the machine, beyond one of this process; that costs milliseconds.
    """
    # The process id keeps two writers of one name apart; .tmp marks what is not whole.
    draft = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with draft.open("wb") as stream:
            stream.write(content)
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    if durable:
        flush_folder(path.parent)


def flush_folder(folder: Path) -> None:
    """Make renames in a folder survive a crash of the machine."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
