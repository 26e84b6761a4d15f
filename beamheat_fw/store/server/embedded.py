"""The embedded MongoDB: one user's server on one machine, behind a unix socket in a 0700 folder."""

from __future__ import annotations

import fcntl
import hashlib
import os
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pymongo import MongoClient

from beamheat_fw.disk_space import check_room
from beamheat_fw.errors import InputError, StoreError
from beamheat_fw.store.server import mongod
from beamheat_fw.store.server.embedded_files import DATABASE, write_config_files

#: A unix socket's path holds 107 bytes; mongod's second socket beside it has a name of 18.
LONGEST_FOLDER: Final = 85
_SOCKET: Final = "mongod.sock"
_START_S: Final = 60.0
_STOP_S: Final = 60.0


@dataclass(frozen=True)
class EmbeddedServer:
    """The embedded MongoDB of one folder, usually a checkout's ``.beamheat``.

    Attributes
    ----------
    folder : Path
        Holds ``db`` (the data: delete it and they are gone), ``mongod.log`` and the FireWorks files of this
        server.
    """

    folder: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "folder", self.folder.absolute())

    @property
    def data(self) -> Path:
        """The folder of the data."""
        return self.folder / "db"

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.folder / "mongod.log"

    @property
    def launchpad_file(self) -> Path:
        """The launchpad file that leads to this server."""
        return self.folder / "my_launchpad.yaml"

    @property
    def socket_path(self) -> Path:
        """The socket: in the folder, or in a short one of this user when the folder's path is too long."""
        if len(os.fsencode(self.folder)) <= LONGEST_FOLDER:
            return self.folder / _SOCKET
        name = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:12]
        return Path("/tmp") / f"beamheat-{os.getuid()}-{name}" / _SOCKET

    @property
    def uri(self) -> str:
        """The connection string."""
        return mongod.uri(self.socket_path)

    def is_running(self) -> bool:
        """Return whether the server accepts connections."""
        return mongod.answers(self.socket_path)

    def status(self) -> dict[str, Any]:
        """Return what is to be known about the server, as plain data."""
        pid = mongod.pid_serving(self.data)
        return {
            "running": self.is_running(),
            "pid": pid,
            "folder": str(self.folder),
            "data": str(self.data),
            "socket": str(self.socket_path),
            "uri": self.uri,
            "launchpad_file": str(self.launchpad_file),
            "log": str(self.log),
        }

    def start(self) -> bool:
        """Start the server and write its FireWorks files; return False when it was running already.

        Safe to call at once from several processes, after a crash of the server and after a reboot.

        Raises
        ------
        InputError
            There is no mongod, or the folder cannot be used.
        StoreError
            The server does not come up; the message has the end of its log.
        DiskFull
            It does not for want of disk space.
        """
        program = mongod.find_mongod()
        self.prepare()
        with self._lock():
            running = mongod.pid_serving(self.data) is not None
            if not running:
                self.socket_path.unlink(missing_ok=True)
                self._launch(program)
            else:
                mongod.begin_replica_set(self.socket_path, time.monotonic() + _START_S)
            self._begin_launchpad()
        return not running

    def prepare(self) -> None:
        """Make the folders and write the FireWorks files of this server, which need not run.

        Raises
        ------
        InputError
            The folder cannot be used.
        """
        self._make_folders()
        write_config_files(self.folder, self.uri)

    def stop(self) -> bool:
        """Stop the server cleanly; return False when it was not running.

        Raises
        ------
        StoreError
            It goes on running.
        """
        if not self.folder.is_dir():
            return False
        with self._lock():
            pid = mongod.pid_serving(self.data)
            if pid is None:
                return False
            os.kill(pid, signal.SIGTERM)
            deadline = time.monotonic() + _STOP_S
            while mongod.serves(pid, self.data):
                if time.monotonic() > deadline:
                    raise StoreError(
                        "The MongoDB server does not stop", "See its log.", {"log": str(self.log)}
                    )
                time.sleep(0.05)
        return True

    def _make_folders(self) -> None:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder.chmod(0o700)
            self.data.mkdir(mode=0o700, exist_ok=True)
            self.socket_path.parent.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise InputError(
                "The database's folder cannot be made",
                "Choose another one with --folder.",
                {"folder": str(self.folder), "reason": str(error)},
            ) from None
        found = self.socket_path.parent.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
            raise InputError(
                "The socket's folder is open to others",
                "Remove it, or choose a folder with a shorter path with --folder.",
                {"folder": str(self.socket_path.parent)},
            )

    @contextmanager
    def _lock(self) -> Iterator[None]:
        with (self.folder / "server.lock").open("a") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield

    def _launch(self, program: Path) -> None:
        command = mongod.arguments(program, self.data, self.socket_path, self.log)
        with (self.folder / "mongod.out").open("wb") as output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                cwd="/",
            )
        deadline = time.monotonic() + _START_S
        while not self.is_running():
            if process.poll() is not None or time.monotonic() > deadline:
                raise self._did_not_start(process)
            time.sleep(0.05)
        try:
            mongod.begin_replica_set(self.socket_path, deadline, lambda: process.poll() is None)
        except StoreError:
            if process.poll() is None:
                raise
            raise self._did_not_start(process) from None

    def _begin_launchpad(self) -> None:
        # FireWorks counts in this document; plain lpad would ask for a reset, which erases, to make it.
        counters = {"next_fw_id": 1, "next_launch_id": 1}
        client: MongoClient = MongoClient(self.uri, w="majority", serverSelectionTimeoutMS=5000)
        with client:
            client[DATABASE].fw_id_assigner.update_one({"_id": -1}, {"$setOnInsert": counters}, upsert=True)

    def _did_not_start(self, process: subprocess.Popen) -> StoreError:
        status = process.poll()
        if status is None:
            process.kill()
        tail = self.log.read_text(errors="replace")[-20_000:] if self.log.is_file() else ""
        check_room(self.data, tail)
        return StoreError(
            "The embedded MongoDB did not start",
            "Another server may hold the data folder: see the log.",
            {"exit_status": status, "log": str(self.log), "end_of_log": tail[-600:]},
        )
