"""Structures so alike that a second label teaches nothing."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from ase import Atoms
from ase.geometry import find_mic

#: Root mean square distance of atoms (Å) below which two structures are near-duplicates.
NEAR_RMSD_A = 0.02
_SAME_CELL_A = 0.02


def rmsd_A(one: Atoms, other: Atoms) -> float:
    """Return the root mean square distance (Å) of the atoms of two structures, infinite if they cannot match.

    Atoms of one element are interchangeable and are paired for the least sum of squares; images across
    periodic directions count. Rotations and rigid shifts are not taken out: both structures sit on a support.
    """
    alike = len(one) == len(other) and (one.pbc == other.pbc).all()
    if not alike or sorted(one.numbers) != sorted(other.numbers):
        return float("inf")
    if np.abs(one.cell.array - other.cell.array).max() > _SAME_CELL_A:
        return float("inf")
    from scipy.optimize import linear_sum_assignment

    total = 0.0
    for number in np.unique(one.numbers):
        ours, theirs = one.positions[one.numbers == number], other.positions[other.numbers == number]
        vectors = (ours[:, np.newaxis] - theirs[np.newaxis]).reshape(-1, 3)
        squares = (find_mic(vectors, one.cell, one.pbc)[1] ** 2).reshape(len(ours), len(theirs))
        total += float(squares[linear_sum_assignment(squares)].sum())
    return float(np.sqrt(total / max(len(one), 1)))


def near_duplicates(
    structures: Sequence[Atoms], limit_A: float = NEAR_RMSD_A
) -> list[tuple[int, int, float]]:
    """Return the pairs of structures nearer than `limit_A`, each with its distance (Å)."""
    distances = (
        (i, j, rmsd_A(structures[i], structures[j]))
        for i, j in combinations(range(len(structures)), 2)
        if not surely_apart(structures[i], structures[j], limit_A)
    )
    return [found for found in distances if found[2] < limit_A]


def surely_apart(one: Atoms, other: Atoms, limit_A: float) -> bool:
    """Return whether a quick look shows that two structures are farther apart than `limit_A`.

    Their atoms' heights, in order, are the cheapest pairing there can be: where those alone are too far
    apart, no pairing of the atoms is needed. Only along an axis that is not periodic, normal to the others.
    """
    if (one.numbers.size, one.pbc[2]) != (other.numbers.size, False) or other.pbc[2]:
        return False
    if np.abs(one.cell.array[:2, 2]).max() > 0.0 or (np.sort(one.numbers) != np.sort(other.numbers)).any():
        return False
    heights = [
        atoms.positions[np.lexsort((atoms.positions[:, 2], atoms.numbers)), 2] for atoms in (one, other)
    ]
    return bool(np.sqrt(np.mean((heights[0] - heights[1]) ** 2)) > limit_A)
