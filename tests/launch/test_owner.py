from __future__ import annotations

import subprocess
import time

from beamheat_fw.launch.owner import Fate, fate, this_process


def test_this_process_is_alive() -> None:
    assert fate(this_process()) is Fate.ALIVE


def test_process_id_used_again_is_another_process() -> None:
    assert fate({**this_process(), "started": 1}) is Fate.DEAD


def test_ended_and_zombie_processes_are_dead() -> None:
    child = subprocess.Popen(["sleep", "0"])
    time.sleep(0.2)
    owner = {**this_process(), "pid": child.pid, "started": 1}
    assert fate(owner) is Fate.DEAD
    child.wait()
    assert fate(owner) is Fate.DEAD


def test_process_from_before_a_reboot_is_dead() -> None:
    assert fate({**this_process(), "boot_id": "another"}) is Fate.DEAD


def test_nothing_is_proven_about_elsewhere() -> None:
    for elsewhere in ({"host": "x"}, {"machine_id": "x"}, {"pid_namespace": "pid:[1]"}):
        assert fate({**this_process(), **elsewhere, "pid": 2**22 + 1}) is Fate.UNKNOWN
    for nonsense in (None, True, {}, {"watched_since": "x"}):
        assert fate(nonsense) is Fate.UNKNOWN  # type: ignore[arg-type]
