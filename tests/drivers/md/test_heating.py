"""Heating runs: what they measure, what they mark, and that nothing stops them for good."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ase.units import kB

from beamheat_fw.drivers.md.crew import RankPlace, replicas
from beamheat_fw.drivers.md.endings import FINISHED, STOPPED, WALL_TIME
from beamheat_fw.drivers.md.heating.audit import Auditor
from beamheat_fw.drivers.md.heating.job import HeatOutcome, heat, read_series, stage_heat
from beamheat_fw.drivers.md.heating.ledger import energy_drift
from beamheat_fw.drivers.md.heating.run import HeatingRun
from beamheat_fw.drivers.md.heating.summary import summarise
from beamheat_fw.drivers.md.inputs import write_structures
from beamheat_fw.drivers.md.protocols import CommitteeFile, HeatProtocol
from beamheat_fw.drivers.md.rank import STOPPED_STATUS
from beamheat_fw.drivers.mpi import MpiLauncher
from beamheat_fw.errors import InputError
from beamheat_fw.physics.committee.gate import Verdict
from tests.drivers.md.killed_ranks import kill_rank, wait_for

PROTOCOL = HeatProtocol(
    particle_K=500.0,
    support_K=250.0,
    timestep_fs=2.0,
    friction_per_ps=10.0,
    equilibrate_ps=0.4,
    relax_ps=1.2,
    replicas_per_rank=3,
    sample_every=5,
    audit_every=100,
    checkpoint_every=150,
    seed=11,
)

ANNEALED = replace(PROTOCOL, anneal_K=600.0, anneal_ps=1.0, relax_ps=0.4)


def _run(folder, system, protocol, morse, auditor=None):
    folder.mkdir(exist_ok=True)
    place = RankPlace(folder, 0, 1, "key")
    return HeatingRun(protocol, place, replicas(system, protocol, place, morse.MorseForces), auditor)


def _never() -> bool:
    return False


@pytest.fixture(scope="module")
def relaxed(tmp_path_factory, flake_on_support, morse) -> tuple[Path, HeatingRun]:
    folder = tmp_path_factory.mktemp("relaxed")
    protocol = replace(PROTOCOL, relax_ps=3.0, replicas_per_rank=4)
    run = _run(folder, flake_on_support, protocol, morse)
    assert run.run(_never) == FINISHED
    return folder, run


@pytest.fixture(scope="module")
def audited(tmp_path_factory, flake_on_support, morse) -> tuple[Path, HeatingRun]:
    """A run of which every audit of one replica fails."""
    folder = tmp_path_factory.mktemp("audited")
    run = _run(folder, flake_on_support, PROTOCOL, morse, _auditor(morse))
    assert run.run(_never) == FINISHED
    return folder, run


def _auditor(morse) -> Auditor:
    def judge(look):
        names = ["failed" if index == 1 else "accurate" for index in range(len(look.batch))]
        return [
            Verdict(name, "too uncertain" if name == "failed" else "", {"support": 0.2}) for name in names
        ]

    return Auditor(lambda batch: morse.MorseForces(batch, scales=(0.9, 1.1)), judge)


def test_heat_flows_from_the_particle_to_its_support_and_none_is_lost(relaxed):
    folder, _ = relaxed
    series = read_series(folder)
    assert list(series) == list(range(4))
    one = series[0]
    assert one.time_ps[[0, -1]] == pytest.approx([0.0, 3.0])
    start = np.mean([s.T_particle_K[:10].mean() for s in series.values()])
    end = np.mean([s.T_particle_K[-100:].mean() for s in series.values()])
    support = np.mean([s.T_support_K[-100:].mean() for s in series.values()])
    assert start == pytest.approx(500.0, rel=0.25)
    assert abs(end - support) < 0.5 * (start - 250.0)
    # What the particle lost, the support got: to the integrator's fluctuation.
    lost = one.E_particle_eV - one.E_particle_eV[0]
    got = one.E_support_eV - one.E_support_eV[0]
    assert np.abs(lost + got).max() < 0.02 * np.abs(lost).max()


def test_the_ledger_of_every_replica_closes(relaxed):
    _, run = relaxed
    for replica in summarise(run, FINISHED)["replicas"]:
        ledger = replica["ledger"]
        put_in = sum(ledger["relax_start_eV"]) - sum(ledger["start_eV"])
        assert sum(ledger["bath_eV"]) == pytest.approx(put_in, abs=0.03)
        assert replica["bath_residual_eV"] == pytest.approx(put_in - sum(ledger["bath_eV"]), abs=1e-9)
        assert sum(ledger["now_eV"]) == pytest.approx(sum(ledger["relax_start_eV"]), abs=0.01)
        assert replica["marks"] == []
    c_particle, c_support = 3 * kB * 7, 3 * kB * 32
    expected = 250.0 * c_particle * c_support / (c_particle + c_support)
    assert replica["heat_eV"] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("lost_share", "closes"), [(0.0, True), (0.008, True), (0.012, False), (-0.012, False)]
)
def test_a_ledger_closes_when_the_drift_is_a_small_share_of_the_heat(lost_share, closes):
    time_ps = np.linspace(0.0, 50.0, 5000)
    noise = 1e-3 * np.random.default_rng(3).normal(size=5000)
    total = -300.0 + noise - lost_share * 1.2 * time_ps / 50.0
    drift = energy_drift(time_ps, total, atoms=91, heat_eV=1.2, tolerance=0.01)
    assert drift.closes is closes
    assert drift.eV == pytest.approx(-lost_share * 1.2, abs=4e-4)
    assert drift.meV_per_atom_ps == pytest.approx(1e3 * drift.eV / 50.0 / 91)


def test_energy_that_only_scatters_does_not_pass_for_conserved():
    total = 0.5 * np.random.default_rng(4).normal(size=40)
    assert not energy_drift(np.arange(40.0), total, 91, heat_eV=1.2, tolerance=0.01).closes


def test_replicas_differ_and_the_same_seed_repeats_them(tmp_path, supported, morse):
    protocol = replace(PROTOCOL, equilibrate_ps=0.1, relax_ps=0.1)
    runs = [_run(tmp_path / name, supported, protocol, morse) for name in ("a", "b")]
    other = _run(tmp_path / "c", supported, replace(protocol, seed=12), morse)
    for run in (*runs, other):
        run.run(_never)
    first, second, third = (run.recorded()["T_particle_K"] for run in (*runs, other))
    assert np.array_equal(first, second)
    assert not np.isclose(first[0], first[1], rtol=1e-3).all()
    assert not np.isclose(first, third, rtol=1e-3).all()


def test_an_escaping_atom_marks_its_replica_and_stays_in_the_books(tmp_path, supported, morse):
    supported.positions[-1, 2] += 10.0
    run = _run(tmp_path, supported, replace(PROTOCOL, relax_ps=0.4), morse)
    assert run.run(_never) == FINISHED
    assert {(mark.replica, mark.kind) for mark in run.marks.found} == {(k, "escaped") for k in range(3)}
    assert "particle" in run.marks.found[0].reason
    assert np.isfinite(run.recorded()["E_total_eV"]).all()


def test_a_particle_that_leaves_its_support_is_marked(tmp_path, supported, morse):
    supported.positions[-7:, 2] += 9.0
    run = _run(tmp_path, supported, replace(PROTOCOL, equilibrate_ps=0.1, relax_ps=0.1), morse)
    run.run(_never)
    assert {mark.reason for mark in run.marks.found} == {"the particle left its support"}


def test_a_replica_out_of_control_stops_alone(tmp_path, supported, morse):
    run = _run(tmp_path, supported, replace(PROTOCOL, equilibrate_ps=0.1, relax_ps=0.2), morse)
    run._begin()
    run.dynamics.state.velocities[run.dynamics.batch.of_frame(1)] *= 100.0
    run.save()
    run = _run(tmp_path, supported, replace(PROTOCOL, equilibrate_ps=0.1, relax_ps=0.2), morse)
    assert run.run(_never) == FINISHED
    assert [(mark.replica, mark.kind) for mark in run.marks.found] == [(1, "broken")]
    temperatures = run.recorded()["T_particle_K"]
    assert np.isnan(temperatures[1]).all()
    assert np.isfinite(temperatures[[0, 2]]).all()


def test_audits_are_recorded_and_a_failed_one_marks_the_replica(audited):
    folder, run = audited
    with np.load(folder / "series-0.npz") as arrays:
        assert arrays["audit_time_ps"] == pytest.approx(np.arange(9) * 0.2 - 0.4)
        assert arrays["audit_verdict"].tolist() == [[0] * 9, [2] * 9, [0] * 9]
        assert (arrays["audit_max_eV_A"] >= arrays["audit_mean_eV_A"])[:, :, 1:].all()
        # Seven atoms in one layer are all at the interface: no environment "particle".
        assert np.isnan(arrays["audit_mean_eV_A"][:, :, 0]).all()
        assert arrays["audit_mean_eV_A"][:, :, 1:].min() > 0.0
        assert (arrays["audit_bound_eV_A"][:, :, 2] == 0.2).all()
    mark = run.marks.found[0]
    assert (mark.replica, mark.kind, mark.reason) == (1, "gate", "too uncertain")
    outcome = HeatOutcome(FINISHED, 1.2, 1.0, summarise(run, FINISHED)["replicas"], [])
    assert 1 not in outcome.trusted()


def test_annealing_is_judged_and_booked_before_anything_is_measured(tmp_path, supported, morse):
    seen = []

    def judge(look):
        seen.append(look.temperatures_K)
        verdict = Verdict("failed", "too hot", {}) if len(seen) == 3 else Verdict("accurate", "", {})
        return [verdict] * len(look.batch)

    auditor = Auditor(lambda batch: morse.MorseForces(batch, scales=(0.9, 1.1)), judge)
    run = _run(tmp_path, supported, replace(ANNEALED, audit_every=20, replicas_per_rank=8), morse, auditor)
    assert run.run(_never) == FINISHED
    recorded = run.recorded()
    assert recorded["audit_time_ps"] == pytest.approx(np.arange(46) * 0.04 - 1.4)
    assert recorded["time_ps"][[0, -1]] == pytest.approx([0.0, 0.4])
    held = np.mean(seen[10:26], axis=0)
    assert held.mean() == pytest.approx(600.0, rel=0.1)
    assert {(mark.kind, round(mark.time_ps, 6)) for mark in run.marks.found} == {("gate", -1.32)}
    for replica in summarise(run, FINISHED)["replicas"]:
        assert replica["drift"]["closes"]
        ledger = replica["ledger"]
        put_in = sum(ledger["relax_start_eV"]) - sum(ledger["start_eV"])
        assert sum(ledger["bath_eV"]) == pytest.approx(put_in, abs=0.03)
    particle, support = (recorded[name][:, :20].mean() for name in ("T_particle_K", "T_support_K"))
    assert particle == pytest.approx(500.0, rel=0.25)
    assert support == pytest.approx(250.0, rel=0.25)


def test_a_used_wall_time_ends_the_run_with_what_it_has(tmp_path, supported, morse):
    protocol = replace(PROTOCOL, equilibrate_ps=0.02, relax_ps=1000.0, max_wall_s=1.0)
    run = _run(tmp_path, supported, protocol, morse)
    assert run.run(_never) == WALL_TIME
    assert 1.0 <= run.wall_s < 2.0
    assert 0 < run.recorded()["time_ps"].size == np.isfinite(run.recorded()["T_particle_K"][0]).sum()
    assert _run(tmp_path, supported, protocol, morse).run(_never) == WALL_TIME


def test_a_stopped_run_goes_on_bit_for_bit_with_list_ledger_and_audits(tmp_path, supported, morse, audited):
    folder, undisturbed = audited
    for at in (37, 211, 212, 430, None):
        run = _run(tmp_path, supported, PROTOCOL, morse, _auditor(morse))
        ended = run.run(_stop_at(run, at))
        assert ended == (FINISHED if at is None else STOPPED)
    _assert_same_files(folder, tmp_path, "series-0.npz")
    assert run.marks.found == undisturbed.marks.found
    for name, values in undisturbed.dynamics.stored()[0].items():
        assert np.array_equal(run.dynamics.stored()[0][name], values), name


def _stop_at(run, step):
    return lambda: step is not None and run.dynamics.state.step >= step


def _assert_same_files(first: Path, second: Path, name: str) -> None:
    with np.load(first / name) as one, np.load(second / name) as other:
        assert set(one.files) == set(other.files)
        for array in one.files:
            assert np.array_equal(one[array], other[array], equal_nan=True), array


def _stage_morse(folder, system, protocol):
    folder.mkdir()
    write_structures(folder / "system.extxyz", [system])
    protocol.write(folder / "protocol.json")


def _start(program, folder, ranks):
    launcher = MpiLauncher()
    return subprocess.Popen(
        launcher.argv([sys.executable, str(program), str(folder)], ranks),
        env=launcher.environment(ranks),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@pytest.mark.mpi
@pytest.mark.usefixtures("hasty_mpirun")
def test_killed_md_resumes_to_the_same_state_on_two_ranks(tmp_path, supported, morse_path):
    protocol = replace(PROTOCOL, relax_ps=2.0, replicas_per_rank=2, checkpoint_every=60)
    for name in ("undisturbed", "killed"):
        _stage_morse(tmp_path / name, supported, protocol)
    assert _start(morse_path, tmp_path / "undisturbed", 2).wait(120) == 0
    chance = random.Random(5)
    folder, kills = tmp_path / "killed", 0
    for _ in range(30):
        program = _start(morse_path, folder, 2)
        if kills == 5:
            break
        kills += kill_rank(folder, program, chance.randrange(2), chance.uniform(0.05, 0.35))
    assert kills == 5
    assert program.wait(120) == 0
    for rank in range(2):
        _assert_same_files(tmp_path / "undisturbed", folder, f"series-{rank}.npz")
        last = f"state-{rank}-{protocol.steps:012d}.ckpt"
        assert (folder / last).exists()
    assert len(read_series(folder)) == 4
    temperatures = [series.T_particle_K for series in read_series(folder).values()]
    assert all(not np.array_equal(temperatures[0], other) for other in temperatures[1:])


@pytest.mark.mpi
@pytest.mark.usefixtures("hasty_mpirun")
@pytest.mark.parametrize("ranks", [1, 2])
def test_killed_in_its_annealing_it_resumes_to_the_same_state(tmp_path, supported, morse_path, ranks):
    protocol = replace(ANNEALED, anneal_ps=3.0, replicas_per_rank=2, checkpoint_every=60)
    for name in ("undisturbed", "killed"):
        _stage_morse(tmp_path / name, supported, protocol)
    assert _start(morse_path, tmp_path / "undisturbed", ranks).wait(120) == 0
    folder = tmp_path / "killed"
    program = _start(morse_path, folder, ranks)
    wait_for(lambda: len(list(folder.glob("state-*.ckpt"))) >= 2 * ranks, program)
    assert kill_rank(folder, program, ranks - 1, 0.0)
    # The other rank runs on until mpirun tells it to end.
    reached = {int(path.stem.rpartition("-")[2]) for path in folder.glob(f"state-{ranks - 1}-*.ckpt")}
    assert max(reached) < protocol.anneal_steps
    assert _start(morse_path, folder, ranks).wait(120) == 0
    for rank in range(ranks):
        _assert_same_files(tmp_path / "undisturbed", folder, f"series-{rank}.npz")
        last = f"state-{rank}-{protocol.steps:012d}.ckpt"
        assert (folder / last).exists()


@pytest.mark.mpi
def test_sigterm_makes_every_rank_write_its_checkpoint(tmp_path, supported, morse_path):
    folder = tmp_path / "run"
    _stage_morse(folder, supported, replace(PROTOCOL, relax_ps=500.0, checkpoint_every=10**6))
    program = _start(morse_path, folder, 2)
    wait_for((folder / "progress.json").exists, program)
    time.sleep(0.5)
    program.send_signal(signal.SIGTERM)
    status = program.wait(30)
    assert status != 0
    assert {path.name.split("-")[1] for path in folder.glob("state-*.ckpt")} == {"0", "1"}
    assert {json.loads((folder / f"rank-{rank}.json").read_text())["ended"] for rank in range(2)} == {STOPPED}


def test_a_run_that_cannot_be_is_refused(tmp_path, supported):
    with pytest.raises(InputError, match="timestep_fs"):
        replace(PROTOCOL, timestep_fs=0.0)
    with pytest.raises(InputError, match="no such MD engine"):
        replace(PROTOCOL, engine="gromacs")
    del supported.arrays["body"]
    with pytest.raises(InputError, match="particle on a support"):
        stage_heat(tmp_path, supported, PROTOCOL, CommitteeFile(()))
    with pytest.raises(InputError, match="job folder"):
        HeatProtocol.read(tmp_path / "missing.json")


@pytest.mark.mpi
def test_a_stopped_rank_has_an_exit_status_of_its_own(tmp_path, supported, morse_path):
    folder = tmp_path / "run"
    _stage_morse(folder, supported, replace(PROTOCOL, relax_ps=500.0, checkpoint_every=10**6))
    program = _start(morse_path, folder, 1)
    wait_for((folder / "progress.json").exists, program)
    os.kill(int((folder / "pid-0").read_text()), signal.SIGTERM)
    assert program.wait(30) == STOPPED_STATUS
    assert len(list(folder.glob("state-0-*.ckpt"))) == 1


@pytest.mark.mpi
@pytest.mark.usefixtures("hasty_mpirun")
def test_an_error_of_a_rank_comes_out_as_it_was_meant(tmp_path, supported):
    stage_heat(tmp_path, supported, PROTOCOL, CommitteeFile(("nothing.nequip.zip",)))
    with pytest.raises(InputError, match="package"):
        heat(tmp_path, ranks=2, launcher=MpiLauncher(), stop=_never)
