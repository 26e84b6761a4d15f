"""A disk that is really full is named. That no label fails for it: test_labels.py."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from beamheat_fw.disk_space import full_disk_named
from beamheat_fw.errors import DiskFull

pytestmark = [
    pytest.mark.mongod,
    pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root"),
]


def on_a_small_disk(folder: Path, size: str, *command: str) -> list[str]:
    """Return the words that run a command which finds a small disk at a folder, and nobody else does."""
    folder.mkdir(exist_ok=True)
    mount = f'mount -t tmpfs -o size={size} none {folder} && exec "$@"'
    return ["unshare", "--mount", "sh", "-euc", mount, "sh", *command]


def test_embedded_mongod_without_room_says_so(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "beamheat_fw", "db", "start", "--folder", str(tmp_path / "b")]
    done = subprocess.run(
        on_a_small_disk(tmp_path / "b", "400k", *command), capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    assert "disk is full" in done.stderr
    assert str(tmp_path / "b") in done.stderr
    assert done.stderr.count("\n") == 1
    shutil.rmtree(tmp_path / "b")


def test_used_up_quota_is_named_where_the_system_does_not_say_which_file(tmp_path: Path) -> None:
    with pytest.raises(DiskFull, match=str(tmp_path)), full_disk_named(tmp_path):
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))
    with pytest.raises(PermissionError), full_disk_named(tmp_path):
        raise PermissionError(errno.EACCES, "no")
