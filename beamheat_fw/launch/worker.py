"""The `env` of a worker file (my_fworker.yaml): what one machine or cluster offers to the work."""

from __future__ import annotations

import difflib
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from beamheat_fw.errors import InputError
from beamheat_fw.launch.outage import OUTAGE_LIMIT_S


class Worker(BaseModel):
    """What a worker offers. FireWorks hands it to a firetask as ``fw_spec["_fw_env"]``.

    Attributes
    ----------
    mpi : str
        How programs are started on ``{ranks}`` ranks: ``mpirun -np {ranks}``, ``srun -n {ranks}``.
    cores : int
        How many ranks one firework may use.
    gpu : bool
        Whether a CUDA device is there for training and MD.
    scratch : Path
        Where job folders live; ``$NAME`` and ``~`` are expanded. It should outlive the job, so that the next
        rocket finds the checkpoints; ``$BEAMHEAT_SCRATCH`` is the default, else ``.beamheat/scratch`` of the
        nearest folder above that has a ``.beamheat``, else a folder of this user in the temporary directory.
    walltime_s : float or None
        How long a worker process may run, where the scheduler does not tell its jobs, s.
    handover_s : float
        How long before the end the work is asked to write its checkpoint and hand over, s.
    allowed_tasks : tuple of str
        Firetasks (or packages of them) this worker runs beside ``beamheat_fw.firetasks``.
    outage_limit_s : float
        How long a rocket waits for a database that is away, s.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mpi: str = "mpirun -np {ranks}"
    cores: int = Field(default_factory=lambda: len(os.sched_getaffinity(0)), gt=0)
    gpu: bool = False
    scratch: Path = Field(default_factory=lambda: _default_scratch())
    walltime_s: float | None = Field(default=None, gt=0)
    handover_s: float = Field(default=120.0, ge=0)
    allowed_tasks: tuple[str, ...] = ()
    outage_limit_s: float = Field(default=OUTAGE_LIMIT_S, ge=0)

    @field_validator("mpi")
    @classmethod
    def _names_the_ranks(cls, mpi: str) -> str:
        if "{ranks}" not in mpi or re.sub(r"\{ranks\}", "", mpi).strip("{}") != re.sub(r"\{ranks\}", "", mpi):
            raise ValueError("must hold {ranks} where the number of ranks goes, as in 'srun -n {ranks}'")
        return mpi

    @field_validator("scratch", mode="before")
    @classmethod
    def _expanded(cls, scratch: Any) -> Any:
        if not isinstance(scratch, (str, Path)):
            return scratch
        expanded = os.path.expanduser(os.path.expandvars(str(scratch)))
        if "$" in expanded:
            raise ValueError("names an environment variable that is not set here")
        return Path(expanded).absolute()

    def mpi_command(self, ranks: int) -> list[str]:
        """Return the words that start a program on a number of MPI ranks."""
        return self.mpi.format(ranks=ranks).split()


def read_worker(env: Mapping[str, Any] | None) -> Worker:
    """Read the `env` of a worker file.

    Parameters
    ----------
    env : mapping or None
        As FireWorks hands it over.

    Raises
    ------
    InputError
        A key is unknown (the nearest known one is named) or a value is wrong.
    """
    try:
        return Worker.model_validate(dict(env or {}))
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
    key = str(problem["loc"][0])
    if problem["type"] == "extra_forbidden":
        near = difflib.get_close_matches(key, Worker.model_fields, n=1)
        fix = f"Did you mean {near[0]}?" if near else f"Known keys: {', '.join(Worker.model_fields)}."
        raise InputError("The worker file's env has an unknown key", fix, {"key": key})
    fix = f"Mend env.{key} in my_fworker.yaml: {problem['msg'].removeprefix('Value error, ')}."
    raise InputError("The worker file's env has a wrong value", fix, {key: problem["input"]})


def _default_scratch() -> Path:
    if named := os.environ.get("BEAMHEAT_SCRATCH"):
        return Path(named).absolute()
    here = Path.cwd()
    for folder in (here, *here.parents):
        if folder.name == ".beamheat":
            return folder / "scratch"
        if (folder / ".beamheat").is_dir():
            return folder / ".beamheat" / "scratch"
    return Path(tempfile.gettempdir()) / f"beamheat-{os.getuid()}" / "scratch"
