"""Finds atoms that have left the particle or the support."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list

from beamheat_fw.drivers.md.batch import Batch

#: Body number and name; the particle comes first because it loses atoms more easily.
_BODIES = ((1, "particle"), (0, "support"))


def escapes(batch: Batch, positions_A: np.ndarray, distance_A: float) -> dict[int, str]:
    """Return the frames in which a body has come apart, as positions in `batch`, each with the reason.

    Atoms of one body closer than `distance_A` hang together; what does not hang together with the body's
    largest piece has escaped. A particle further than that from every support atom has left its support.
    """
    reasons: dict[int, str] = {}
    for index, template in enumerate(batch.templates):
        where = batch.of_frame(index)
        reason = _escape(template, positions_A[where], batch.body[where], distance_A)
        if reason:
            reasons[index] = reason
    return reasons


def _escape(template: Atoms, positions_A: np.ndarray, body: np.ndarray, distance_A: float) -> str | None:
    frame = Atoms(template.numbers, positions=positions_A, cell=template.cell, pbc=template.pbc)
    first, second = neighbor_list("ij", frame, distance_A)
    for number, name in _BODIES:
        lost = _outside_largest_piece(first, second, body == number)
        if lost.size:
            return f"{lost.size} of the {name}'s atoms escaped (atom {lost[0]})"
    if body.any() and not body.all() and not (body[first] != body[second]).any():
        return "the particle left its support"
    return None


def _outside_largest_piece(first: np.ndarray, second: np.ndarray, inside: np.ndarray) -> np.ndarray:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    bonded = inside[first] & inside[second]
    graph = coo_array((np.ones(bonded.sum()), (first[bonded], second[bonded])), shape=(inside.size,) * 2)
    _, piece = connected_components(graph, directed=False)
    members = np.flatnonzero(inside)
    if members.size == 0:
        return members
    return members[piece[members] != np.bincount(piece[members]).argmax()]
