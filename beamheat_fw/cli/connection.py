"""From the ``-l`` option to a LaunchPad that answers, and to the place where ``beamheat run`` works."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from beamheat_fw.cli.local_workers import LocalWorker, LocalWorkers

if TYPE_CHECKING:
    from beamheat_fw.launch.launchpad import SurvivingLaunchPad
    from beamheat_fw.store.server.embedded import EmbeddedServer


def connect(launchpad: Path | None = None, *, to_write: bool = True) -> SurvivingLaunchPad:
    """Return the LaunchPad of the launchpad file in force.

    Raises
    ------
    InputError
        There is no such file, the database does not answer, another release wrote it, or its user may not
        write where that is needed.
    """
    from beamheat_fw.launch.launchpad import SurvivingLaunchPad
    from beamheat_fw.store.server.launchpad_file import find_launchpad_file, open_store, read_launchpad_file

    path = find_launchpad_file(launchpad)
    open_store(path, to_write=to_write)
    return SurvivingLaunchPad.from_dict(read_launchpad_file(path).settings | {"strm_lvl": "WARNING"})


@dataclass(frozen=True)
class LocalSite:
    """Where ``beamheat run`` works: a folder of this machine and a database.

    Attributes
    ----------
    folder : Path
        ``.beamheat``: launches, scratch and worker files.
    launchpad_file : Path
    server : EmbeddedServer or None
        The embedded server, when it is the database.
    """

    folder: Path
    launchpad_file: Path
    server: EmbeddedServer | None

    @property
    def scratch(self) -> Path:
        """Where job folders live."""
        return self.folder / "scratch"

    def ensure_server(self) -> None:
        """Start the embedded server unless it runs: it may have been killed."""
        if self.server is not None and not self.server.is_running():
            self.server.start()

    def server_pids(self) -> list[int]:
        """Return the embedded server's process id."""
        pid = self.server.status()["pid"] if self.server is not None else None
        return [pid] if pid else []

    def workers(self) -> LocalWorkers:
        """Return this machine's workers, not started yet: one for everything, one more for training.

        Labelling and MD use all cores through MPI, so only one of them runs at a time; members train side
        by side.
        """
        cores = len(os.sched_getaffinity(0))
        first = self._worker_file("all", ["dft", "train", "md", "light"])
        others = [
            self._worker_file(f"train{number}", ["train", "light"]) for number in range(1, min(cores, 4))
        ]
        workers = [LocalWorker(path.stem, path) for path in (first, *others)]
        return LocalWorkers(self.launchpad_file, self._config_file(), self.folder / "launches", workers)

    def _config_file(self) -> Path:
        path = self.folder / "workers" / "FW_config.yaml"
        path.write_text("PING_TIME_SECS: 30\nSORT_FWS: FIFO\n")
        return path

    def _worker_file(self, name: str, categories: list[str]) -> Path:
        path = self.folder / "workers" / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        env: dict[str, Any] = {"scratch": str(self.scratch)}
        path.write_text(json.dumps({"name": name, "category": categories, "query": "{}", "env": env}))
        return path


def local_site(launchpad: Path | None = None) -> LocalSite:
    """Return where to work: with the database asked for, else with the embedded one, which is started."""
    from beamheat_fw.store.server.launchpad_file import embedded_server, find_launchpad_file

    server = embedded_server()
    if launchpad is not None or os.environ.get("BEAMHEAT_LAUNCHPAD"):
        path = find_launchpad_file(launchpad)
        return LocalSite(server.folder, path, server if path == server.launchpad_file else None)
    server.start()
    return LocalSite(server.folder, server.launchpad_file, server)
