"""Shares out atoms so that every rank has the same work, wherever the atoms are."""

from __future__ import annotations

import numpy as np


def bisect(points_A: np.ndarray, weights: np.ndarray, parts: int) -> np.ndarray:
    """Cut a cloud of points into compact parts of equal weight.

    Recursive bisection of the longest extent (Berger and Bokhari, IEEE Trans. Comput. C-36, 570 (1987)).
    The cuts follow the atoms, not the cell: vacuum around a particle leaves no part empty as long as there
    are as many points as parts.

    Parameters
    ----------
    points_A : ndarray, shape (N, 3)
    weights : ndarray, shape (N,)
        The work each point is.
    parts : int

    Returns
    -------
    ndarray of int, shape (N,)
        The part of each point.
    """
    part = np.zeros(len(points_A), dtype=int)
    _cut(points_A, weights, np.arange(len(points_A)), range(parts), part)
    return part


def _cut(points: np.ndarray, weights: np.ndarray, inside: np.ndarray, parts: range, part: np.ndarray) -> None:
    if len(parts) == 1 or not inside.size:
        part[inside] = parts[0]
        return
    lower, upper = parts[: len(parts) // 2], parts[len(parts) // 2 :]
    extents = np.ptp(points[inside], axis=0)
    ordered = inside[np.argsort(points[inside, np.argmax(extents)], kind="stable")]
    sums = np.cumsum(weights[ordered])
    at = int(np.searchsorted(sums, sums[-1] * len(lower) / len(parts))) + 1
    if inside.size >= len(parts):
        at = min(max(at, len(lower)), inside.size - len(upper))
    _cut(points, weights, ordered[:at], lower, part)
    _cut(points, weights, ordered[at:], upper, part)


def within_cell(positions_A: np.ndarray, cell_A: np.ndarray, pbc: np.ndarray) -> np.ndarray:
    """Return the positions moved into the cell along its periodic vectors; shape (N, 3)."""
    fractional = np.linalg.solve(cell_A.T, positions_A.T).T
    return positions_A - np.floor(fractional) * np.asarray(pbc, dtype=float) @ cell_A
