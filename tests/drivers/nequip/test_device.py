"""Which device a training takes is the worker's word, and asking for one that is not there is an error."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from beamheat_fw.drivers.nequip.program import GPU
from beamheat_fw.drivers.nequip.training import device_environment

pytestmark = pytest.mark.nequip


def torch_sees(environment: dict[str, str]) -> str:
    code = "import torch; print(torch.cuda.is_available())"
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


def test_training_without_gpu_sees_none() -> None:
    assert torch_sees(device_environment(False)) == "False"
    assert device_environment(None) == {}


def test_training_that_needs_a_gpu_says_what_to_do_without_one(tmp_path: Path) -> None:
    environment = {**os.environ, **device_environment(True), "CUDA_VISIBLE_DEVICES": ""}
    assert environment[GPU]
    done = subprocess.run(
        [sys.executable, "-m", "beamheat_fw.drivers.nequip.program"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "gpu: true" in done.stderr
    assert "Traceback" not in done.stderr
