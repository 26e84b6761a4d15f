"""Real rockets: a database, workers as child processes, and means to kill either; labels to lose."""

import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

sys.path.insert(0, str(Path(__file__).parents[1] / "rockets"))

from campaign_outcome import outcome
from labelling_bench import LabellingBench, labelling_bench_on, structures
from rocket_bench import bench, fragile_bench, own_server, server_to_kill  # noqa: F401

from beamheat_fw.store.database import Store
from beamheat_fw.store.server.embedded import EmbeddedServer


@pytest.fixture
def labelling(launchpad_file: Path, store: Store, tmp_path: Path) -> Iterator[LabellingBench]:
    """A bench for the labels of campaigns."""
    with labelling_bench_on(launchpad_file, store, tmp_path) as labelling:
        yield labelling


@pytest.fixture(scope="session")
def calm(
    mongod: EmbeddedServer, mongo_client: MongoClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Any]]:
    """What the labels of a campaign and its first dataset come to when nothing disturbs them."""
    folder = tmp_path_factory.mktemp("calm")
    name = f"calm_{uuid.uuid4().hex[:12]}"
    file = folder / "my_launchpad.yaml"
    file.write_text(f"uri_mode: true\nhost: {mongod.uri}\nname: {name}\n")
    with labelling_bench_on(file, Store(mongo_client[name]), folder) as undisturbed:
        undisturbed.begin(structures())
        undisturbed.work_off()
        yield outcome(mongo_client[name])
    mongo_client.drop_database(name)
