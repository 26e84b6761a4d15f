"""Debian's LAMMPS on two ranks with an EAM potential, behind the same protocols as the native engines."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import fcc111
from ase.units import fs

from beamheat_fw.drivers.md.batch import Batch
from beamheat_fw.drivers.md.forces import Evaluated
from beamheat_fw.drivers.md.heating.job import heat, read_series, stage_heat
from beamheat_fw.drivers.md.integrators import State
from beamheat_fw.drivers.md.lammps.engine import LOG_FILE
from beamheat_fw.drivers.md.lammps.samples import read_samples, restarts
from beamheat_fw.drivers.md.lammps.script import Segment, species_of
from beamheat_fw.drivers.md.lammps.settings import PairStyle
from beamheat_fw.drivers.md.observables import observe
from beamheat_fw.drivers.md.protocols import CommitteeFile, HeatProtocol
from beamheat_fw.drivers.mpi import MpiLauncher
from beamheat_fw.errors import CalculationError, InputError, Interrupted

pytestmark = [
    pytest.mark.mpi,
    pytest.mark.skipif(shutil.which("lmp") is None, reason="LAMMPS is not installed (set_up.sh --tests)"),
]

EAM = {"pair_style": "eam", "pair_coeff": ["{Cu} {Cu} Cu_u3.eam", "{Au} {Au} Au_u3.eam"]}
#: As the tables have them.
EAM_MASSES_AMU = {"Cu": 63.55, "Au": 196.97}
PROTOCOL = HeatProtocol(
    particle_K=600.0,
    support_K=300.0,
    timestep_fs=2.0,
    friction_per_ps=10.0,
    equilibrate_ps=0.4,
    relax_ps=3.0,
    replicas_per_rank=1,
    sample_every=5,
    audit_every=1000,
    checkpoint_every=200,
    seed=4,
    engine="lammps",
    lammps=EAM,
)
#: So short a step that the integrator's energy, which goes as its square, is far below the heat put in.
INJECTION = replace(PROTOCOL, timestep_fs=0.5, particle_K=300.0, relax_ps=5.0)


@pytest.fixture(autouse=True)
def _tables(monkeypatch):
    monkeypatch.setenv(
        "LAMMPS_POTENTIALS", os.environ.get("LAMMPS_POTENTIALS", "/usr/share/lammps/potentials")
    )


@pytest.fixture(scope="module")
def system() -> Atoms:
    """Two layers of gold, 24 atoms, on three layers of copper with most of the surface bare."""
    slab = fcc111("Cu", (8, 8, 3), a=3.615)
    slab.cell[2] = [0, 0, 30.0]
    slab.pbc = (True, True, False)
    gold = fcc111("Au", (4, 3, 2), a=4.08)
    gold.positions += slab.positions[:, :].mean(axis=0) - gold.positions.mean(axis=0)
    gold.positions[:, 2] += slab.positions[:, 2].max() + 2.4 - gold.positions[:, 2].min()
    whole = slab + Atoms(gold.numbers, gold.positions)
    plain = Atoms(whole.numbers, whole.positions, cell=slab.cell, pbc=slab.pbc)
    plain.set_array("body", (plain.numbers == 79).astype(int))
    return plain


def _run(folder: Path, system: Atoms, protocol: HeatProtocol, ranks: int = 2, stop=lambda: False):
    folder.mkdir(exist_ok=True)
    if not (folder / "protocol.json").exists():
        stage_heat(folder, system, protocol, CommitteeFile(()))
    return heat(folder, ranks=ranks, launcher=MpiLauncher(), stop=stop)


def test_a_hot_particle_cools_and_no_energy_is_lost(tmp_path, system):
    outcome = _run(tmp_path, system, PROTOCOL)
    assert outcome.ended == "finished"
    assert outcome.usable() == [0]
    series = read_series(tmp_path)[0]
    assert series.time_ps[[0, -1]] == pytest.approx([0.0, 3.0])
    assert series.T_particle_K[:40].mean() > 420.0
    assert series.E_particle_eV[-80:].mean() < series.E_particle_eV[:40].mean()
    total = series.E_particle_eV + series.E_support_eV
    assert np.ptp(total) < 0.05 * np.ptp(series.E_particle_eV)


@pytest.mark.parametrize("protocol", [PROTOCOL, replace(PROTOCOL, powers_nW=(60.0,))], ids=["NVE", "power"])
def test_temperatures_are_those_of_the_native_engines(tmp_path, system, protocol):
    """But for the particle's turning, which LAMMPS leaves in: its body is taken for a support here."""
    protocol = replace(protocol, timestep_fs=5.0, relax_ps=2.0)
    _run(tmp_path, system, protocol)
    segment = restarts(tmp_path, 0)[-1]
    positions_A, velocities, forces_eV_A = _state_of_restart(tmp_path, system, segment)
    sample = read_samples(tmp_path, protocol, 0)
    (row,) = np.flatnonzero(sample["step"] == segment.first_step)
    for body, name in enumerate(("T_support_K", "T_particle_K")):
        of_body = system.arrays["body"] == body
        alone = Atoms(system.numbers[of_body], cell=system.cell, pbc=system.pbc)
        alone.set_array("body", np.zeros(len(alone), dtype=int))
        alone.set_masses([EAM_MASSES_AMU[symbol] for symbol in alone.symbols])
        at_rest = Evaluated(np.zeros(1), np.zeros(len(alone)), forces_eV_A[of_body])
        state = State(positions_A[of_body], velocities[of_body], at_rest)
        kinetic_K, native_K = (
            observe(Batch.of([alone]), state, step_fs).temperatures_K[0, 0] for step_fs in (0.0, 5.0)
        )
        assert native_K / kinetic_K > 1.0005
        # LAMMPS' Boltzmann constant is 1.5e-6 above today's.
        assert sample[name][row] == pytest.approx(native_K, rel=3e-6)


