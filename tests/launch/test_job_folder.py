from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from beamheat_fw.errors import InputError, IntegrityError, Interrupted
from beamheat_fw.launch.job_folder import JobFolder, every, holders, unfinished

HOLD = """
import subprocess, sys, time
from pathlib import Path
from beamheat_fw.launch.job_folder import JobFolder
with JobFolder(Path(sys.argv[1]), "job").locked() as lock:
    if sys.argv[2] == "child":
        subprocess.Popen(["sleep", "60"], pass_fds=[lock], start_new_session=True)
    print("locked", flush=True)
    time.sleep(60)
"""


def _hold(scratch: Path, what: str = "alone") -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(scratch), what], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "locked\n"
    return process


@pytest.mark.parametrize("key", ["", "..", "a/b", ".hidden", "a b", "x" * 201, "ü"])
def test_key_that_leads_out_of_the_scratch_is_refused(tmp_path: Path, key: str) -> None:
    with pytest.raises(InputError, match="folder's name"):
        JobFolder(tmp_path, key)


def test_markers_tell_what_is_left_to_do(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path, "job")
    assert (folder.staged(), folder.outcome(), folder.ingested()) == (None, None, None)
    folder.mark_staged({"inputs": 2})
    assert unfinished(tmp_path) == []
    folder.mark_run_done({"state": "converged"})
    assert [found.key for found in unfinished(tmp_path)] == ["job"]
    folder.mark_ingested({"label": "abc"})
    assert unfinished(tmp_path) == []
    assert folder.outcome() == {"state": "converged"}
    assert [found.key for found in every(tmp_path)] == ["job"]


def test_interrupted_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = JobFolder(tmp_path, "job")
    folder.write("result.json", {"a": 1})

    def no_space(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(OSError, match="No space"):
        folder.write("result.json", {"a": 2})
    monkeypatch.undo()
    assert folder.read("result.json") == {"a": 1}
    assert [path.name for path in folder.path.iterdir()] == ["result.json"]


def test_damaged_file_is_named(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path, "job")
    folder.mark_run_done({})
    (folder.path / "outcome.json").write_text('{"cut')
    with pytest.raises(IntegrityError, match=r"outcome\.json"):
        folder.outcome()


def test_live_rocket_keeps_another_out(tmp_path: Path) -> None:
    other = _hold(tmp_path)
    folder = JobFolder(tmp_path, "job")
    try:
        assert folder.is_locked()
        with pytest.raises(Interrupted, match="Another rocket"), folder.locked(patience_s=0.3):
            pass
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()
    with folder.locked(patience_s=0.3):
        assert list(holders(folder.path / ".lock")) == [os.getpid()]
    assert not folder.is_locked()


def test_orphan_keeps_the_lock_and_the_next_rocket_ends_it(tmp_path: Path) -> None:
    rocket = _hold(tmp_path, "child")
    folder = JobFolder(tmp_path, "job")
    both = set(holders(folder.path / ".lock"))
    rocket.send_signal(signal.SIGKILL)
    rocket.wait()
    (orphan,) = both - {rocket.pid}
    assert folder.is_locked()
    started = time.monotonic()
    with folder.locked(patience_s=5.0):
        assert time.monotonic() - started < 2.0
    assert not Path(f"/proc/{orphan}").exists() or "Z" in Path(f"/proc/{orphan}/stat").read_text()


def test_starting_over_keeps_only_the_lock(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path, "job")
    with folder.locked():
        folder.mark_staged({})
        (folder.path / "work").mkdir()
        (folder.path / "work" / "checkpoint").write_text("x")
        folder.start_over()
        assert [path.name for path in folder.path.iterdir()] == [".lock"]
        assert folder.is_locked()
    folder.remove()
    assert every(tmp_path) == []
