"""What of a particle's motion is heat, and what is drift and turning of the whole."""

from __future__ import annotations

import numpy as np

from beamheat_fw.drivers.md.batch import Batch


def motion_inside_particle(batch: Batch, positions_A: np.ndarray, velocities: np.ndarray) -> np.ndarray:
    """Return the particles' velocities without drift and turning, zero for the support; shape (N, 3).

    With angular momentum L and inertia tensor I about the centre of mass the particle turns at I^-1 L; the
    pseudo-inverse leaves out the axis of a linear particle. What is left carries neither momentum and is
    orthogonal to what was taken out, so that their kinetic energies add up. Positions are not wrapped during
    a run, so a particle is never cut by the cell.
    """
    frame = batch.frame
    masses = np.where(batch.body == 1, batch.masses_amu, 0.0)
    total = batch.per_frame(masses)
    total = np.where(total > 0, total, 1.0)[:, None]
    centre = batch.per_frame(masses[:, None] * positions_A) / total
    drift = batch.per_frame(masses[:, None] * velocities) / total
    arms, left = positions_A - centre[frame], velocities - drift[frame]
    weighted = masses[:, None] * arms
    angular = batch.per_frame(np.cross(weighted, left))
    second = batch.per_frame(weighted[:, :, None] * arms[:, None, :])
    inertia = np.trace(second, axis1=1, axis2=2)[:, None, None] * np.eye(3) - second
    turning = np.einsum("fij,fj->fi", np.linalg.pinv(inertia, rcond=1e-8, hermitian=True), angular)
    return np.where((batch.body == 1)[:, None], left - np.cross(turning[frame], arms), 0.0)
