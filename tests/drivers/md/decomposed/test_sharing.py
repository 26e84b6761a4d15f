"""How atoms are shared out, and which others a rank needs; no MPI is needed to tell."""

from __future__ import annotations

import numpy as np
import pytest
from matscipy.neighbours import neighbour_list

from beamheat_fw.drivers.md.decomposed.bisection import bisect, within_cell
from beamheat_fw.drivers.md.decomposed.neighbourhood import Surroundings, neighbourhood

REACH_A = 4.5


@pytest.mark.parametrize("parts", [1, 2, 3, 7, 16, 300])
def test_parts_are_of_equal_size_and_none_is_empty(parts):
    points = np.random.default_rng(0).normal(size=(300, 3)) * [30.0, 10.0, 3.0]
    sizes = np.bincount(bisect(points, np.ones(300), parts), minlength=parts)
    assert sizes.sum() == 300
    assert sizes.min() >= 300 // parts - 1
    assert sizes.min() > 0
    assert np.ptp(sizes) <= 1 + np.log2(parts)


def test_parts_are_of_equal_work_where_atoms_are_not():
    points = np.random.default_rng(1).uniform(size=(4000, 3))
    work = np.where(points[:, 0] < 0.2, 5.0, 1.0)
    shared = np.bincount(bisect(points, work, 8), weights=work)
    assert np.ptp(shared) < 0.02 * shared.mean()


def test_parts_are_compact():
    points = np.random.default_rng(2).uniform(size=(8000, 3)) * 20.0
    part = bisect(points, np.ones(8000), 8)
    assert max(np.ptp(points[part == one], axis=0).max() for one in range(8)) < 11.0


def test_positions_move_into_the_cell_along_periods_alone():
    cell = np.array([[4.0, 0, 0], [2.0, 5.0, 0], [0, 0, 9.0]])
    inside = within_cell(np.array([[7.0, 6.0, 20.0], [-1.0, 0.0, -3.0]]), cell, np.array([True, True, False]))
    assert inside == pytest.approx(np.array([[1.0, 1.0, 20.0], [3.0, 0.0, -3.0]]))


@pytest.mark.parametrize("name", ["bulk", "slab", "particle on slab", "thin cell", "fewer atoms than ranks"])
@pytest.mark.parametrize("ranks", [1, 3, 5])
def test_every_edge_belongs_to_one_rank_and_its_far_end_is_known_there(shared_systems, name, ranks):
    """Edges of all ranks together are those of the whole system, however far atoms have left the cell."""
    atoms = shared_systems[name]
    random = np.random.default_rng(3)
    hops = random.integers(-1, 2, atoms.positions.shape) * atoms.pbc
    positions = atoms.positions + hops @ atoms.cell.array
    owners = bisect(within_cell(positions, atoms.cell.array, atoms.pbc), np.ones(len(atoms)), ranks)
    around = Surroundings(positions, owners, atoms.cell.array, atoms.pbc)
    found = []
    for rank in range(ranks):
        part = neighbourhood(around, rank, REACH_A)
        own = np.flatnonzero(owners == rank)
        nodes = np.concatenate([own, part.ghosts])
        assert np.unique(nodes).size == nodes.size
        assert (part.first < own.size).all()
        vectors = positions[nodes[part.second]] + part.shifts_A - positions[nodes[part.first]]
        found.append(np.column_stack([nodes[part.first], nodes[part.second], vectors]))
    whole = {"positions": atoms.positions, "cell": atoms.cell.array, "pbc": atoms.pbc}
    first, second, vectors = neighbour_list("ijD", cutoff=REACH_A, **whole)
    expected = np.column_stack([first, second, vectors])
    assert _sorted(np.concatenate(found)) == pytest.approx(_sorted(expected), abs=1e-9)


def _sorted(edges: np.ndarray) -> np.ndarray:
    return edges[np.lexsort(np.round(edges, 4).T)]
