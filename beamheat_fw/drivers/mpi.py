"""How this worker starts MPI programs."""

from __future__ import annotations

import os
import re
import shlex
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from beamheat_fw.errors import InputError

# What mpirun and srun set for their own ranks: a child that finds it takes itself for one of those ranks.
_RANK_MARKS = re.compile(
    r"OMPI_|PMIX|PMI_|PRTE_|ORTE_|HYDRA_|MPIR_|I_MPI_HYDRA"
    r"|SLURM_(STEP|SRUN_COMM|PROCID|LOCALID|NODEID|TASK_PID|GTIDS|CPU_BIND|DISTRIBUTION|LAUNCH_NODE|PMI)"
)
# What a person or a module file sets to configure Open MPI; under mpirun it cannot be told from rank marks.
_MPI_SETTINGS = re.compile(r"(OMPI|PRTE)_MCA_|PMIX_MCA_")
_ROOT_ALLOWED = ("OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM")


@dataclass(frozen=True)
class MpiLauncher:
    """Turns a program and a number of ranks into a command line and a clean environment.

    Attributes
    ----------
    template : str
        The worker's launcher, such as ``mpirun -np {ranks}`` or ``srun -n {ranks}``.

    Raises
    ------
    InputError
        The template does not say where the number of ranks goes.
    """

    template: str = "mpirun -np {ranks}"

    def __post_init__(self) -> None:
        try:
            fields = {name for _, name, _, _ in string.Formatter().parse(self.template) if name is not None}
            words = shlex.split(self.template)
        except ValueError:
            fields, words = set(), []
        if fields != {"ranks"} or not words:
            raise InputError(
                "The MPI launcher cannot be used",
                "Write it like 'mpirun -np {ranks}' or 'srun -n {ranks}'.",
                {"mpi_launcher": self.template},
            )

    def argv(self, program: Sequence[str], ranks: int) -> list[str]:
        """Return the command line that starts `program` on `ranks` ranks."""
        return [*shlex.split(self.template.format(ranks=ranks)), *program]

    def environment(
        self, ranks: int, base: Mapping[str, str] | None = None, *, last_words_s: int = 3
    ) -> dict[str, str]:
        """Return the environment for that command line.

        Parameters
        ----------
        ranks : int
        base : mapping of str to str, optional
            Where to start from; this process's environment by default.
        last_words_s : int
            What a rank that is told to end gets to write its checkpoint.

        Notes
        -----
        One thread a rank: two on busy cores cost more than an order of magnitude. No binding to cores: two
        launches side by side on one node would bind to the same ones.
        """
        base = os.environ if base is None else base
        inside_mpi = "OMPI_COMM_WORLD_RANK" in base or "PMIX_RANK" in base or "PMI_RANK" in base
        environment = {
            name: value
            for name, value in base.items()
            if not _RANK_MARKS.match(name)
            or name in _ROOT_ALLOWED
            or (_MPI_SETTINGS.match(name) and not inside_mpi)
        }
        environment["OMP_NUM_THREADS"] = "1"
        environment.setdefault("OMPI_MCA_hwloc_base_binding_policy", "none")
        environment.setdefault("PRTE_MCA_hwloc_default_binding_policy", "none")
        # A waiting rank lets others have its core: on a busy node labels are 2 to 2.5 times faster.
        environment.setdefault("OMPI_MCA_mpi_yield_when_idle", "1")
        # Told to end, Open MPI waits this long before it sends SIGTERM, and again before SIGKILL. Ranks get
        # their SIGTERM from `ChildProcess.end`; its own 1 s is too short to write a checkpoint.
        environment.setdefault("OMPI_MCA_odls_base_sigkill_timeout", str(last_words_s))
        if os.geteuid() == 0:
            environment.update(dict.fromkeys(_ROOT_ALLOWED, "1"))
        if ranks > _cores():
            environment["OMPI_MCA_rmaps_base_oversubscribe"] = "1"
            environment["PRTE_MCA_rmaps_default_mapping_policy"] = ":oversubscribe"
        return environment

    @property
    def executable(self) -> str:
        """The launcher's program, for checks."""
        return PurePath(shlex.split(self.template)[0]).as_posix()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
