"""Two clusters, each with a Slurm of its own, and a database on their network; up once for all tests here."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

for folder in (Path(__file__).parent, Path(__file__).parents[1] / "rockets"):
    sys.path.insert(0, str(folder))

from cluster_site import Cluster, Desk, Site  # noqa: E402


@pytest.fixture(scope="session")
def site(fast_folder: Path) -> Iterator[Site]:
    """The site; `make test` installs what it needs."""
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    missing = [name for name in ("slurmctld", "slurmd", "squeue", "munged") if not shutil.which(name)]
    if missing:
        pytest.fail(f"not installed: {', '.join(missing)}; run launchers/set_up.sh --tests")
    folder = fast_folder / "s"
    folder.mkdir()
    site = Site(
        folder,
        [
            Cluster("genoa", 1, folder / "genoa", ["dft", "light"]),
            Cluster("hopper", 2, folder / "hopper", ["train", "md"]),
        ],
    )
    try:
        site.start()
        yield site
    finally:
        site.stop()


@pytest.fixture
def desk(site: Site) -> Iterator[Desk]:
    """A fresh database, and the files of a user on both clusters that lead to it."""
    with site.desk("test") as desk:
        yield desk
