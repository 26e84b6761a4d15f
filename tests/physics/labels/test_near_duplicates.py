import numpy as np
import pytest
from ase.build import fcc111

from beamheat_fw.physics.labels.near_duplicates import near_duplicates, rmsd_A, surely_apart


def test_order_and_images_do_not_hide_a_duplicate() -> None:
    slab = fcc111("Au", (2, 2, 2), vacuum=5.0)
    other = slab[::-1]
    other.positions[3] += slab.cell[0]
    assert rmsd_A(slab, other) == pytest.approx(0.0, abs=1e-9)


def test_distance_is_that_of_the_displacements() -> None:
    slab = fcc111("Au", (2, 2, 2), vacuum=5.0)
    moved = slab.copy()
    moved.positions[0, 2] += 0.04
    assert rmsd_A(slab, moved) == pytest.approx(0.04 / np.sqrt(len(slab)))
    assert [pair[:2] for pair in near_duplicates([slab, moved])] == [(0, 1)]
    assert near_duplicates([slab, moved], limit_A=0.01) == []


def test_other_compositions_and_cells_are_never_duplicates() -> None:
    slab = fcc111("Au", (2, 2, 2), vacuum=5.0)
    copper, wide = slab.copy(), slab.copy()
    copper.numbers[0] = 29
    wide.set_cell(slab.cell * 1.01)
    assert near_duplicates([slab, copper, wide]) == []


def test_heights_tell_structures_apart_without_pairing_their_atoms() -> None:
    slab = fcc111("Au", (2, 2, 2), vacuum=5.0)
    raised, aside = slab.copy(), slab.copy()
    raised.positions[5, 2] += 0.5
    aside.positions[5, 0] += 0.5
    assert surely_apart(slab, raised, 0.02)
    assert not surely_apart(slab, aside, 0.02)
    # In a periodic direction the order of the heights says nothing.
    for atoms in (slab, raised):
        atoms.pbc = True
    assert not surely_apart(slab, raised, 0.02)
    assert rmsd_A(slab, aside) == float("inf")
