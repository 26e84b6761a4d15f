"""Which calculations show how far a campaign's settings are from convergence, for one structure.

One parameter at a time is moved, the others stay as they are in the campaign. The tightest value of each
parameter is the reference of its scan.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from beamheat_fw.campaign import GpawSettings
from beamheat_fw.drivers.labelling.gpaw_layout import grid_points
from beamheat_fw.drivers.studies.calculations import Calculation

#: Multiples of the campaign's value, from coarse to tight; the last is the reference.
_CUTOFFS = (0.7, 0.85, 1.0, 1.2, 1.5)
_SPACINGS = (1.25, 1.1, 1.0, 0.9, 0.75)
_VACUA = (0.7, 1.0, 1.4, 2.0)
_SMEARINGS = (2.0, 1.0, 0.5, 0.25)
#: Added to the number of k-points in each periodic direction.
_MORE_K_POINTS = (-1, 0, 1, 2)
_BASES = ("sz(dzp)", "szp(dzp)", "dzp")
#: The plane waves that basis sets are held against need not be better than this.
_PLANE_WAVES_EV = 500.0


@dataclass(frozen=True, eq=False)
class Point:
    """One value of a parameter.

    Attributes
    ----------
    value : str
        For people.
    calculation : Calculation
    chosen : bool
        Whether it is the campaign's own value.
    """

    value: str
    calculation: Calculation
    chosen: bool


@dataclass(frozen=True, eq=False)
class Scan:
    """One parameter's values, from coarse to tight.

    Attributes
    ----------
    parameter : str
        ``cutoff``, ``grid``, ``basis``, ``kpts``, ``vacuum`` or ``smearing``.
    unit : str
    points : sequence of Point
        The last is the reference.
    """

    parameter: str
    unit: str
    points: Sequence[Point]


def plan_scans(atoms: Atoms, settings: GpawSettings) -> list[Scan]:
    """Return the scans that make sense for a structure and its settings.

    Plane waves have a cutoff, orbitals a grid and a basis set, which is held against plane waves; k-points
    are scanned in periodic directions, vacuum in the others.

    Parameters
    ----------
    atoms : Atoms
    settings : GpawSettings
        The campaign's.
    """
    if settings.mode == "pw":
        scans = [_cutoff(atoms, settings)]
    else:
        scans = [_grid(atoms, settings), _basis(atoms, settings)]
    if atoms.pbc.any():
        scans.append(_k_points(atoms, settings))
    if not atoms.pbc.all():
        scans.append(_vacuum(atoms, settings))
    return [*scans, _smearing(atoms, settings)]


def _cutoff(atoms: Atoms, settings: GpawSettings) -> Scan:
    values = [_round(factor * settings.cutoff_eV, 10.0, factor) for factor in _CUTOFFS]
    return Scan("cutoff", "eV", [_changed(atoms, settings, "cutoff_eV", value) for value in values])


def _grid(atoms: Atoms, settings: GpawSettings) -> Scan:
    points: dict[tuple[int, int, int], Point] = {}
    for factor in _SPACINGS:
        point = _changed(atoms, settings, "h_A", _round(factor * settings.h_A, 0.01, factor))
        grid = grid_points(atoms, point.calculation.settings.h_A)
        # Spacings that come to the same grid are one calculation; the campaign's own says its name.
        if grid not in points or point.chosen:
            points[grid] = point
    return Scan("grid", "Å", list(points.values()))


def _basis(atoms: Atoms, settings: GpawSettings) -> Scan:
    names = _BASES if settings.basis in _BASES else (*_BASES, settings.basis)
    points = [_changed(atoms, settings, "basis", name) for name in names]
    cutoff = max(settings.cutoff_eV, _PLANE_WAVES_EV)
    complete = settings.model_copy(update={"mode": "pw", "cutoff_eV": cutoff})
    return Scan(
        "basis", "", [*points, Point(f"plane waves, {cutoff:g} eV", Calculation(atoms, complete), False)]
    )


def _k_points(atoms: Atoms, settings: GpawSettings) -> Scan:
    points = []
    for more in _MORE_K_POINTS:
        k1, k2, k3 = (
            int(k + more) if periodic else k for k, periodic in zip(settings.kpts, atoms.pbc, strict=True)
        )
        if min(k1, k2, k3) >= 1:
            points.append(_changed(atoms, settings, "kpts", (k1, k2, k3)))
    return Scan("kpts", "", points)


def _vacuum(atoms: Atoms, settings: GpawSettings) -> Scan:
    open_axes = tuple(int(axis) for axis in np.flatnonzero(~atoms.pbc))
    extent = np.ptp(atoms.positions, axis=0)
    present = min((atoms.cell.lengths()[axis] - extent[axis]) / 2.0 for axis in open_axes)
    points = []
    for factor in _VACUA:
        moved = atoms.copy()
        value = present
        if factor != 1.0:
            value = round(factor * present, 1)
            moved.center(vacuum=value, axis=open_axes)
        points.append(Point(f"{value:g}", Calculation(moved, settings), factor == 1.0))
    return Scan("vacuum", "Å", points)


def _smearing(atoms: Atoms, settings: GpawSettings) -> Scan:
    values = [factor * settings.smearing_eV for factor in _SMEARINGS]
    return Scan("smearing", "eV", [_changed(atoms, settings, "smearing_eV", value) for value in values])


def _changed(atoms: Atoms, settings: GpawSettings, field: str, value: object) -> Point:
    shown = " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    shown = f"{value:g}" if isinstance(value, float) else shown
    changed = settings.model_copy(update={field: value})
    return Point(shown, Calculation(atoms, changed), changed == settings)


def _round(value: float, step: float, factor: float) -> float:
    """Return a value fit to be read; the campaign's own stays as it is."""
    return value if factor == 1.0 else round(round(value / step) * step, 6)
