"""The files in launchers/ are valid for FireWorks and for the package."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from fireworks.utilities.fw_serializers import load_object_from_file

from beamheat_fw.launch.worker import read_worker
from beamheat_fw.launch.worker_file import read_fworker

LAUNCHERS = Path(__file__).parents[2] / "launchers"


def test_worker_file_is_valid() -> None:
    fworker = read_fworker(LAUNCHERS / "my_fworker.yaml")
    worker = read_worker(fworker.env)
    assert worker.outage_limit_s < 1800
    assert fworker.query["spec._category"] == {"$in": ["dft", "train", "md", "light"]}


@pytest.mark.parametrize(
    ("name", "word"), [("slurm", "#SBATCH --signal=B:USR1@300"), ("pbs", "#PBS -l nodes=1:ppn=32")]
)
def test_queue_script_execs_the_worker(name: str, word: str) -> None:
    adapter = load_object_from_file(str(LAUNCHERS / f"my_qadapter_{name}.yaml"))
    script = adapter.get_script_str("/launch/here").splitlines()
    assert word in script
    assert any(line.startswith("exec beamheat rlaunch") for line in script)
    assert not [line for line in script if "$${" in line]


def test_environment_names_the_programs_and_settings(tmp_path: Path) -> None:
    shown = subprocess.run(
        ["bash", "-euc", f"source {LAUNCHERS}/env.sh; echo $FW_CONFIG_FILE; echo $OMP_NUM_THREADS"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin"},
    ).stdout.splitlines()
    assert Path(shown[0]).name == "FW_config.yaml"
    assert Path(shown[0]).is_file()
    assert shown[1] == "1"


def test_settings_are_known_to_fireworks() -> None:
    import yaml
    from fireworks import fw_config

    settings = yaml.safe_load((LAUNCHERS / "FW_config.yaml").read_text())
    assert not [name for name in settings if not hasattr(fw_config, name)]
