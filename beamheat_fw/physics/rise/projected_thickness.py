"""The thickness that a beam passes through, from the positions of a particle's atoms."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter

from beamheat_fw.errors import InputError
from beamheat_fw.physics.eels.thickness import ThicknessProfile
from beamheat_fw.physics.rise.materials import alloy
from beamheat_fw.physics.rise.particle_shape import beam_direction

#: Narrower than this, single atomic columns show instead of a thickness.
_LEAST_PROBE_NM = 0.15
_PIXEL_NM = 0.1


def thickness_map(
    particle: Atoms,
    beam_axis: str | ArrayLike = "y",
    scan_axis: str | ArrayLike = "x",
    pixel_nm: float = _PIXEL_NM,
    probe_nm: float = 0.3,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return a map of the thickness along the beam, seen by a Gaussian probe.

    Parameters
    ----------
    particle : Atoms
    beam_axis, scan_axis : {'x', 'y', 'z'} or array, shape (3,)
        The scan's direction is the map's last axis; its part along the beam is left out.
    pixel_nm : float
    probe_nm : float
        Standard deviation of the probe.

    Returns
    -------
    thickness_nm : array, shape (n, m)
        Its sum times the pixel's area is the particle's volume (atoms times atomic volume).
    across_nm, along_nm : arrays, shapes (n,) and (m,)
        Pixel centres, relative to the particle's centre of atoms.

    Raises
    ------
    InputError
        The scan runs along the beam, or the probe is narrower than atomic columns are apart.
    """
    if probe_nm < _LEAST_PROBE_NM or pixel_nm <= 0.0:
        raise InputError(
            "The probe is too narrow for a thickness",
            f"Give {_LEAST_PROBE_NM} nm or more.",
            {"probe_nm": probe_nm},
        )
    along, across = _plane(beam_axis, scan_axis)
    positions_nm = (particle.positions - particle.positions.mean(axis=0)) / 10.0
    planar = positions_nm @ np.stack([across, along], axis=1)
    edges = [_edges(planar[:, axis], pixel_nm, 4.0 * probe_nm) for axis in (0, 1)]
    counts, _, _ = np.histogram2d(planar[:, 0], planar[:, 1], bins=edges)
    symbols, numbers = np.unique(particle.get_chemical_symbols(), return_counts=True)
    volume_nm3 = alloy(dict(zip(symbols.tolist(), numbers.tolist(), strict=True))).atomic_volume_nm3
    smooth = gaussian_filter(counts, probe_nm / pixel_nm, mode="constant", truncate=4.0)
    centres = [0.5 * (edge[1:] + edge[:-1]) for edge in edges]
    return smooth * volume_nm3 / pixel_nm**2, centres[0], centres[1]


def profile_along(
    particle: Atoms, beam_axis: str | ArrayLike = "y", scan_axis: str | ArrayLike = "x", probe_nm: float = 0.3
) -> ThicknessProfile:
    """Return the thickness along a line scan through the particle's centre, and the particle's volume.

    Raises
    ------
    InputError
        As `thickness_map`.
    """
    thickness, across_nm, along_nm = thickness_map(particle, beam_axis, scan_axis, _PIXEL_NM, probe_nm)
    volume_nm3 = float(thickness.sum()) * _PIXEL_NM**2
    return ThicknessProfile(along_nm, thickness[int(np.argmin(np.abs(across_nm)))], volume_nm3)


def _plane(
    beam_axis: str | ArrayLike, scan_axis: str | ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    beam, scan = beam_direction(beam_axis), beam_direction(scan_axis)
    along = scan - (scan @ beam) * beam
    length = float(np.linalg.norm(along))
    if length < 1e-3:
        raise InputError(
            "The scan runs along the beam",
            "Give a scan axis across the beam axis.",
            {"beam_axis": beam.tolist(), "scan_axis": scan.tolist()},
        )
    along = np.asarray(along / length, dtype=np.float64)
    return along, np.asarray(np.cross(beam, along), dtype=np.float64)


def _edges(values: NDArray[np.float64], pixel: float, margin: float) -> NDArray[np.float64]:
    half = int(np.ceil((np.abs(values).max() + margin) / pixel))
    return (np.arange(-half, half + 2, dtype=np.float64) - 0.5) * pixel
