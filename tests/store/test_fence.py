"""A rocket that has been replaced cannot write."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fireworks import Firework, FWAction, FWorker, Launch, ScriptTask
from fireworks.core.rocket_launcher import launch_rocket

from beamheat_fw.errors import Fenced
from beamheat_fw.store.database import Store
from beamheat_fw.store.documents import Round
from beamheat_fw.store.fence import fence, write_fenced
from beamheat_fw.store.rounds import load_round, upsert_round

if TYPE_CHECKING:
    from fireworks import LaunchPad


def _launched(launchpad: LaunchPad) -> int:
    launchpad.add_wf(Firework(ScriptTask.from_str("true")))
    _, launch_id = launchpad.checkout_fw(FWorker(), "/tmp")
    return launch_id


def test_running_launch_writes(store: Store, launchpad: LaunchPad) -> None:
    launch_id = _launched(launchpad)
    write_fenced(
        store, launch_id, lambda session: upsert_round(store, "c", 1, session=session, verdict="yes")
    )
    assert load_round(store, "c", 1).verdict == "yes"


def test_fenced_launch_is_still_one_fireworks_can_read_and_complete(
    store: Store, launchpad: LaunchPad, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    launchpad.add_wf(Firework(ScriptTask.from_str("true")))
    launch_id = _launched(launchpad)
    with fence(store, launch_id):
        pass
    assert isinstance(launchpad.get_launch_by_id(launch_id), Launch)
    launchpad.complete_launch(launch_id, FWAction(), "COMPLETED")
    assert launch_rocket(launchpad, FWorker())
    assert {launchpad.get_fw_by_id(fw_id).state for fw_id in launchpad.get_fw_ids()} == {"COMPLETED"}


@pytest.mark.parametrize("how", ["rerun", "lost", "unknown"])
def test_replaced_launch_writes_nothing(store: Store, launchpad: LaunchPad, how: str) -> None:
    launch_id = _launched(launchpad)
    fw_id = launchpad.get_launch_by_id(launch_id).fw_id
    if how == "rerun":
        launchpad.rerun_fw(fw_id)
        launchpad.checkout_fw(FWorker(), "/tmp")
    elif how == "lost":
        launchpad.detect_lostruns(expiration_secs=-1, fizzle=True)
    else:
        launch_id = 999
    with pytest.raises(Fenced):
        write_fenced(store, launch_id, lambda session: upsert_round(store, "c", 1, session=session))
    assert store.collection(Round).count_documents({}) == 0


def test_launch_replaced_while_it_writes_loses_everything(store: Store, launchpad: LaunchPad) -> None:
    launch_id = _launched(launchpad)
    calls = []

    def write(session: object) -> None:
        upsert_round(store, "c", len(calls), session=session)
        calls.append(1)

    def failing(session: object) -> None:
        write(session)
        raise ValueError("the rocket dies here")

    with pytest.raises(ValueError, match="dies here"):
        write_fenced(store, launch_id, failing)
    assert store.collection(Round).count_documents({}) == 0


def test_heartbeat_and_fenced_writes_do_not_disturb_each_other(store: Store, launchpad: LaunchPad) -> None:
    from threading import Event, Thread

    launch_id = _launched(launchpad)
    stop = Event()

    def ping() -> None:
        while not stop.is_set():
            launchpad.ping_launch(launch_id)

    heart = Thread(target=ping)
    heart.start()
    try:
        for number in range(20):
            write_fenced(
                store, launch_id, lambda session, n=number: upsert_round(store, "c", n, session=session)
            )
    finally:
        stop.set()
        heart.join()
    assert store.collection(Round).count_documents({}) == 20
