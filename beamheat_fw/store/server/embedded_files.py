"""The FireWorks files beside the embedded server: plain lpad, rlaunch and qlaunch work in its folder."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Final

#: Name of the database in the embedded server.
DATABASE: Final = "beamheat"

_LAUNCHPAD: Final = """\
# Written by `beamheat db start`: the embedded MongoDB of this folder.
uri_mode: true
host: {uri}
name: {database}
"""

_FWORKER: Final = """\
# This machine as a FireWorks worker for work of every category. For all of env see launchers/my_fworker.yaml.
name: local
category: ''
query: '{{}}'
env:
  mpi: mpirun -np {{ranks}}
  scratch: {folder}/scratch
"""

_QADAPTER: Final = """\
# What qlaunch submits to Slurm. The embedded server serves this machine alone; for a cluster see launchers/.
_fw_name: CommonAdapter
_fw_q_type: SLURM
# exec: the batch shell becomes the worker, so that Slurm's signals reach it.
rocket_launch: exec {beamheat} rlaunch -l {folder}/my_launchpad.yaml -w {folder}/my_fworker.yaml rapidfire
signal: B:USR1@300
nodes: 1
ntasks: 2
walltime: '01:00:00'
queue: null
account: null
job_name: beamheat
pre_rocket: export OMP_NUM_THREADS=1
"""

_CONFIG: Final = """\
# FireWorks settings of this folder; `export FW_CONFIG_FILE={folder}/FW_config.yaml` uses them anywhere.
LAUNCHPAD_LOC: {folder}/my_launchpad.yaml
FWORKER_LOC: {folder}/my_fworker.yaml
QUEUEADAPTER_LOC: {folder}/my_qadapter.yaml
PING_TIME_SECS: 60
RAPIDFIRE_SLEEP_SECS: 5
SORT_FWS: FIFO
"""


def write_config_files(folder: Path, uri: str) -> None:
    """Write my_launchpad.yaml anew, and the other files where there is none: those are the user's to edit.

    Parameters
    ----------
    folder : Path
        The embedded server's folder, absolute.
    uri : str
        Its connection string.
    """
    beamheat = Path(sys.executable).with_name("beamheat")
    program = str(beamheat) if beamheat.exists() else shutil.which("beamheat") or "beamheat"
    _write_whole(folder / "my_launchpad.yaml", _LAUNCHPAD.format(uri=uri, database=DATABASE))
    others = {
        "my_fworker.yaml": _FWORKER.format(folder=folder),
        "my_qadapter.yaml": _QADAPTER.format(beamheat=program, folder=folder),
        "FW_config.yaml": _CONFIG.format(folder=folder),
    }
    for name, text in others.items():
        if not (folder / name).exists():
            _write_whole(folder / name, text)


def _write_whole(path: Path, text: str) -> None:
    temporary = path.with_suffix(".tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
