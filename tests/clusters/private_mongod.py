"""A mongod of the tests' own that listens on a virtual network and asks for a password."""

from __future__ import annotations

import secrets
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from machines import Machine
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from beamheat_fw.store.server.mongod import find_mongod

ADDRESS = "10.77.0.1"
_PORT = 27017
_REPLICA_SET = "site"
_START_S = 60.0
USER = "beamheat"


@dataclass
class PrivateMongod:
    """A replica set of one member with authentication, on a machine of the tests.

    The machines reach it at `ADDRESS`, the tests through a socket in its folder, hidden from the clusters.

    Attributes
    ----------
    machine : Machine
    folder : Path
        Short: it holds a unix socket.
    """

    machine: Machine
    folder: Path
    password: str = field(default_factory=lambda: secrets.token_urlsafe(12), repr=False)
    _process: subprocess.Popen[Any] | None = field(default=None, repr=False)

    @property
    def uri(self) -> str:
        """How a machine of a cluster connects: without a password, which comes from the environment."""
        return f"mongodb://{ADDRESS}:{_PORT}/?replicaSet={_REPLICA_SET}"

    @property
    def direct_uri(self) -> str:
        """How the tests connect, whom no cut cable concerns."""
        return f"mongodb://{quote_plus(str(self.folder / 'm.sock'))}/?directConnection=true"

    def begin(self) -> None:
        """Make the data folder, the replica set and the user; the server runs then."""
        (self.folder / "db").mkdir(parents=True)
        self.machine.run("ip", "address", "add", f"{ADDRESS}/32", "dev", "lo")
        key = self.folder / "key"
        key.write_text(secrets.token_hex(32))
        key.chmod(0o400)
        self.start()
        # Until there is a user, whoever comes through the server's own socket may make one.
        with MongoClient(self.direct_uri) as nobody:
            members = [{"_id": 0, "host": f"{ADDRESS}:{_PORT}"}]
            nobody.admin.command("replSetInitiate", {"_id": _REPLICA_SET, "members": members})
            self._until_primary(nobody)
            nobody.admin.command("createUser", USER, pwd=self.password, roles=["root"])

    def start(self) -> None:
        """Start the server, after a kill too, and wait until it answers."""
        self._process = self.machine.start_program(
            str(find_mongod()),
            *("--dbpath", str(self.folder / "db"), "--bind_ip", f"{ADDRESS},{self.folder}/m.sock"),
            *("--port", str(_PORT), "--unixSocketPrefix", str(self.folder), "--filePermissions", "0600"),
            *("--replSet", _REPLICA_SET, "--keyFile", str(self.folder / "key"), "--auth"),
            *("--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "128"),
            *("--setParameter", "diagnosticDataCollectionEnabled=false"),
            *("--setParameter", "transactionLifetimeLimitSeconds=5"),
            cwd=self.folder,
            log=self.folder / "mongod.log",
        )
        give_up_at = time.monotonic() + _START_S
        while True:
            try:
                with MongoClient(
                    self.direct_uri,
                    serverSelectionTimeoutMS=500,
                ) as client:
                    client.admin.command("ping")
                    return
            except PyMongoError:
                if self._process.poll() is not None or time.monotonic() > give_up_at:
                    raise

    def kill(self) -> None:
        """Kill the server as a crash would, and wait for its end."""
        assert self._process is not None
        self.machine.kill((self.folder / "db" / "mongod.lock").read_text().strip())
        self._process.wait(_START_S)

    def _until_primary(self, client: MongoClient) -> None:
        give_up_at = time.monotonic() + _START_S
        while not client.admin.command("hello").get("isWritablePrimary"):
            if time.monotonic() > give_up_at:
                raise RuntimeError("the replica set has no primary")
            time.sleep(0.05)
