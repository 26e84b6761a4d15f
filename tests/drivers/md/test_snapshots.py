"""A run's state in one file: another machine goes on from it bit for bit, and from nothing else."""

from __future__ import annotations

import io
import tarfile
import time
from dataclasses import replace

import numpy as np
import pytest

from beamheat_fw.drivers.md.crew import RankPlace, replicas
from beamheat_fw.drivers.md.heating.run import HeatingRun
from beamheat_fw.drivers.md.protocols import HeatProtocol
from beamheat_fw.drivers.md.snapshots import restore, steps_done, take, taken_along
from beamheat_fw.errors import InputError, IntegrityError, Interrupted

PROTOCOL = HeatProtocol(
    particle_K=500.0,
    support_K=300.0,
    timestep_fs=2.0,
    friction_per_ps=10.0,
    equilibrate_ps=0.1,
    relax_ps=0.4,
    replicas_per_rank=2,
    sample_every=5,
    audit_every=50,
    checkpoint_every=50,
    seed=5,
)


@pytest.fixture
def run(supported, morse, tmp_path):
    def prepare(name, protocol=PROTOCOL, rank=0):
        (folder := tmp_path / name).mkdir(exist_ok=True)
        place = RankPlace(folder, rank, 2, "the same run" if protocol == PROTOCOL else "another")
        return HeatingRun(protocol, place, replicas(supported, protocol, place, morse.MorseForces))

    return prepare


def _until(run, step):
    run.run(lambda: step is not None and run.dynamics.state.step >= step)
    return run.recorded()


def test_another_machine_goes_on_bit_for_bit(run, tmp_path):
    for rank in (0, 1):
        undisturbed = _until(run("calm", rank=rank), None)
        _until(run("lost", rank=rank), 130 + 20 * rank)
        snapshot = take(tmp_path / "lost")
        (tmp_path / "elsewhere").mkdir(exist_ok=True)
        assert restore(snapshot.path.read_bytes(), tmp_path / "elsewhere") == snapshot.step
        resumed = run("elsewhere", rank=rank)
        found = _until(resumed, None)
        for name, values in undisturbed.items():
            assert np.array_equal(values, found[name], equal_nan=True), name


def test_steps_are_added_up_over_the_ranks_and_the_same_state_is_the_same_file(run, tmp_path):
    _until(run("a", rank=0), 60)
    _until(run("a", rank=1), 90)
    snapshot = take(tmp_path / "a")
    assert snapshot.step == steps_done(tmp_path / "a") == 150
    first = snapshot.path.read_bytes()
    assert take(tmp_path / "a").path.read_bytes() == first


def test_the_state_of_another_run_is_refused_and_of_an_earlier_moment_replaced(run, tmp_path):
    _until(run("a"), 60)
    early = take(tmp_path / "a").path.read_bytes()
    _until(run("a"), 140)
    assert restore(early, tmp_path / "a") == 60
    (tmp_path / "b").mkdir()
    restore(early, tmp_path / "b")
    with pytest.raises(InputError, match="another run"):
        run("b", replace(PROTOCOL, seed=6)).run(lambda: False)


@pytest.mark.parametrize("kept", [0, 300, 0.5])
def test_a_state_that_is_cut_short_changes_nothing(run, tmp_path, kept):
    _until(run("a"), 60)
    content = take(tmp_path / "a").path.read_bytes()
    with pytest.raises(IntegrityError):
        restore(content[: int(kept * len(content)) if kept < 1 else kept], tmp_path / "a")
    assert steps_done(tmp_path / "a") == 60


def test_no_file_is_written_outside_the_folder(tmp_path):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("../state-0-000000000001.ckpt"))
    (folder := tmp_path / "work").mkdir()
    with pytest.raises(IntegrityError, match="other files"):
        restore(stream.getvalue(), folder)
    assert [path.name for path in tmp_path.rglob("*")] == ["work"]


def test_states_are_yielded_now_and_then_and_when_the_run_is_stopped(tmp_path):
    def work():
        for step in range(1, 8):
            (tmp_path / f"state-0-{step:012d}.ckpt").write_bytes(b"x")
            time.sleep(0.03)
            yield
        raise Interrupted("stopped", "nothing")

    found = []
    with pytest.raises(Interrupted):  # noqa: PT012
        for snapshot in taken_along(work(), tmp_path, every_s=0.1):
            found.append(snapshot.step)
    assert 2 <= len(found) < 7
    assert found[-1] == 7
    assert sorted(set(found)) == found
