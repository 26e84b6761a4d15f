"""Which checkpoint an interrupted training goes on from, and what becomes of one that cannot be used."""

from __future__ import annotations

import filecmp
import shutil
import zipfile
from pathlib import Path

from beamheat_fw.drivers.nequip.config import BEST_CHECKPOINT, LAST_CHECKPOINT


def whole_checkpoint(attempt: Path) -> str | None:
    """Name the checkpoint to go on from: the last one, or the best one in its place when it is broken."""
    last, best = attempt / LAST_CHECKPOINT, attempt / BEST_CHECKPOINT
    if last.exists() and not _is_whole(last):
        _rename_broken(last)
    if not last.exists() and best.exists() and _is_whole(best):
        shutil.copyfile(best, last)
    return LAST_CHECKPOINT if last.exists() else None


def set_aside(attempt: Path) -> None:
    """Put the last checkpoint out of the way, since nothing can be gone on with from it.

    The best one goes with it where it is the same: it would fail in the same way.
    """
    last, best = attempt / LAST_CHECKPOINT, attempt / BEST_CHECKPOINT
    if best.exists() and filecmp.cmp(last, best, shallow=False):
        _rename_broken(best)
    _rename_broken(last)


def _rename_broken(checkpoint: Path) -> None:
    checkpoint.rename(checkpoint.with_suffix(".broken"))


def _is_whole(checkpoint: Path) -> bool:
    try:
        with zipfile.ZipFile(checkpoint) as archive:
            return archive.testzip() is None
    except (zipfile.BadZipFile, EOFError):
        return False
