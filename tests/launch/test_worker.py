from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from beamheat_fw.errors import InputError
from beamheat_fw.launch.stopping import deadline
from beamheat_fw.launch.worker import Worker, read_worker
from beamheat_fw.launch.worker_file import find_worker_file, read_fworker


def test_empty_env_is_this_machine_with_mpirun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BEAMHEAT_SCRATCH", str(tmp_path / "s"))
    worker = read_worker(None)
    assert worker.cores == len(os.sched_getaffinity(0))
    assert worker.mpi_command(4) == ["mpirun", "-np", "4"]
    assert worker.scratch == tmp_path / "s"


def test_scratch_is_beside_the_nearest_beamheat_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ".beamheat" / "launches" / "launcher_1"
    deep.mkdir(parents=True)
    monkeypatch.delenv("BEAMHEAT_SCRATCH", raising=False)
    monkeypatch.chdir(deep)
    assert Worker().scratch == tmp_path / ".beamheat" / "scratch"


@pytest.mark.parametrize(
    ("env", "message"),
    [
        ({"core": 4}, "Did you mean cores"),
        ({"nonsense": 4}, "Known keys"),
        ({"cores": 0}, "greater than 0"),
        ({"cores": "many"}, "env.cores"),
        ({"mpi": "srun"}, "must hold"),
        ({"mpi": "srun -n {ranks} {more}"}, "must hold"),
        ({"scratch": "$NOT_SET_ANYWHERE/x"}, "not set here"),
        ({"walltime_s": -1}, "greater than 0"),
    ],
)
def test_wrong_env_is_refused_with_its_key_and_fix(env: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_worker(env)
    assert next(iter(env)) in caught.value.message()


@pytest.mark.parametrize("content", ["", "- a list", "name: [", "name: x\nquery: '{'", "category: dft"])
def test_file_that_is_no_worker_file_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "my_fworker.yaml"
    path.write_text(content)
    with pytest.raises(InputError, match=r"my_fworker\.yaml"):
        read_fworker(path)


def test_worker_file_beside_the_launchpad_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert find_worker_file(None, tmp_path / "my_launchpad.yaml") is None
    (tmp_path / "my_fworker.yaml").write_text(
        "name: x\ncategory: [dft, light]\nquery: '{}'\nenv: {cores: 2}\n"
    )
    found = find_worker_file(None, tmp_path / "my_launchpad.yaml")
    assert read_fworker(found).query["spec._category"] == {"$in": ["dft", "light"]}


def test_scheduler_end_time_comes_before_the_walltime() -> None:
    worker = Worker(walltime_s=100)
    assert deadline(worker, {"SLURM_JOB_END_TIME": "1900000000"}) == 1.9e9
    left = deadline(worker, {})
    assert left is not None
    assert left - time.time() == pytest.approx(100, abs=1)
    assert deadline(Worker(), {}) is None


def test_jobs_script_begins_with_modules_then_the_workers_lines_then_the_adapters() -> None:
    worker = read_worker({"modules": ["gcc/12.2", "openmpi"], "pre_rocket": "source /opt/env.sh\n"})
    assert worker.preamble("ulimit -s unlimited").splitlines() == [
        "module load gcc/12.2",
        "module load openmpi",
        "source /opt/env.sh",
        "ulimit -s unlimited",
    ]
    assert read_worker({}).preamble(None) == ""
    with pytest.raises(InputError, match="names of modules"):
        read_worker({"modules": ["gcc; rm -rf /"]})
    with pytest.raises(InputError, match="leaves such a line out"):
        read_worker({"pre_rocket": "echo $$ > pid"})


def test_local_scratch_is_a_folder_of_the_job(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("NODE_DISK", raising=False)
    worker = read_worker({"local_scratch": "$NODE_DISK/x"})  # on a login node nobody knows it
    with pytest.raises(InputError, match="not set here"):
        _ = worker.here
    monkeypatch.setenv("NODE_DISK", str(tmp_path))
    assert worker.here == tmp_path / "x"
    assert read_worker({}).here is None
