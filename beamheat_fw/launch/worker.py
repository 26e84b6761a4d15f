"""The `env` of a worker file (my_fworker.yaml): what one machine or cluster offers to the work."""

from __future__ import annotations

import difflib
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from beamheat_fw.errors import InputError
from beamheat_fw.launch.outage import OUTAGE_LIMIT_S

_MODULE = r"[A-Za-z0-9][A-Za-z0-9_.+/@:=-]*"


class Worker(BaseModel):
    """What a worker offers. FireWorks hands it to a firetask as ``fw_spec["_fw_env"]``.

    Attributes
    ----------
    mpi : str
        How programs are started on ``{ranks}`` ranks: ``mpirun -np {ranks}``, ``srun -n {ranks}``.
    cores : int
        How many ranks one firework may use.
    lammps : str
        How LAMMPS is called, for heating runs with that engine.
    compile_models : {'auto', 'never', 'always'}
        Whether the potential that drives a heating run is compiled on this worker: where the run is long
        enough to repay it, never, or for every run.
    gpu : bool or None
        Whether training takes a CUDA device: true asks for one, false hides it, None takes what is there.
    scratch : Path
        Where job folders live; ``$NAME`` and ``~`` are expanded. It should outlive the job, so that the next
        rocket finds the checkpoints; ``$BEAMHEAT_SCRATCH`` is the default, else ``.beamheat/scratch`` of the
        nearest folder above that has a ``.beamheat``, else a folder of this user in the temporary directory.
    local_scratch : str or None
        A folder on a node's own disk in which the work is done; it comes back to `scratch`. Variables are
        those of the job: ``$TMPDIR``, ``$SLURM_TMPDIR``.
    copy_back_s : float
        How often it comes back while the work goes on, s.
    store_checkpoint_s : float
        How often the state of a long MD run goes to the database, for another machine to take over, s.
    modules : tuple of str
        What ``beamheat qlaunch`` loads at the beginning of a job's script.
    pre_rocket : str
        What it writes there after them, before the adapter's own ``pre_rocket``.
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
    lammps: str = "lmp"
    compile_models: Literal["auto", "never", "always"] = "auto"
    gpu: bool | None = None
    scratch: Path = Field(default_factory=lambda: _default_scratch())
    local_scratch: str | None = None
    copy_back_s: float = Field(default=300.0, gt=0)
    store_checkpoint_s: float = Field(default=900.0, gt=0)
    modules: tuple[str, ...] = ()
    pre_rocket: str = ""
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
        return _expand(scratch) if isinstance(scratch, (str, Path)) else scratch

    @field_validator("modules")
    @classmethod
    def _are_names(cls, modules: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := next((name for name in modules if not re.fullmatch(_MODULE, name)), None):
            raise ValueError(f"must be names of modules, as `module avail` shows them, and not {wrong!r}")
        return modules

    @field_validator("pre_rocket")
    @classmethod
    def _survives_the_template(cls, pre_rocket: str) -> str:
        if "$$" in pre_rocket:
            raise ValueError("must not hold $$: FireWorks leaves such a line out of the job's script")
        return pre_rocket

    @property
    def here(self) -> Path | None:
        """The folder on this node's own disk, or None.

        Raises
        ------
        InputError
            It names a variable that is not set in this job.
        """
        if self.local_scratch is None:
            return None
        try:
            return _expand(self.local_scratch)
        except ValueError as error:
            raise InputError(
                f"The worker's local scratch {error}",
                "Correct env.local_scratch in my_fworker.yaml.",
                {"local_scratch": self.local_scratch},
            ) from None

    def preamble(self, of_adapter: str | None) -> str:
        """Return what a job's script begins with: modules, this worker's lines, the adapter's lines."""
        loads = [f"module load {name}" for name in self.modules]
        return "\n".join([*loads, *(part.strip() for part in (self.pre_rocket, of_adapter or "") if part)])

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


def _expand(path: str | Path) -> Path:
    expanded = os.path.expanduser(os.path.expandvars(str(path)))
    if "$" in expanded:
        raise ValueError("names an environment variable that is not set here")
    return Path(expanded).absolute()


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
