"""A particle's volume, contact area and projections from the positions of its atoms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import ConvexHull, QhullError

from beamheat_fw.errors import InputError
from beamheat_fw.physics.rise.materials import alloy
from beamheat_fw.units import A2_PER_NM2, A3_PER_NM3

#: Length in angstrom that one atom adds to a column, in the paper's recipe: gold's nearest-neighbour
#: distance.
PAPER_ATOM_LENGTH_A = 2.88
_COLUMN_TOLERANCE_A = 0.1
_LAYER_DECIMALS = 2
_AXES = {"x": (1.0, 0.0, 0.0), "y": (0.0, 1.0, 0.0), "z": (0.0, 0.0, 1.0)}


@dataclass(frozen=True)
class ParticleShape:
    """What heating and heat flow need to know of a particle's shape.

    Attributes
    ----------
    atoms : int
    volume_nm3 : float
        Atoms times the volume of one atom in the bulk.
    hull_volume_nm3 : float
        Convex hull through the nuclei.
    contact_area_nm2 : float
        Convex hull of the bottom layer.
    side_area_nm2 : float
        S: convex hull of the projection along the beam.
    mean_thickness_nm : float
        Mean atoms in a column along the beam times 2.88 A.
    height_nm : float
        Between the lowest and the highest nuclei.
    """

    atoms: int
    volume_nm3: float
    hull_volume_nm3: float
    contact_area_nm2: float
    side_area_nm2: float
    mean_thickness_nm: float
    height_nm: float

    @property
    def column_volume_nm3(self) -> float:
        """Side area times mean thickness: the volume that the paper's power stands for."""
        return self.side_area_nm2 * self.mean_thickness_nm


def measure_shape(particle: Atoms, beam_axis: str | ArrayLike = "y") -> ParticleShape:
    """Measure a particle that sits on a support below it (z is the support's normal).

    Parameters
    ----------
    particle : Atoms
        The particle alone.
    beam_axis : {'x', 'y', 'z'} or array, shape (3,)
        Direction of the beam. The paper looks edge-on, along y.

    Raises
    ------
    InputError
        There are too few atoms for a solid shape, or the axis is no direction.
    """
    positions = particle.positions
    symbols, counts = np.unique(particle.get_chemical_symbols(), return_counts=True)
    bulk = alloy(dict(zip(symbols.tolist(), counts.tolist(), strict=True)))
    projected = project(positions, beam_axis)
    return ParticleShape(
        atoms=len(particle),
        volume_nm3=len(particle) * bulk.atomic_volume_nm3,
        hull_volume_nm3=_hull(positions).volume / A3_PER_NM3,
        contact_area_nm2=contact_area_nm2(positions),
        side_area_nm2=_hull(projected).volume / A2_PER_NM2,
        mean_thickness_nm=atoms_per_column(projected) * PAPER_ATOM_LENGTH_A / 10.0,
        height_nm=float(np.ptp(positions[:, 2])) / 10.0,
    )


def contact_area_nm2(positions: ArrayLike) -> float:
    """Return the area in nm^2 of the convex hull of the bottom layer.

    Parameters
    ----------
    positions : array, shape (n, 3), angstrom
        The bottom layer are the atoms whose z, rounded to 0.01 A, is the lowest (the paper's recipe).

    Raises
    ------
    InputError
        The bottom layer has fewer than three atoms, or they lie on a line.

    Notes
    -----
    It is the area through the nuclei: 76 % (341 atoms) to 84 % (1489) of the number of atoms times the area
    per atom.
    """
    positions = np.asarray(positions, dtype=float)
    heights = np.round(positions[:, 2], _LAYER_DECIMALS)
    return float(_hull(positions[heights == heights.min(), :2]).volume) / A2_PER_NM2


def project(positions: ArrayLike, beam_axis: str | ArrayLike) -> NDArray[np.float64]:
    """Return the positions in the plane normal to the beam, shape (n, 2), in the unit given.

    Raises
    ------
    InputError
        The axis is neither x, y, z nor a vector of three numbers with a length.
    """
    positions = np.asarray(positions, dtype=float)
    direction = beam_direction(beam_axis)
    along = int(np.argmax(np.abs(direction)))
    if np.count_nonzero(direction) == 1:
        return np.delete(positions, along, axis=1)
    sideways = np.cross(direction, np.eye(3)[(along + 1) % 3])
    sideways /= np.linalg.norm(sideways)
    return positions @ np.stack([sideways, np.cross(direction, sideways)], axis=1)


def beam_direction(beam_axis: str | ArrayLike) -> NDArray[np.float64]:
    """Return the unit vector of a beam axis given by name or as a vector.

    Raises
    ------
    InputError
        The axis is neither x, y, z nor a vector of three numbers with a length.
    """
    direction = np.asarray(_AXES.get(beam_axis, ()) if isinstance(beam_axis, str) else beam_axis, dtype=float)
    length = float(np.linalg.norm(direction))
    if direction.shape != (3,) or not np.isfinite(length) or length == 0.0:
        raise InputError(
            "The beam axis is no direction", "Give x, y, z or three numbers.", {"beam_axis": str(beam_axis)}
        )
    return direction / length


def atoms_per_column(projected: NDArray[np.float64]) -> float:
    """Return the mean number of atoms whose projections, rounded to 0.1 A, coincide.

    Parameters
    ----------
    projected : array, shape (n, 2), angstrom
    """
    cells = np.round(projected / _COLUMN_TOLERANCE_A).astype(np.int64)
    columns = np.unique(cells[:, 0] * (1 << 32) + cells[:, 1])
    return len(projected) / len(columns)


def _hull(points: NDArray[np.float64]) -> ConvexHull:
    try:
        return ConvexHull(points)
    except (QhullError, ValueError):
        raise InputError(
            "The atoms span no area or volume",
            "Give a particle with at least three atoms in its bottom layer, its facet normal to z.",
            {"atoms": len(points)},
        ) from None
