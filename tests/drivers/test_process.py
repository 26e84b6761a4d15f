"""Child programs end as asked, with everything they started."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from beamheat_fw.drivers.process import ChildProcess, Command, run_to_end
from beamheat_fw.errors import CalculationError, DiskFull, InputError, Interrupted

SLEEP_WITH_GRANDCHILD = """
import os, subprocess, sys, time
child = subprocess.Popen(["sleep", "60"], process_group=0)
open("pids.tmp", "w").write(f"{os.getpid()} {child.pid}")
os.rename("pids.tmp", "pids")
time.sleep(60)
"""


def python(code: str, folder: Path) -> Command:
    return Command([sys.executable, "-c", code], folder, folder / "log.txt", os.environ)


def wait_for(path: Path) -> str:
    deadline = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} did not appear"
        time.sleep(0.02)
    return path.read_text()


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def gone(*pids: int) -> bool:
    deadline = time.monotonic() + 10
    while any(alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not any(alive(pid) for pid in pids)


def test_failure_carries_status_and_tail_of_the_log(tmp_path):
    code = "import sys; print(*range(100), sep='\\n'); print('the reason'); sys.exit(3)"
    with pytest.raises(CalculationError) as caught:
        run_to_end(python(code, tmp_path), stop=lambda: False)
    assert caught.value.values["rc"] == 3
    assert caught.value.values["log_tail"].splitlines()[-1] == "the reason"
    assert "\n5\n" not in caught.value.values["log_tail"]


def test_missing_program_is_named(tmp_path):
    with pytest.raises(InputError) as caught:
        ChildProcess(Command(["no-such-program"], tmp_path, tmp_path / "log.txt", {}))
    assert caught.value.values["program"] == "no-such-program"


def test_stop_lets_the_child_write_its_checkpoint(tmp_path):
    code = (
        "import signal, sys, time\n"
        "def leave(*_):\n    open('checkpoint', 'w').close(); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, leave)\nopen('ready', 'w').close()\ntime.sleep(60)"
    )
    with pytest.raises(Interrupted):
        run_to_end(python(code, tmp_path), stop=(tmp_path / "ready").exists)
    assert (tmp_path / "checkpoint").exists()


def test_a_child_that_ignores_sigterm_is_killed_after_the_grace(tmp_path):
    code = (
        "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "open('ready', 'w').close()\ntime.sleep(60)"
    )
    started = time.monotonic()
    with pytest.raises(Interrupted):
        run_to_end(python(code, tmp_path), stop=(tmp_path / "ready").exists, grace_s=0.3)
    assert time.monotonic() - started < 10


def test_leaving_the_context_ends_grandchildren_in_other_process_groups(tmp_path):
    with ChildProcess(python(SLEEP_WITH_GRANDCHILD, tmp_path)):
        pids = [int(pid) for pid in wait_for(tmp_path / "pids").split()]
        assert all(alive(pid) for pid in pids)
    assert gone(*pids)


def test_a_killed_parent_takes_its_child_along(tmp_path):
    code = (
        "import os, sys; from pathlib import Path\n"
        "from beamheat_fw.drivers.process import Command, run_to_end\n"
        "here = Path.cwd()\n"
        'child = \'import os,time; open("pid.tmp","w").write(str(os.getpid()));\'\\\n'
        '        \'os.rename("pid.tmp","pid"); time.sleep(60)\'\n'
        "run_to_end(Command([sys.executable, '-c', child], here, here / 'log', os.environ), lambda: False)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path)
    child = int(wait_for(tmp_path / "pid"))
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert gone(child)


def test_inheritable_lock_lives_as_long_as_the_child(tmp_path):
    import fcntl

    path = tmp_path / "lock"
    lock = os.open(path, os.O_CREAT | os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    os.set_inheritable(lock, True)
    with ChildProcess(python("import time; time.sleep(60)", tmp_path)):
        os.close(lock)
        with path.open() as other, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with path.open() as other:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_child_that_a_signal_to_both_ended_first_was_stopped_and_has_not_failed(tmp_path):
    """As when a scheduler ends a job: else a structure in flight would be counted as one that kills ranks."""
    code = "import os, signal; open('ready', 'w').close(); os.kill(os.getpid(), signal.SIGTERM)"
    child = ChildProcess(python(code, tmp_path))
    wait_for(tmp_path / "ready")
    child._popen.wait(20)
    with child, pytest.raises(Interrupted):
        list(child.ticks(stop=lambda: True))


@pytest.mark.parametrize("said", [os.strerror(errno.ENOSPC), os.strerror(errno.EDQUOT)])
def test_full_disk_is_told_from_other_failures_of_this_program(tmp_path, said):
    (tmp_path / "log.txt").write_text(f"{said}\n")  # of an earlier one
    with pytest.raises(CalculationError):
        run_to_end(python("import sys; sys.exit('wrong input')", tmp_path), stop=lambda: False)
    with pytest.raises(DiskFull, match=said):
        run_to_end(python(f"import sys; sys.exit({said!r})", tmp_path), stop=lambda: False)
    assert not list(tmp_path.glob("room*"))
