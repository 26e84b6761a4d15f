"""Command lines and environments of MPI launches."""

import os
import subprocess
import sys

import pytest

from beamheat_fw.drivers.mpi import MpiLauncher
from beamheat_fw.errors import InputError


def test_template_takes_the_ranks_and_the_program():
    assert MpiLauncher("srun --mpi=pmix -n {ranks}").argv(["python", "x.py"], 4) == [
        "srun",
        "--mpi=pmix",
        "-n",
        "4",
        "python",
        "x.py",
    ]


@pytest.mark.parametrize("template", ["mpirun", "mpirun -np {n}", "", "mpirun '-np {ranks}", "mpirun {ranks"])
def test_template_without_a_place_for_ranks_is_refused(template):
    with pytest.raises(InputError) as caught:
        MpiLauncher(template)
    assert caught.value.values == {"mpi_launcher": template}


def test_a_rank_of_another_launch_is_not_inherited():
    under_mpirun = {"OMPI_COMM_WORLD_RANK": "3", "PMIX_RANK": "3", "OMPI_MCA_ess": "pmi", "HOME": "/root"}
    environment = MpiLauncher().environment(2, under_mpirun)
    assert not {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "OMPI_MCA_ess"} & set(environment)
    assert environment["HOME"] == "/root"


def test_settings_of_the_site_and_the_allocation_are_kept():
    site = {"OMPI_MCA_btl": "tcp,self", "SLURM_JOB_ID": "7", "SLURM_PROCID": "0", "OMP_NUM_THREADS": "8"}
    environment = MpiLauncher().environment(2, site)
    assert environment["OMPI_MCA_btl"] == "tcp,self"
    assert environment["SLURM_JOB_ID"] == "7"
    assert "SLURM_PROCID" not in environment
    assert environment["OMP_NUM_THREADS"] == "1"


def test_oversubscription_is_allowed_only_beyond_the_cores():
    cores = len(os.sched_getaffinity(0))
    key = "OMPI_MCA_rmaps_base_oversubscribe"
    assert key not in MpiLauncher().environment(cores, {})
    assert MpiLauncher().environment(cores + 1, {})[key] == "1"


@pytest.mark.mpi
def test_more_ranks_than_cores_start_from_inside_another_launch():
    ranks = len(os.sched_getaffinity(0)) + 1
    launcher = MpiLauncher()
    inside = {**os.environ, "OMPI_COMM_WORLD_RANK": "0", "PMIX_RANK": "0", "PMIX_NAMESPACE": "1"}
    program = [sys.executable, "-c", "from mpi4py import MPI; print(f'{MPI.COMM_WORLD.size} ', end='')"]
    printed = subprocess.run(
        launcher.argv(program, ranks),
        env=launcher.environment(ranks, inside),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert printed.split() == [str(ranks)] * ranks
