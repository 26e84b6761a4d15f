"""One real MongoDB server for the whole test run; every test that asks gets a database of its own."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from beamheat_fw.store.database import Store
from beamheat_fw.store.schema.versions import ensure_schema
from beamheat_fw.store.server.embedded import EmbeddedServer

if TYPE_CHECKING:
    from fireworks import LaunchPad
    from pymongo import MongoClient


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker of FireWorks' own tests, which it imports when it looks for a firetask's name."""
    config.addinivalue_line("markers", "mongodb: of FireWorks' own tests")


@pytest.fixture(scope="session")
def fast_folder() -> Iterator[Path]:
    """A short folder for servers, in memory where there is enough of it.

    A server waits for the disk at each index of each fresh database, and at each write that must not be lost.
    """
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2 << 30
    folder = Path(tempfile.mkdtemp(prefix="bh-", dir=memory if roomy else "/tmp"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def mongod(fast_folder: Path) -> Iterator[EmbeddedServer]:
    """The session's embedded server."""
    server = EmbeddedServer(fast_folder / "b")
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def mongo_client(mongod: EmbeddedServer) -> Iterator[MongoClient]:
    """A client of the session's server."""
    from pymongo import MongoClient

    with MongoClient(mongod.uri, serverSelectionTimeoutMS=5000) as client:
        yield client


@pytest.fixture
def store(mongo_client: MongoClient) -> Iterator[Store]:
    """A store in a fresh database, with its indexes."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    fresh = Store(mongo_client[name])
    ensure_schema(fresh)
    yield fresh
    mongo_client.drop_database(name)


@pytest.fixture
def launchpad_file(store: Store, mongod: EmbeddedServer, tmp_path: Path) -> Path:
    """A launchpad file that leads to the test's fresh database."""
    path = tmp_path / "my_launchpad.yaml"
    path.write_text(f"uri_mode: true\nhost: {mongod.uri}\nname: {store.db.name}\n")
    return path


@pytest.fixture
def launchpad(launchpad_file: Path) -> LaunchPad:
    """FireWorks' own LaunchPad on the test's fresh database, reset."""
    from fireworks import LaunchPad

    pad = LaunchPad.from_file(str(launchpad_file))
    pad.reset("", require_password=False)
    return pad
