"""When a plane-wave calculation may go on from the one before, and the order that gives it the chance."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import numpy as np
from ase import Atoms
from ase.geometry import find_mic

#: Root mean square of the atoms. From 0.2 Å on there are metals that take more iterations than cold.
MOST_MOVED_A = 0.15


def system_of(atoms: Atoms) -> Hashable:
    """Return what structures must share to start from one another: elements in order, cell, periodicity.

    The cell is compared to the last digit: plane waves of another cell would be another basis.
    """
    return atoms.numbers.tobytes(), atoms.cell.array.tobytes(), atoms.pbc.tobytes()


def moved_A(before: Atoms, atoms: Atoms) -> float:
    """Return how far the atoms lie from where they were in the same system (root mean square, Å).

    Of each atom's periodic images the nearest counts.
    """
    _, distances_A = find_mic(atoms.positions - before.positions, atoms.cell, atoms.pbc)
    return float(np.sqrt(np.mean(distances_A**2)))


def may_start_warm(before: Atoms, atoms: Atoms) -> bool:
    """Return whether the density and wave functions of `before`, moved along, are a good start for `atoms`.

    They are where both are the same system (`system_of`) and the atoms have moved `MOST_MOVED_A` at most
    (`moved_A`).
    """
    return system_of(before) == system_of(atoms) and moved_A(before, atoms) <= MOST_MOVED_A


def near_after_near(structures: Mapping[str, Atoms]) -> list[tuple[str, Atoms]]:
    """Return structures so that each can start from the one before it.

    Those of one system follow one another, where the first of them stands; of them the next is always the
    one nearest to the last.
    """
    systems: dict[Hashable, list[tuple[str, Atoms]]] = {}
    for label_id, atoms in structures.items():
        systems.setdefault(system_of(atoms), []).append((label_id, atoms))
    ordered = []
    for waiting in systems.values():
        last = waiting.pop(0)
        ordered.append(last)
        while waiting:
            distances_A = [moved_A(last[1], atoms) for _, atoms in waiting]
            last = waiting.pop(int(np.argmin(distances_A)))
            ordered.append(last)
    return ordered
