"""What another machine needs to go on with a run: the files of its state, as one archive."""

from __future__ import annotations

import io
import re
import tarfile
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from beamheat_fw.errors import IntegrityError, Interrupted
from beamheat_fw.whole_files import write_whole

T = TypeVar("T")

SNAPSHOT_FILE = "snapshot.tar"
#: What engines go on from, in the order in which it is read: a restart file first, since what LAMMPS has
#: sampled since then does not matter.
_STATE: Final = ("state-*.ckpt", "state-*.restart", "samples-*.txt", "final-*.txt")
_STEP: Final = re.compile(r"(state-\d+)[-.](\d+)\.(?:ckpt|restart)")
_ATTEMPTS: Final = 5


@dataclass(frozen=True)
class Snapshot:
    """The state of a run in one file.

    Attributes
    ----------
    path : Path
        Replaced by the next one.
    step : int
        As `steps_done`.
    """

    path: Path
    step: int


def steps_done(folder: Path) -> int:
    """Return the steps that are safe in a job folder: of its newest checkpoints, added up over the ranks."""
    return sum(_newest(path.name for path in folder.glob("state-*")).values())


def take(folder: Path) -> Snapshot | None:
    """Pack the state in a job folder while its run goes on; None where there is none yet."""
    for _ in range(_ATTEMPTS):
        try:
            found = _read(folder)
        except FileNotFoundError:  # the run has written its next checkpoint and removed this one
            continue
        step = sum(_newest(found).values())
        if step == 0:
            return None
        write_whole(folder / SNAPSHOT_FILE, _packed(found))
        return Snapshot(folder / SNAPSHOT_FILE, step)
    return None


def restore(content: bytes, folder: Path) -> int:
    """Replace the state in a job folder by a packed one; return its steps.

    Raises
    ------
    IntegrityError
        It is no such archive, or was cut short.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            found = {member.name: _content(archive, member) for member in archive}
    except tarfile.TarError as error:
        raise _not_whole(content, str(error)) from None
    if any(not _is_state(name) for name in found):
        raise _not_whole(content, "it holds other files")
    for pattern in _STATE:
        for path in folder.glob(pattern):
            path.unlink()
    for name, file in found.items():
        write_whole(folder / name, file)
    return steps_done(folder)


def taken_along(work: Generator[None, None, T], folder: Path, every_s: float) -> Generator[Snapshot, None, T]:
    """Let a run do its work, and yield its state now and then and when it is interrupted.

    Parameters
    ----------
    work : generator
        Yields often; its value is handed on.
    folder : Path
    every_s : float
        Time between snapshots; one in which nothing has moved on is left out.
    """
    due, last = time.monotonic() + every_s, steps_done(folder)

    def newer() -> Iterator[Snapshot]:
        nonlocal last
        if steps_done(folder) > last and (snapshot := take(folder)):
            last = snapshot.step
            yield snapshot

    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value
        except Interrupted:
            yield from newer()
            raise
        if time.monotonic() >= due:
            yield from newer()
            due = time.monotonic() + every_s


def _newest(names: Iterator[str] | dict[str, bytes]) -> dict[str, int]:
    newest: dict[str, int] = {}
    for name in names:
        if match := _STEP.fullmatch(name):
            newest[match[1]] = max(newest.get(match[1], 0), int(match[2]))
    return newest


def _read(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for pattern in _STATE for path in sorted(folder.glob(pattern))}


def _packed(found: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in found.items():
            member = tarfile.TarInfo(name)  # of no time and no user: the same state is the same file
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member) if member.isfile() else None
    return file.read() if file else b""  # one that is cut short raises


def _is_state(name: str) -> bool:
    return "/" not in name and any(Path(name).match(pattern) for pattern in _STATE)


def _not_whole(content: bytes, reason: str) -> IntegrityError:
    return IntegrityError(
        "The stored state of a run cannot be used",
        "The one before it is used, or the run begins again; nothing has to be done.",
        {"bytes": len(content), "reason": reason},
    )
