"""Working on a node's own disk, with everything copied back to where the next rocket looks.

A job folder lives where every node that may go on with it sees it, often on a slow parallel file system. With
``env.local_scratch`` the driver works in a copy on the node instead.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from beamheat_fw.errors import InputError
from beamheat_fw.whole_files import flush_folder

_DRAFT = ".tmp"


@contextmanager
def near(folder: Path, local: Path | None, every_s: float) -> Iterator[tuple[Path, Callable[[], None]]]:
    """Give a copy of a folder on the node's own disk; what changes comes back, at the latest when it is left.

    Parameters
    ----------
    folder : Path
    local : Path or None
        A folder of the node; None to work in `folder` itself.
    every_s : float
        How often what has changed is copied back meanwhile, s: a kill without warning costs that much.

    Yields
    ------
    Path
        Where to work.
    callable
        Brings back at once what has changed.

    Raises
    ------
    InputError
        There is no such folder on this node.
    """
    if local is None:
        yield folder, lambda: None
        return
    if not local.is_dir():
        raise InputError(
            "This node has no local scratch", "Correct env.local_scratch.", {"local_scratch": str(local)}
        )
    with tempfile.TemporaryDirectory(prefix="beamheat-", dir=local) as name:
        copy = Path(name) / "work"
        shutil.copytree(folder, copy)
        back = _WayBack(copy, folder, Path(name))
        over = threading.Event()
        courier = threading.Thread(target=back.keep_going, args=(over, every_s))
        courier.start()
        try:
            yield copy, back.bring
        finally:
            over.set()
            courier.join()
            back.bring()


class _Mark(NamedTuple):
    """What tells a file that was replaced, or has grown, from what it was."""

    inode: int
    mtime_ns: int
    size: int

    def has_grown_from(self, before: _Mark | None) -> bool:
        return before is not None and before.inode == self.inode


@dataclass
class _WayBack:
    """Copies what has changed in a folder to another one, which could be gone on with at any time.

    Drivers write a file under another name and rename it, or append. A checkpoint must never be there without
    what was written before it. So all files are held by links first and copied then: one that is replaced
    meanwhile stays what it was, one that is appended to has what it had. Files that have grown come before
    files that are new.

    Attributes
    ----------
    source, target : Path
    disk : Path
        Where links may be made to the files of `source`.
    """

    source: Path
    target: Path
    disk: Path
    _held: Path = field(init=False)
    _known: dict[Path, _Mark] = field(init=False)
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._held, self._known = self._hold()

    def keep_going(self, over: threading.Event, every_s: float) -> None:
        """Bring everything now and then until told that it is over."""
        while not over.wait(every_s):
            try:
                self.bring()
            except OSError:  # a full disk, say: the last time tells the work's own process
                continue

    def bring(self) -> None:
        """Bring what has changed, and take away what is no longer there."""
        with self._one_at_a_time:
            self._bring()

    def _bring(self) -> None:
        held, found = self._hold()
        changed = [path for path, mark in found.items() if self._known.get(path) != mark]
        drafts = {path: self._draft(held, path) for path in changed}
        for path in sorted(drafts, key=lambda path: not found[path].has_grown_from(self._known.get(path))):
            drafts[path].replace(self.target / path)
        for path in self._known.keys() - found.keys():
            (self.target / path).unlink(missing_ok=True)
        for folder in {(self.target / path).parent for path in drafts}:
            flush_folder(folder)
        # Held until now, so that no other file could get the number of one that was known.
        shutil.rmtree(self._held)
        self._held, self._known = held, found

    def _hold(self) -> tuple[Path, dict[Path, _Mark]]:
        held = Path(tempfile.mkdtemp(prefix="held-", dir=self.disk))
        found = {}
        for path in self.source.rglob("*"):
            with suppress(FileNotFoundError):
                if path.suffix != _DRAFT and path.is_file():
                    name = path.relative_to(self.source)
                    (held / name).parent.mkdir(parents=True, exist_ok=True)
                    os.link(path, held / name)
                    status = (held / name).stat()
                    found[name] = _Mark(status.st_ino, status.st_mtime_ns, status.st_size)
        return held, found

    def _draft(self, held: Path, path: Path) -> Path:
        (self.target / path).parent.mkdir(parents=True, exist_ok=True)
        draft = self.target / path.with_name(f"{path.name}.{os.getpid()}{_DRAFT}")
        with (held / path).open("rb") as source, draft.open("wb") as target:
            shutil.copyfileobj(source, target)
            target.flush()
            os.fsync(target.fileno())
        return draft