def _state_of_restart(folder: Path, system: Atoms, segment: Segment) -> tuple[np.ndarray, ...]:
    """Return positions, velocities in ASE's units and the potential's forces, as LAMMPS tells them."""
    style = PairStyle.of(EAM)
    lines = ["units metal", "atom_style atomic", "boundary p p f", f"read_restart {segment.restart}"]
    lines += style.lines(species_of(system), "")
    lines += [
        "run 0",
        "write_dump all custom told.txt id x y z vx vy vz fx fy fz modify sort id format float %.15g",
    ]
    (folder / "in.told").write_text("\n".join(lines))
    subprocess.run(["lmp", "-in", "in.told", "-log", "none"], cwd=folder, check=True, capture_output=True)
    told = np.loadtxt(folder / "told.txt", skiprows=9)[:, 1:]
    return told[:, :3], told[:, 3:6] / (1000.0 * fs), told[:, 6:]


def test_injected_power_is_found_in_the_bath_and_in_the_energy(tmp_path, system):
    """To 0.1 %, as for the native engines; the integrator's own energy moves by a sixth of it at most."""
    protocol = replace(INJECTION, powers_nW=(60.0, 90.0, 120.0), replicas_per_rank=3, relax_ps=3.0)
    assert protocol.booking_tolerance == 0.001
    outcome = _run(tmp_path, system, protocol)
    assert [replica["power_nW"] for replica in outcome.replicas] == [60.0, 90.0, 120.0]
    for replica in outcome.replicas:
        assert replica["heat_eV"] == pytest.approx(replica["power_nW"] / 160.2177 * 3.0, rel=0.01)
        print(f"{replica['power_nW']:g} nW: {replica['drift']['share']:.2%}")
    assert outcome.ledger_closes
    # By how much hangs on the facet that so small a particle happens to make on its way.
    for one in read_series(tmp_path).values():
        assert (one.T_particle_K - one.T_support_K)[-600:].mean() > 20.0


