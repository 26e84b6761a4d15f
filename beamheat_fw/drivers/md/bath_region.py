"""Which atoms of the support a bath holds, so that it does not touch the interface."""

from __future__ import annotations

import numpy as np
from ase import Atoms


def far_support(system: Atoms, share: float) -> np.ndarray:
    """Return which atoms are the `share` of the support that lies farthest from the particle; shape (N,).

    Under a thick slab that is its lower face, in a sheet its rim. Distances are to the nearest atom of the
    particle or of its periodic images.

    Parameters
    ----------
    system : Atoms
        With the array ``body``.
    share : float
        Of the support's atoms, at least one.
    """
    from scipy.spatial import KDTree

    body = system.arrays["body"]
    support = np.flatnonzero(body == 0)
    images = [range(-1, 2) if periodic else range(1) for periodic in system.pbc]
    shifts = np.array([[i, j, k] for i in images[0] for j in images[1] for k in images[2]]) @ system.cell[:]
    particle = (system.positions[body == 1][None] + shifts[:, None]).reshape(-1, 3)
    distances, _ = KDTree(particle).query(system.positions[support])
    count = max(1, round(share * support.size))
    far = np.zeros(len(system), dtype=bool)
    far[support[np.argsort(-distances, kind="stable")[:count]]] = True
    return far
