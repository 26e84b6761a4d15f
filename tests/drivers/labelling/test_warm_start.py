"""Plane-wave labels that start from the structure before: when they do, and that they mean the same."""

import numpy as np
import pytest
from ase import Atoms

from beamheat_fw.campaign import GpawSettings
from beamheat_fw.drivers.labelling.folder import LabellingFolder
from beamheat_fw.drivers.labelling.gpaw import GpawReference
from beamheat_fw.drivers.labelling.program import in_turn
from beamheat_fw.drivers.labelling.results import Attempt
from beamheat_fw.drivers.labelling.warm_start import MOST_MOVED_A, may_start_warm, near_after_near
from tests.drivers.labelling.folders import label

PLANE_WAVES = GpawSettings(
    mode="pw", cutoff_eV=120, dispersion="none", energy_convergence_eV=1e-6, density_convergence=1e-5
)
KILLED = Attempt("RanksDiedError: rc 137", "started again", "KilledRank")


def aluminium(moved_A=0.0, pbc=True):
    """Two atoms, each `moved_A` from its place; along x one of them leaves the cell through its face."""
    atoms = Atoms("Al2", positions=[[0.01, 1.0, 1.0], [0.01, 1.0, 3.7]], cell=[4.0, 4.0, 8.4], pbc=pbc)
    atoms.positions += moved_A * np.array([[-0.8, 0.6, 0.0], [0.0, 0.6, 0.8]])
    return atoms


def starts(results):
    return {label_id: result.evaluation.start for label_id, result in results.items() if result.evaluation}


def test_only_a_near_structure_of_the_same_system_is_a_start():
    before = aluminium()
    assert may_start_warm(before, aluminium(0.99 * MOST_MOVED_A))
    assert not may_start_warm(before, aluminium(1.01 * MOST_MOVED_A))
    image = aluminium()
    image.positions += image.cell[2]
    assert may_start_warm(before, image)
    stretched = aluminium()
    stretched.cell[2, 2] += 1e-6
    other_element, other_order = aluminium(), aluminium()
    other_element.symbols[0] = "Au"
    other_order.positions = other_order.positions[::-1]
    for other in (stretched, aluminium(pbc=(True, True, False)), aluminium()[:1], other_element, other_order):
        assert not may_start_warm(before, other)


def test_structures_of_one_system_follow_one_another_the_nearest_next():
    gold = aluminium()
    gold.symbols[:] = "Au"
    structures = {"a0": aluminium(), "gold": gold, "a3": aluminium(0.3), "a1": aluminium(0.1)}
    assert [label_id for label_id, _ in near_after_near(structures)] == ["a0", "a1", "a3", "gold"]
    too_long = {"a0": [Attempt("JobEndedError: the job ended", None, "Walltime")]}
    assert [label_id for label_id, _ in in_turn(structures, too_long, True)] == ["a1", "a3", "gold", "a0"]
    assert [label_id for label_id, _ in in_turn(structures, {}, False)] == list(structures)


@pytest.mark.gpaw
@pytest.mark.mpi
@pytest.mark.parametrize("kpts", [(1, 1, 1), (2, 1, 1)], ids=["ranks share waves", "ranks share k-points"])
def test_a_warm_label_means_what_a_cold_one_means_and_takes_fewer_iterations(make_folder, kpts):
    settings = PLANE_WAVES.model_copy(update={"kpts": kpts})
    near = aluminium(0.05)
    folder = make_folder({"first": aluminium(), "near": near, "near_cold": near}, settings)
    # What has failed once starts cold, on the same path.
    LabellingFolder(folder).record("near_cold", [KILLED])
    results = label(folder)
    assert starts(results) == {"first": "cold", "near": "warm", "near_cold": "cold"}
    cold = results["near_cold"].evaluation

    warm = results["near"].evaluation
    assert warm.iterations < cold.iterations
    electrons = 6
    assert warm.energy_eV == pytest.approx(cold.energy_eV, abs=electrons * settings.energy_convergence_eV)
    np.testing.assert_allclose(warm.forces_eV_A, cold.forces_eV_A, atol=3e-4)
    np.testing.assert_allclose(warm.stress_eV_A3, cold.stress_eV_A3, atol=3e-6)
    assert "SCF iterations" in (folder / "logs" / "near.0.txt").read_text()


@pytest.mark.gpaw
def test_what_has_failed_starts_cold_and_leaves_nothing_to_start_from(make_folder):
    """One has an atom nearer to the open side of the cell, at 0 Å, than the 0.2 Å that GPAW allows."""
    structures = {}
    for name, height_A in {"first": 0.22, "nearer": 0.19, "next": 0.26, "killed": 0.28, "last": 0.30}.items():
        structures[name] = aluminium(pbc=(True, True, False))
        structures[name].positions[:, 2] += height_A - 1.0
    folder = make_folder(structures, PLANE_WAVES)
    LabellingFolder(folder).record("killed", [KILLED])
    results = label(folder, ranks=1)
    assert starts(results) == {"first": "cold", "next": "cold", "killed": "cold", "last": "warm"}
    warm, cold = results["nearer"].attempts
    assert (warm.problem, warm.correction) == ("WarmStart", "cold start")
    assert "AtomsTooClose" in warm.reason
    assert (cold.problem, cold.correction) == (None, None)
    assert cold.reason.startswith("AtomsTooClose")


@pytest.mark.gpaw
def test_orbitals_never_start_warm(tmp_path, quick_gpaw, molecule):
    reference = GpawReference(quick_gpaw)
    assert not reference.starts_warm
    for bond_A in (0.80, 0.81):
        found = reference.evaluate(molecule(bond_A), reference.numerics, tmp_path / "log.txt", warm=True)
        assert found.start == "cold"


@pytest.mark.gpaw
def test_energies_of_the_structure_before_are_no_sign_of_convergence(tmp_path):
    """GPAW asks for three energies that agree: those of another structure, here the same, shall not count."""
    reference = GpawReference(PLANE_WAVES)
    for _ in range(2):
        found = reference.evaluate(aluminium(), reference.numerics, tmp_path / "log.txt", warm=True)
    assert found.start == "warm"
    assert found.iterations >= 3
