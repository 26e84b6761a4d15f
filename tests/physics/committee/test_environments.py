"""Environments of atoms, through periodic boundaries."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import add_adsorbate, fcc111
from ase.geometry import get_distances

from beamheat_fw.physics.committee.environments import environments, periodic_images


def gold_on_copper(x: float = 0.0) -> Atoms:
    slab = fcc111("Cu", (4, 4, 3), vacuum=8.0, periodic=True)
    slab.pbc = (True, True, False)
    slab.set_array("body", np.zeros(len(slab), dtype=int))
    add_adsorbate(slab, "Au", 2.4, position=(x, 0.3))
    slab.arrays["body"][-1] = 1
    return slab


@pytest.mark.parametrize("x", [0.0, 5.0, -30.2])
def test_interface_atoms_are_those_within_the_cutoff_across_the_cell_boundary(x):
    atoms = gold_on_copper(x)
    found = environments(atoms, cutoff_A=3.2)
    _, distance = get_distances(atoms.positions[-1:], atoms.positions[:-1], cell=atoms.cell, pbc=atoms.pbc)
    assert found[-1] == "interface"
    np.testing.assert_array_equal(found[:-1] == "interface", distance[0] < 3.2)
    assert set(found) == {"interface", "support"}


def test_environments_do_not_depend_on_wrapping_or_order():
    atoms = gold_on_copper(1.0)
    moved = atoms.copy()
    moved.positions[::3] += 2 * moved.cell[0] - moved.cell[1]
    order = np.random.default_rng(0).permutation(len(atoms))
    np.testing.assert_array_equal(environments(moved), environments(atoms))
    np.testing.assert_array_equal(environments(atoms[order]), environments(atoms)[order])


def test_free_cluster_is_all_particle():
    assert set(environments(Atoms("Au4", np.eye(4, 3) * 3))) == {"particle"}


def test_images_are_all_within_reach_in_a_skewed_cell():
    random = np.random.default_rng(1)
    cell = np.array([[6.0, 0, 0], [2.5, 5.0, 0], [0.4, 0.9, 7.0]])
    positions = random.uniform(-10, 10, (12, 3))
    points, owner = periodic_images(positions, cell, np.array([True, True, True]), 4.0)
    for atom in range(12):
        near = np.linalg.norm(points - points[atom], axis=1)
        expected = [
            np.linalg.norm(points[other] + np.array(shift) @ cell - points[atom])
            for other in range(12)
            for shift in np.ndindex(7, 7, 7)
            for shift in [np.array(shift) - 3]
        ]
        assert (near < 4.0).sum() == (np.array(expected) < 4.0).sum()
    assert (owner[:12] == np.arange(12)).all()
