"""Finds atoms that have left the particle or the support."""

from __future__ import annotations

import numpy as np

from beamheat_fw.drivers.md.batch import BODIES, Batch

_NAMES = ("support", "particle")


def escapes(batch: Batch, positions_A: np.ndarray, distance_A: float) -> dict[int, str]:
    """Return the frames in which a body has come apart, as positions in `batch`, each with the reason.

    Atoms of one body closer than `distance_A` hang together; what does not hang together with the body's
    largest piece has escaped. A particle further than that from every support atom has left its support.
    """
    first, second = _pairs(batch, positions_A, distance_A)
    touching = np.zeros(len(batch), dtype=bool)
    touching[batch.frame[first[batch.body[first] != batch.body[second]]]] = True
    alone = (batch.body_counts > 0).all(axis=1) & ~touching
    reasons = dict.fromkeys(np.flatnonzero(alone).tolist(), "the particle left its support")
    for group, atoms in _lost(batch, first, second).items():
        frame, body = divmod(group, BODIES)
        reasons[frame] = f"{len(atoms)} of the {_NAMES[body]}'s atoms escaped (atom {atoms[0]})"
    return reasons


def _pairs(batch: Batch, positions_A: np.ndarray, distance_A: float) -> np.ndarray:
    from matscipy.neighbours import neighbour_list

    found = []
    for index, atoms in enumerate(batch.templates):
        where = batch.of_frame(index)
        frame = {"positions": positions_A[where], "cell": atoms.cell[:], "pbc": atoms.pbc}
        found.append(where.start + np.stack(neighbour_list("ij", cutoff=distance_A, **frame)))
    return np.concatenate(found, axis=1)


def _lost(batch: Batch, first: np.ndarray, second: np.ndarray) -> dict[int, list[int]]:
    """Return the atoms outside the largest piece of their body, by frame and body, numbered in the frame."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    bonded = batch.group[first] == batch.group[second]
    links = coo_array((np.ones(bonded.sum()), (first[bonded], second[bonded])), shape=(batch.atoms,) * 2)
    pieces, piece = connected_components(links, directed=False)
    group_of_piece = np.empty(pieces, dtype=int)
    group_of_piece[piece] = batch.group
    largest = np.zeros(BODIES * len(batch), dtype=int)
    for number in np.argsort(np.bincount(piece), kind="stable"):
        largest[group_of_piece[number]] = number
    outside = np.flatnonzero(piece != largest[batch.group])
    lost: dict[int, list[int]] = {}
    for atom in outside:
        lost.setdefault(int(batch.group[atom]), []).append(int(atom - batch.first[batch.frame[atom]]))
    return lost
