"""Both programs for real: two MPI ranks, a NequIP committee."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms

from beamheat_fw.drivers.md.exploration.job import explore, read_frames, stage_explore
from beamheat_fw.drivers.md.heating.job import heat, stage_heat
from beamheat_fw.drivers.md.inputs import KNOWN_FILE, write_structures
from beamheat_fw.drivers.md.progress import read_progress
from beamheat_fw.drivers.md.protocols import CommitteeFile, ExplorationProtocol, HeatProtocol
from beamheat_fw.drivers.mpi import MpiLauncher
from beamheat_fw.errors import Interrupted
from beamheat_fw.physics.committee.calibration import LEVELS, Calibration, SpreadMap

pytestmark = [pytest.mark.nequip, pytest.mark.mpi, pytest.mark.slow]

HEAT = HeatProtocol(
    particle_K=300.0,
    support_K=100.0,
    timestep_fs=0.5,
    friction_per_ps=5.0,
    equilibrate_ps=0.01,
    relax_ps=0.03,
    replicas_per_rank=2,
    sample_every=1,
    audit_every=20,
    checkpoint_every=1000,
    seed=3,
)
#: A calibration that finds every force accurate: of the gate novelty alone is left.
TRUSTING = Calibration({"all": SpreadMap(np.array([1e-3, 1e3]), np.array([1e-6, 1e-6]), LEVELS, 1.0, 100)}, 9)
GATE = {"target_force_error_eV_A": 0.5, "confidence": 0.68}


@pytest.fixture(scope="module")
def labelled(tiny_dataset: list[Atoms]) -> Atoms:
    """A structure like those the tiny committee was trained on; gold is the particle."""
    atoms = next(frame.copy() for frame in tiny_dataset if {29, 79} == set(frame.numbers))
    atoms.calc = None
    atoms.info = {}
    atoms.set_array("body", (atoms.numbers == 79).astype(int))
    return atoms


def _staged(folder: Path, packages: list[Path], driver: int | None) -> tuple[Path, CommitteeFile]:
    folder.mkdir()
    names = [f"member-{number}.nequip.zip" for number in range(len(packages))]
    for package, name in zip(packages, names, strict=True):
        shutil.copy(package, folder / name)
    return folder, CommitteeFile(tuple(names), driver)


def _staged_heat(
    folder: Path, labelled: Atoms, packages: list[Path], known: list[Atoms], **changed: Any
) -> Path:
    folder, committee = _staged(folder, packages, driver=1)
    committee = replace(committee, calibration=TRUSTING.to_dict(), gate=GATE)
    write_structures(folder / KNOWN_FILE, [frame.copy() for frame in known])
    stage_heat(folder, labelled, replace(HEAT, **changed), committee)
    return folder


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, labelled, tiny_committee_packages, tiny_dataset) -> Path:
    """Two ranks with two replicas each, moved to the end at once."""
    root = tmp_path_factory.mktemp("heat")
    folder = _staged_heat(root / "undisturbed", labelled, tiny_committee_packages, tiny_dataset)
    heat(folder, ranks=2, launcher=MpiLauncher(), stop=lambda: False)
    return folder


def test_both_engines_run_the_same_replica(
    tmp_path, labelled, tiny_committee_packages, tiny_dataset, undisturbed
):
    """Moved by one rank, or its atoms shared by two: the same noise and audits, sums in another order."""
    folder = _staged_heat(
        tmp_path / "decomposed",
        labelled,
        tiny_committee_packages,
        tiny_dataset,
        engine="decomposed",
        replicas_per_rank=1,
    )
    outcome = heat(folder, ranks=2, launcher=MpiLauncher(), stop=lambda: False)
    assert [replica["replica"] for replica in outcome.replicas] == [0]
    assert not (folder / "series-1.npz").exists()
    with np.load(undisturbed / "series-0.npz") as one, np.load(folder / "series-0.npz") as two:
        assert set(one.files) == set(two.files)
        _assert_same_replica({name: one[name][0] for name in two.files}, {name: two[name][0] for name in two})


def _assert_same_replica(one: dict[str, np.ndarray], two: dict[str, np.ndarray]) -> None:
    assert np.ptp(one["T_support_K"]) > 1.0
    # The network is in single precision; a particle of one atom has no temperature.
    assert two["T_support_K"] == pytest.approx(one["T_support_K"], rel=1e-3)
    assert two["E_particle_eV"] == pytest.approx(one["E_particle_eV"], abs=1e-3)
    assert two["E_total_eV"] == pytest.approx(one["E_total_eV"], abs=1e-3)
    assert two["audit_max_eV_A"] == pytest.approx(one["audit_max_eV_A"], rel=1e-3, nan_ok=True)
    assert two["audit_novelty"] == pytest.approx(one["audit_novelty"], rel=1e-3)
    assert np.array_equal(two["audit_verdict"], one["audit_verdict"])
    # It starts, relaxed, near what the committee was trained on, and stays there.
    assert 0.0 < one["audit_novelty"].min() < one["audit_novelty"].max() < 2.0


def test_stopped_heating_goes_on_bit_for_bit(
    tmp_path, labelled, tiny_committee_packages, tiny_dataset, undisturbed
):
    stopped = _staged_heat(tmp_path / "stopped", labelled, tiny_committee_packages, tiny_dataset)
    with pytest.raises(Interrupted):
        heat(stopped, ranks=2, launcher=MpiLauncher(), stop=lambda: read_progress(stopped) is not None)
    assert list(stopped.glob("state-*.ckpt"))
    outcome = heat(stopped, ranks=2, launcher=MpiLauncher(), stop=lambda: False)
    assert outcome.ended == "finished"
    assert {rank["driving"]["form"] for rank in outcome.ranks} == {"eager"}
    assert [replica["replica"] for replica in outcome.replicas] == [0, 1, 2, 3]
    temperatures = []
    for rank in range(2):
        with (
            np.load(undisturbed / f"series-{rank}.npz") as one,
            np.load(stopped / f"series-{rank}.npz") as other,
        ):
            for column in one.files:
                assert np.array_equal(one[column], other[column], equal_nan=True), column
            assert np.nanmin(one["audit_max_eV_A"]) > 0.0
            temperatures.extend(one["T_support_K"])
    assert len({values[0] for values in temperatures}) == 4


def test_two_ranks_explore_all_starts(tmp_path, labelled, tiny_committee_packages):
    folder, committee = _staged(tmp_path / "run", tiny_committee_packages, driver=None)
    starts = []
    for number in range(3):
        atoms = labelled.copy()
        atoms.info = {"trajectory": f"t{number}", "temperature_K": 100.0 * (number + 1), "seed": number}
        starts.append(atoms)
    protocol = ExplorationProtocol(steps=20, timestep_fs=0.5, friction_per_ps=5.0, frame_every=10)
    stage_explore(folder, starts, protocol, committee)
    result = explore(folder, ranks=2, launcher=MpiLauncher(), stop=lambda: False)
    assert [end["trajectory"] for end in result.trajectories] == ["t0", "t1", "t2"]
    frames = read_frames(folder)
    assert sum(result.verdicts.values()) == len(frames) >= 3
    assert {atoms.info["temperature_K"] for atoms in frames} == {100.0, 200.0, 300.0}
    assert all(atoms.info["max_spread_eV_A"] > 0.0 for atoms in frames)
    assert explore(folder, ranks=2, launcher=MpiLauncher(), stop=lambda: False) == result
