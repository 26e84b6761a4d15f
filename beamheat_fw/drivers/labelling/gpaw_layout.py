"""The numerical path of a GPAW calculation: what may change without changing what the energy means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms

from beamheat_fw.campaign import GpawSettings

_MIN_DOMAIN_A = 3.0


@dataclass(frozen=True)
class GpawNumerics:
    """How GPAW gets to the ground state.

    Attributes
    ----------
    maxiter : int
        SCF iterations allowed.
    mixer : dict, optional
        GPAW's mixer; its own choice by default.
    eigensolver : str or dict, optional
        GPAW's eigensolver; its own choice by default.
    parallel : dict, optional
        GPAW's parallel layout; `domain_split` by default.
    """

    maxiter: int
    mixer: dict[str, Any] | None = None
    eigensolver: dict[str, Any] | None = None
    parallel: dict[str, Any] | None = None


def grid_points(atoms: Atoms, h_A: float) -> tuple[int, int, int]:
    """Return the coarsest grid of even numbers whose planes are nowhere farther apart than `h_A`.

    GPAW's own rule takes the multiple of four nearest to `h_A`, so that a cell a little shorter or longer has
    a grid up to 17 % coarser than asked for; and the noise of forces grows steeply with the spacing.
    """
    heights_A = 1.0 / np.linalg.norm(atoms.cell.reciprocal(), axis=1)
    n1, n2, n3 = 2 * np.ceil(heights_A / (2 * h_A) - 1e-9).astype(int)
    return int(n1), int(n2), int(n3)


def domain_split(atoms: Atoms, settings: GpawSettings, ranks: int) -> dict[str, Any]:
    """Return GPAW's `parallel` for a structure.

    In LCAO mode at Gamma the cell is cut along its two in-plane vectors: each rank works on the atoms of its
    own domain, and a support below vacuum, cut along z as GPAW would do by itself, leaves half of the
    ranks without atoms. Of all cuts into domains of 3 Å or more the one is taken whose busiest rank has the
    least to do. Otherwise (k-points, plane waves, thinner domains) GPAW's own choice is best.
    """
    if settings.mode != "lcao" or settings.kpts != (1, 1, 1) or ranks == 1:
        return {}
    lengths = np.array(atoms.cell.lengths())[:2]
    cuts = [(n, ranks // n) for n in range(1, ranks + 1) if ranks % n == 0]
    allowed = [cut for cut in cuts if (lengths / cut).min() >= _MIN_DOMAIN_A]
    if not allowed:
        return {}
    best = min(allowed, key=lambda cut: (_busiest(atoms, cut), -float((lengths / cut).min())))
    return {"domain": (*best, 1)}


def _busiest(atoms: Atoms, cut: tuple[int, int]) -> float:
    """Return the work of the rank with most of it; an atom's radial grid grows about as sqrt(Z)."""
    domain = np.floor(atoms.get_scaled_positions()[:, :2] % 1.0 % 1.0 * cut).astype(int)
    work = np.bincount(domain @ [cut[1], 1], weights=np.sqrt(atoms.numbers), minlength=cut[0] * cut[1])
    return float(work.max())
