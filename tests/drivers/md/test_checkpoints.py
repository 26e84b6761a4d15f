"""Checkpoints: whole or not at all, and of this run only."""

from __future__ import annotations

import numpy as np
import pytest

from beamheat_fw.drivers.md.checkpoints import Checkpoint, CheckpointFolder
from beamheat_fw.errors import InputError


def _saved(folder, steps, run_key="this"):
    checkpoints = CheckpointFolder(folder, "state-0", run_key)
    paths = [
        checkpoints.save(
            Checkpoint(step, {"x": np.full(5, step / 3.0)}, {"streams": [{"state": 2**100 + step}]})
        )
        for step in steps
    ]
    return checkpoints, paths


def test_a_checkpoint_comes_back_bit_for_bit(tmp_path):
    checkpoints, _ = _saved(tmp_path, [7])
    latest = checkpoints.latest()
    assert latest.step == 7
    assert np.array_equal(latest.arrays["x"], np.full(5, 7 / 3.0))
    assert latest.info["streams"][0]["state"] == 2**100 + 7


def test_the_last_two_are_kept_and_nothing_else(tmp_path):
    _, paths = _saved(tmp_path, [100, 200, 300, 9000])
    assert sorted(tmp_path.iterdir()) == sorted(paths[-2:])


@pytest.mark.parametrize("kept", [0, 10, 0.5, 0.99])
def test_a_truncated_checkpoint_gives_way_to_the_one_before(tmp_path, kept):
    checkpoints, paths = _saved(tmp_path, [100, 200])
    content = paths[1].read_bytes()
    paths[1].write_bytes(content[: int(kept * len(content)) if kept < 1 else kept])
    assert checkpoints.latest().step == 100
    assert "state-0-000000000200.ckpt" in checkpoints.passed_over[0]


def test_an_altered_checkpoint_gives_way_to_the_one_before(tmp_path):
    checkpoints, paths = _saved(tmp_path, [100, 200])
    content = bytearray(paths[1].read_bytes())
    content[len(content) // 2] ^= 1
    paths[1].write_bytes(content)
    assert checkpoints.latest().step == 100


def test_without_any_whole_checkpoint_the_run_begins_anew(tmp_path):
    checkpoints, paths = _saved(tmp_path, [100])
    paths[0].write_bytes(b"")
    assert checkpoints.latest() is None


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    _saved(tmp_path, [100], run_key="another")
    with pytest.raises(InputError, match="another run"):
        CheckpointFolder(tmp_path, "state-0", "this").latest()
