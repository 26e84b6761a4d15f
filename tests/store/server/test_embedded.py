"""The embedded server: one at a time, private, and back after a crash."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from pymongo import MongoClient

from beamheat_fw.errors import InputError
from beamheat_fw.store.server import mongod as program
from beamheat_fw.store.server.embedded import EmbeddedServer


@pytest.fixture
def server() -> Iterator[EmbeddedServer]:
    folder = Path(tempfile.mkdtemp(prefix="bh-", dir="/tmp"))
    made = EmbeddedServer(folder / "b")
    yield made
    made.stop()
    shutil.rmtree(folder)


def _count(server: EmbeddedServer) -> int:
    with MongoClient(server.uri, serverSelectionTimeoutMS=5000) as client:
        return client["t"]["x"].count_documents({})


def _insert(server: EmbeddedServer) -> None:
    with MongoClient(server.uri, w="majority", serverSelectionTimeoutMS=5000) as client:
        client["t"]["x"].insert_one({"a": 1})


def _sockets(pid: int) -> tuple[list[str], list[str]]:
    """TCP sockets and the paths of unix sockets of a process."""
    inodes = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            inodes.add(os.readlink(link).removeprefix("socket:[").removesuffix("]"))
    rows = {name: Path(f"/proc/net/{name}").read_text().splitlines()[1:] for name in ("tcp", "tcp6", "unix")}
    tcp = [row for name in ("tcp", "tcp6") for row in rows[name] if row.split()[9] in inodes]
    unix = [row.split() for row in rows["unix"]]
    return tcp, [row[7] for row in unix if row[6] in inodes and len(row) > 7]


def test_killed_server_comes_back_with_its_data(server: EmbeddedServer) -> None:
    assert server.start()
    _insert(server)
    pid = server.status()["pid"]
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert not server.is_running()
    assert server.socket_path.exists(), "a killed mongod leaves its socket behind"
    assert server.start()
    assert _count(server) == 1
    assert server.stop()
    assert not server.stop()


def test_several_starts_at_once_make_one_server(server: EmbeddedServer) -> None:
    code = (
        "import sys, pathlib; from beamheat_fw.store.server.embedded import EmbeddedServer as E; "
        "print(E(pathlib.Path(sys.argv[1])).start())"
    )
    with ThreadPoolExecutor() as pool:
        runs = list(
            pool.map(
                lambda _: subprocess.run(
                    [sys.executable, "-c", code, str(server.folder)],
                    capture_output=True,
                    text=True,
                    check=True,
                ).stdout.strip(),
                range(3),
            )
        )
    assert sorted(runs) == ["False", "False", "True"]


def test_pid_of_another_process_is_not_taken_for_the_server(server: EmbeddedServer) -> None:
    server.data.mkdir(parents=True)
    (server.data / "mongod.lock").write_text(f"{os.getpid()}\n")
    assert program.pid_serving(server.data) is None
    assert not server.stop()
    assert server.start()


def test_server_listens_on_private_sockets_only(server: EmbeddedServer) -> None:
    server.start()
    assert stat.S_IMODE(server.folder.stat().st_mode) == 0o700
    pid = server.status()["pid"]
    tcp, unix = _sockets(pid)
    assert not tcp
    assert unix
    assert all(path.startswith(f"{server.folder}/") for path in unix)


def test_moved_folder_is_served_at_its_new_place(server: EmbeddedServer) -> None:
    server.start()
    _insert(server)
    server.stop()
    moved = EmbeddedServer(server.folder.parent / ("m" * 90) / "b")
    moved.folder.parent.mkdir()
    server.folder.rename(moved.folder)
    try:
        assert len(str(moved.socket_path)) < 100
        assert moved.start()
        assert _count(moved) == 1
    finally:
        moved.stop()
        shutil.rmtree(moved.socket_path.parent)


def test_missing_program_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BEAMHEAT_MONGOD", str(tmp_path / "none"))
    with pytest.raises(InputError, match="BEAMHEAT_MONGOD"):
        EmbeddedServer(tmp_path / "b").start()
    assert not (tmp_path / "b").exists()
