"""A run of one system over several ranks: the same physics as on one, and nothing stops it for good."""

from __future__ import annotations

import io
import json
import os
import random
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from beamheat_fw.drivers.md.endings import STOPPED
from beamheat_fw.drivers.md.inputs import write_structures
from beamheat_fw.drivers.md.protocols import HeatProtocol
from beamheat_fw.drivers.mpi import MpiLauncher
from tests.drivers.md.killed_ranks import kill_rank, wait_for

pytestmark = pytest.mark.mpi

PROTOCOL = HeatProtocol(
    particle_K=500.0,
    support_K=250.0,
    timestep_fs=2.0,
    friction_per_ps=10.0,
    equilibrate_ps=0.4,
    relax_ps=2.0,
    replicas_per_rank=1,
    sample_every=5,
    audit_every=100,
    checkpoint_every=60,
    seed=11,
)
#: As many as there are cores on a small machine, so that none waits for another's turn.
RANKS = 2
POWERS_NW = {"relaxation": (), "injection": (10.0, 20.0, 30.0)}


def _staged(folder: Path, system, protocol: HeatProtocol = PROTOCOL) -> Path:
    folder.mkdir()
    write_structures(folder / "system.extxyz", [system])
    protocol.write(folder / "protocol.json")
    return folder


def _start(*folders: Path, ranks: int = RANKS) -> subprocess.Popen:
    launcher = MpiLauncher()
    program = Path(__file__).with_name("morse_part_program.py")
    return subprocess.Popen(
        launcher.argv([sys.executable, str(program), *map(str, folders)], ranks),
        env=launcher.environment(ranks),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _arrays(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, flake_on_support) -> Path:
    folder = _staged(tmp_path_factory.mktemp("shared") / "undisturbed", flake_on_support)
    assert _start(folder).wait(180) == 0
    return folder


@pytest.fixture(scope="module")
def alone_and_shared(tmp_path_factory, flake_on_support) -> dict[int, dict[str, Path]]:
    """The folders of short runs on one rank and on three, by what the runs are: one start for each number."""
    folders = {ranks: tmp_path_factory.mktemp(f"ranks-{ranks}") for ranks in (1, 3)}
    runs = {
        ranks: {
            name: _staged(
                root / name,
                flake_on_support,
                replace(
                    PROTOCOL,
                    equilibrate_ps=0.1,
                    relax_ps=0.1,
                    sample_every=1,
                    replicas_per_rank=max(1, len(powers_nW)),
                    powers_nW=powers_nW,
                ),
            )
            for name, powers_nW in POWERS_NW.items()
        }
        for ranks, root in folders.items()
    }
    programs = [_start(*staged.values(), ranks=ranks) for ranks, staged in runs.items()]
    assert [program.wait(180) for program in programs] == [0, 0]
    return runs


def test_energy_is_conserved_while_atoms_change_hands(undisturbed):
    outcomes = [json.loads((undisturbed / f"rank-{rank}.json").read_text()) for rank in range(RANKS)]
    assert [len(outcome["replicas"]) for outcome in outcomes] == [1, 0]
    assert outcomes[0]["sharings"] > 3
    replica = outcomes[0]["replicas"][0]
    assert replica["drift"]["closes"]
    assert replica["marks"] == []
    ledger = replica["ledger"]
    put_in = sum(ledger["relax_start_eV"]) - sum(ledger["start_eV"])
    assert sum(ledger["bath_eV"]) == pytest.approx(put_in, abs=0.03)
    series = _arrays(undisturbed / "series-0.npz")
    assert not (undisturbed / "series-1.npz").exists()
    assert series["T_particle_K"][0, :10].mean() == pytest.approx(500.0, rel=0.4)
    assert np.ptp(series["E_total_eV"][0]) < 0.02


@pytest.mark.parametrize("name", POWERS_NW)
def test_one_rank_moves_the_atoms_as_three_do(alone_and_shared, name):
    """Every atom has the same random numbers whoever owns it, so that only the order of sums differs."""
    powers_nW = POWERS_NW[name]
    count = max(1, len(powers_nW))
    alone, shared = (alone_and_shared[ranks][name] for ranks in (1, 3))
    for replica in range(count):
        one, three = (_arrays(folder / f"series-{replica}.npz") for folder in (alone, shared))
        assert three["E_particle_eV"] == pytest.approx(one["E_particle_eV"], abs=1e-8)
        assert three["T_support_K"] == pytest.approx(one["T_support_K"], abs=1e-6)
        assert three["booked_eV"] == pytest.approx(one["booked_eV"], abs=1e-8)
        assert np.ptp(one["E_particle_eV"]) > 1e-3
        assert bool(np.ptp(one["booked_eV"])) is bool(powers_nW)
    outcome = json.loads((shared / "rank-0.json").read_text())
    assert [each["replica"] for each in outcome["replicas"]] == list(range(count))
    assert [each["power_nW"] for each in outcome["replicas"]] == [*(powers_nW or (0.0,))]


@pytest.mark.usefixtures("hasty_mpirun")
def test_killed_five_times_and_cut_short_once_it_ends_in_the_same_state(tmp_path, supported, undisturbed):
    folder = _staged(tmp_path / "killed", supported)
    chance, kills = random.Random(5), 0
    for _ in range(30):
        program = _start(folder)
        if kills == 4:
            wait_for(lambda: len(_states(folder)) >= 2, program)
        kills += kill_rank(folder, program, chance.randrange(RANKS), chance.uniform(0.1, 0.6))
        if kills == 5:
            break
    assert kills == 5
    *_, newest = _states(folder)
    newest.write_bytes(newest.read_bytes()[:-100])
    assert _start(folder).wait(180) == 0
    last = f"state-0-{PROTOCOL.steps:012d}.ckpt"
    _assert_same_state(undisturbed / last, folder / last)
    expected, found = (_arrays(each / "series-0.npz") for each in (undisturbed, folder))
    assert all(np.array_equal(expected[name], found[name], equal_nan=True) for name in expected)
    assert len(_states(folder)) == 2
    assert json.loads((folder / "rank-0.json").read_text())["checkpoints_passed_over"]


@pytest.mark.usefixtures("hasty_mpirun")
def test_killed_in_its_annealing_it_ends_in_the_same_state(tmp_path, supported):
    protocol = replace(PROTOCOL, anneal_K=600.0, anneal_ps=1.0, relax_ps=0.2)
    folders = [_staged(tmp_path / name, supported, protocol) for name in ("undisturbed", "killed")]
    assert _start(folders[0]).wait(180) == 0
    program = _start(folders[1])
    wait_for(lambda: len(_states(folders[1])) >= 2, program)
    assert kill_rank(folders[1], program, 1, 0.0)
    assert int(_states(folders[1])[-1].stem.rpartition("-")[2]) < protocol.anneal_steps
    assert _start(folders[1]).wait(180) == 0
    last = f"state-0-{protocol.steps:012d}.ckpt"
    _assert_same_state(folders[0] / last, folders[1] / last)
    expected, found = (_arrays(each / "series-0.npz") for each in folders)
    assert all(np.array_equal(expected[name], found[name], equal_nan=True) for name in expected)


def _states(folder: Path) -> list[Path]:
    return sorted(folder.glob("state-*.ckpt"))


def _assert_same_state(first: Path, second: Path) -> None:
    """Compare all arrays, owners and random numbers; the wall time spent may differ."""
    one, other = (
        dict(np.load(io.BytesIO(path.read_bytes().partition(b"\n")[2]))) for path in (first, second)
    )
    heads = [json.loads(str(arrays.pop("head"))) for arrays in (one, other)]
    assert heads[0]["info"]["motion"] == heads[1]["info"]["motion"]
    assert {"positions_A", "velocities", "owners", "list_positions_A"} < set(one)
    for name, values in one.items():
        assert np.array_equal(values, other[name], equal_nan=True), name


def test_sigterm_to_one_rank_ends_all_at_one_step(tmp_path, supported):
    folder = _staged(tmp_path / "run", supported, replace(PROTOCOL, relax_ps=500.0, checkpoint_every=10**6))
    program = _start(folder, ranks=3)
    wait_for((folder / "progress.json").exists, program)
    os.kill(int((folder / "pid-1").read_text()), signal.SIGTERM)
    assert program.wait(60) != 0
    outcomes = [json.loads((folder / f"rank-{rank}.json").read_text()) for rank in range(3)]
    assert {outcome["ended"] for outcome in outcomes} == {STOPPED}
    (state,) = _states(folder)
    assert {outcome["step"] for outcome in outcomes} == {int(state.stem.rpartition("-")[2])}


def test_a_checkpoint_of_another_number_of_ranks_is_refused(tmp_path, supported, undisturbed):
    folder = tmp_path / "fewer"
    folder.mkdir()
    for path in undisturbed.iterdir():
        if path.suffix in (".ckpt", ".json", ".extxyz") and not path.name.startswith("rank-"):
            (folder / path.name).write_bytes(path.read_bytes())
    assert _start(folder, ranks=1).wait(60) == 2
    error = json.loads((folder / "error-0.json").read_text())
    assert error["kind"] == "InputError"
    assert "another run" in error["what"]
