"""Pieces of large frames keep the surroundings of their core, and the right periodicity."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import fcc111, graphene
from ase.neighborlist import neighbor_list

from beamheat_fw.errors import InputError
from beamheat_fw.physics.committee.cutouts import CutOutLimits, core_of, cut_out, is_whole


def rattled(atoms: Atoms) -> Atoms:
    atoms.positions += np.random.default_rng(1).normal(0.0, 0.05, atoms.positions.shape)
    atoms.set_array("body", np.zeros(len(atoms), dtype=int))
    return atoms


@pytest.fixture
def slab() -> Atoms:
    """Three layers of copper, wide in both directions; not orthogonal."""
    return rattled(fcc111("Cu", (12, 12, 3), vacuum=8.0))


def surroundings(atoms: Atoms, chosen: np.ndarray, cutoff_A: float) -> list[np.ndarray]:
    """Sorted vectors to all neighbours of each chosen atom."""
    first, vectors = neighbor_list("iD", atoms, cutoff_A)
    found = [np.round(vectors[first == atom], 6) for atom in chosen]
    return [one[np.lexsort(one.T)] for one in found]


@pytest.mark.parametrize("centre", [0, 17, 250])
def test_the_core_has_the_surroundings_it_has_in_the_frame(slab: Atoms, centre: int) -> None:
    piece = cut_out(slab, centre, CutOutLimits(120, shell_A=4.0))
    assert len(piece) <= 120
    core = np.flatnonzero(core_of(piece))
    assert 0 < len(core) < len(piece)
    here = surroundings(piece, core, 4.0)
    everywhere = surroundings(slab, np.arange(len(slab)), 4.0)
    for one in here:
        assert any(one.shape == other.shape and np.allclose(one, other, atol=2e-6) for other in everywhere)


def test_a_wide_slab_is_cut_into_an_island_in_vacuum(slab: Atoms) -> None:
    piece = cut_out(slab, 17, CutOutLimits(60, shell_A=3.0, vacuum_A=8.0))
    assert not piece.pbc.any()
    assert not is_whole(piece)
    extent = piece.positions.max(axis=0) - piece.positions.min(axis=0)
    np.testing.assert_allclose(piece.cell.lengths() - extent, 8.0, atol=2.0)
    inside = piece.get_scaled_positions(wrap=False)
    assert (inside > 0.0).all()
    assert (inside < 1.0).all()


def test_a_narrow_direction_stays_periodic() -> None:
    ribbon = rattled(fcc111("Cu", (3, 20, 2), vacuum=8.0, orthogonal=False))
    piece = cut_out(ribbon, 60, CutOutLimits(48, shell_A=3.0))
    np.testing.assert_array_equal(piece.pbc, [True, False, False])
    np.testing.assert_allclose(piece.cell[0], ribbon.cell[0])
    np.testing.assert_allclose(piece.cell[1] @ piece.cell[0], 0.0, atol=1e-9)
    core = np.flatnonzero(core_of(piece))
    here = surroundings(piece, core, 3.0)
    everywhere = surroundings(ribbon, np.arange(len(ribbon)), 3.0)
    for one in here:
        assert any(one.shape == other.shape and np.allclose(one, other, atol=2e-6) for other in everywhere)


def test_a_deep_slab_loses_its_bottom_and_keeps_its_plane() -> None:
    deep = rattled(fcc111("Cu", (3, 3, 16), vacuum=8.0))
    piece = cut_out(deep, len(deep) - 1, CutOutLimits(60, shell_A=4.0))
    np.testing.assert_array_equal(piece.pbc, [True, True, False])
    np.testing.assert_allclose(piece.cell[:2], deep.cell[:2])
    assert piece.positions[core_of(piece), 2].min() > piece.positions[~core_of(piece), 2].min()


def test_a_small_frame_is_left_alone() -> None:
    sheet = graphene(size=(3, 3, 1), vacuum=8.0)
    piece = cut_out(sheet, 0, CutOutLimits(18))
    assert piece is sheet
    assert is_whole(piece)


def test_a_piece_of_nothing_but_shell_is_refused(slab: Atoms) -> None:
    with pytest.raises(InputError, match="max_label_atoms"):
        cut_out(slab, 17, CutOutLimits(10, shell_A=6.0))
