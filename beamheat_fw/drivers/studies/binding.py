"""Which calculations make a binding curve: the whole, and its two parts, at each height."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from beamheat_fw.campaign import GpawSettings
from beamheat_fw.drivers.studies.calculations import Calculation
from beamheat_fw.physics.structures.assembly import place


@dataclass(frozen=True, eq=False)
class Rung:
    """The calculations of one height.

    Attributes
    ----------
    height_A : float
        From the highest support atom to the lowest particle atom.
    both : Calculation
    particle, support : Calculation
        The parts at the same places in the same cell, each in its own basis.
    particle_with_ghosts, support_with_ghosts : Calculation or None
        The parts in the basis of both; None with plane waves, which need no such thing.
    """

    height_A: float
    both: Calculation
    particle: Calculation
    support: Calculation
    particle_with_ghosts: Calculation | None
    support_with_ghosts: Calculation | None

    def calculations(self) -> list[Calculation]:
        """Return all there are."""
        every = (self.both, self.particle, self.support, self.particle_with_ghosts, self.support_with_ghosts)
        return [calculation for calculation in every if calculation is not None]


def plan_rungs(atoms: Atoms, heights_A: Sequence[float], settings: GpawSettings) -> list[Rung]:
    """Return the calculations of a binding curve.

    The parts stay rigid, and every height has the same cell and the same support in it, so that only what
    the height changes differs from one to the next. Equal parts are one calculation.

    Parameters
    ----------
    atoms : Atoms
        A particle on a support, with ``body``; its own height does not matter.
    heights_A : sequence of float
    settings : GpawSettings
    """
    whole = _in_one_cell(atoms, heights_A)
    return [_rung(_at_height(whole, height), float(height), settings) for height in heights_A]


def _in_one_cell(atoms: Atoms, heights_A: Sequence[float]) -> Atoms:
    """Return the structure in the cell of the greatest height, with the vacuum it had."""
    particle, support = _part(atoms, 1), _part(atoms, 0)
    vacuum_A = (atoms.cell.lengths()[2] - np.ptp(atoms.positions[:, 2])) / 2.0
    shift = particle.positions[:, :2].mean(axis=0) - support.cell.cartesian_positions([0.5, 0.5, 0.0])[:2]
    return place(particle, support, max(heights_A), (shift[0], shift[1]), vacuum_A)


def _at_height(atoms: Atoms, height_A: float) -> Atoms:
    moved = atoms.copy()
    particle = moved.arrays["body"] == 1
    z = moved.positions[:, 2]
    moved.positions[particle, 2] += z[~particle].max() + height_A - z[particle].min()
    return moved


def _rung(atoms: Atoms, height_A: float, settings: GpawSettings) -> Rung:
    particle = _part(atoms, 1)
    if settings.mode == "pw":
        # Alone its height means nothing. On a grid it does: the grid's noise cancels at equal places only.
        particle.center(axis=2)
    with_ghosts: list[Calculation | None] = [None, None]
    if settings.mode == "lcao":
        with_ghosts = [Calculation(_with_ghosts(atoms, body), settings) for body in (1, 0)]
    return Rung(
        height_A,
        Calculation(atoms, settings),
        Calculation(particle, settings),
        Calculation(_part(atoms, 0), settings),
        *with_ghosts,
    )


def _part(atoms: Atoms, body: int) -> Atoms:
    return atoms[atoms.arrays["body"] == body]


def _with_ghosts(atoms: Atoms, body: int) -> Atoms:
    """Return the structure with the atoms of the other body as ghosts."""
    marked = atoms.copy()
    marked.set_array("ghost", atoms.arrays["body"] != body)
    return marked