def test_a_stopped_run_goes_on_from_its_restart_file(tmp_path, system):
    protocol = replace(INJECTION, powers_nW=(60.0,))
    with pytest.raises(Interrupted):
        _run(
            tmp_path,
            system,
            protocol,
            stop=lambda: any(segment.first_step > 1000 for segment in restarts(tmp_path, 0)[1:]),
        )
    (*_, last) = restarts(tmp_path, 0)
    assert 1000 < last.first_step < protocol.steps
    outcome = _run(tmp_path, system, protocol)
    assert outcome.ended == "finished"
    assert len(restarts(tmp_path, 0)) <= 3
    with np.load(tmp_path / "series-0.npz") as arrays:
        time_ps, booked = arrays["time_ps"], arrays["booked_eV"][0]
        total = (arrays["E_particle_eV"] + arrays["E_support_eV"])[0]
    # Every sample once, and no step in the books where the run was taken up again.
    assert np.diff(time_ps) == pytest.approx(0.0025)
    assert len(time_ps) == 2001
    assert np.abs(np.diff(total - booked)).max() < 5e-4
    assert outcome.ledger_closes


def test_an_annealed_run_that_was_stopped_in_it_goes_on_with_it(tmp_path, system):
    protocol = replace(PROTOCOL, anneal_K=700.0, anneal_ps=20.0, relax_ps=1.0)
    with pytest.raises(Interrupted):
        _run(tmp_path, system, protocol, stop=lambda: bool(restarts(tmp_path, 0)[1:]))
    (*_, last) = restarts(tmp_path, 0)
    assert 200 < last.first_step < protocol.anneal_steps
    outcome = _run(tmp_path, system, protocol)
    assert outcome.ended == "finished"
    assert outcome.ledger_closes
    reached = _temperatures_K(tmp_path)
    assert [step for step in reached if step > last.first_step] == [protocol.steps, 10200, 10100, 10000]
    assert reached[10000] == pytest.approx(700.0, rel=0.2)
    assert reached[10200] == pytest.approx(300.0 + 300.0 * 24 / 216, rel=0.25)
    series = read_series(tmp_path)[0]
    assert series.time_ps[[0, -1]] == pytest.approx([0.0, 1.0])
    assert series.T_support_K[:40].mean() < 400.0 < series.T_particle_K[:40].mean()


def _temperatures_K(folder: Path) -> dict[int, float]:
    """Return what LAMMPS told of the whole system's temperature, by step: the first row of each."""
    rows = re.findall(r"^ +(\d+) +([\d.]+) ", (folder / LOG_FILE).read_text(), flags=re.MULTILINE)
    return {int(step): float(kelvin) for step, kelvin in reversed(rows)}


def test_an_atom_that_leaves_ends_the_run_with_lammps_words(tmp_path, system):
    flying = system.copy()
    flying.positions[-1, 2] += 4.0
    protocol = replace(PROTOCOL, particle_K=60000.0, equilibrate_ps=2.0)
    with pytest.raises(CalculationError) as caught:
        _run(tmp_path, flying, protocol)
    # Said by whichever comes first, the next thermodynamic output or the next restart file.
    said = str(caught.value.values["log_tail"])
    assert "ERROR: Lost atoms" in said or "ERROR: Atom count is inconsistent" in said


def test_a_pair_style_that_names_nothing_is_refused(tmp_path, system):
    with pytest.raises(InputError, match="no pair style"):
        replace(PROTOCOL, lammps=None)
    with pytest.raises(InputError, match="not there"):
        PairStyle("eam", ("{Ag} {Ag} x",)).lines(["Au", "Cu"], "p")
    trained = PairStyle("mliap unified {potential} 0", ("* * {species}",))
    assert trained.is_trained
    assert trained.lines(["Au", "Cu"], "p.pt") == ["pair_style mliap unified p.pt 0", "pair_coeff * * Au Cu"]
