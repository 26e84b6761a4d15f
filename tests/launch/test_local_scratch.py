"""Working on a node's own disk: what lies in the job folder could be gone on with at any moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from rocket_bench import wait_until

from beamheat_fw.errors import InputError
from beamheat_fw.launch.local_scratch import _WayBack, near


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """A job folder with something in it, and a node's disk."""
    folder, disk = tmp_path / "work", tmp_path / "disk"
    (folder / "deep").mkdir(parents=True)
    disk.mkdir()
    (folder / "input").write_text("frames")
    (folder / "deep" / "old").write_text("1")
    return folder, disk


def test_everything_comes_back_whole(folders: tuple[Path, Path]) -> None:
    folder, disk = folders
    with near(folder, disk, 1000.0) as (here, bring_back):
        assert disk in here.parents
        assert (here / "input").read_text() == "frames"
        (here / "deep" / "old").unlink()
        (here / "deep" / "new").write_text("2")
        (here / "half.tmp").write_text("hal")
        assert not (folder / "deep" / "new").exists()
        bring_back()
        assert (folder / "deep" / "new").read_text() == "2"
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()) == [
        "deep/new",
        "input",
    ]
    assert list(disk.iterdir()) == []


def test_everything_comes_back_when_the_work_is_interrupted(folders: tuple[Path, Path]) -> None:
    folder, disk = folders

    def work() -> None:
        with near(folder, disk, 1000.0) as (here, _):
            (here / "checkpoint").write_text("7")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert (folder / "checkpoint").read_text() == "7"


def test_without_a_disk_the_folder_itself_is_used(folders: tuple[Path, Path]) -> None:
    with near(folders[0], None, 1.0) as (here, _):
        assert here == folders[0]
    with pytest.raises(InputError, match="no local scratch"), near(folders[0], folders[1] / "x", 1.0):
        pass


def test_checkpoint_is_never_there_without_what_was_written_before_it(folders: tuple[Path, Path]) -> None:
    folder, disk = folders
    (here := disk / "work").mkdir()
    over = threading.Event()

    def write() -> None:
        step = 0
        with (here / "series").open("w") as series:
            while not over.is_set():
                step += 1
                series.write(f"{step} {'x' * 2000}\n")
                series.flush()
                (here / "draft.tmp").write_text(str(step))
                (here / "draft.tmp").rename(here / "checkpoint")

    back = _WayBack(here, folder, disk)
    writer = threading.Thread(target=write)
    writer.start()
    checkpoints = set()
    try:
        for _ in range(60):
            back.bring()
            if (folder / "checkpoint").exists():
                checkpoints.add(step := int((folder / "checkpoint").read_text()))
                assert (folder / "series").read_text().count("\n") >= step
    finally:
        over.set()
        writer.join()
    assert len(checkpoints) > 3
    back.bring()
    assert (folder / "checkpoint").read_text() == (here / "checkpoint").read_text()


_ENDLESS = """
import sys, time
from pathlib import Path
from beamheat_fw.launch.local_scratch import near
with near(Path(sys.argv[1]), Path(sys.argv[2]), 0.05) as (here, _):
    for step in range(10**6):
        (here / "d.tmp").write_text(str(step))
        (here / "d.tmp").rename(here / "checkpoint")
        time.sleep(0.01)
"""


def test_killed_work_has_left_its_checkpoint(folders: tuple[Path, Path]) -> None:
    folder, disk = folders
    work = subprocess.Popen([sys.executable, "-c", _ENDLESS, str(folder), str(disk)], env=dict(os.environ))
    checkpoint = folder / "checkpoint"
    wait_until(lambda: checkpoint.exists() and int(checkpoint.read_text()) > 5, "a checkpoint")
    work.send_signal(signal.SIGKILL)
    work.wait()
    reached = int(checkpoint.read_text())
    with near(folder, disk, 1000.0) as (here, _):
        assert int((here / "checkpoint").read_text()) == reached
