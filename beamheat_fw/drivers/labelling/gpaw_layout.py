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


def domain_split(atoms: Atoms, settings: GpawSettings, ranks: int) -> dict[str, Any]:
    """Return GPAW's `parallel` for a structure.

    In LCAO mode at Gamma the cell is cut along its two in-plane vectors: each rank works on the atoms of its
    own domain, and a support below vacuum, cut along z as GPAW would do by itself, leaves half of the
    ranks without atoms. Otherwise (k-points, plane waves, domains that would be thinner than 3 Å) GPAW's own
    choice is best.
    """
    if settings.mode != "lcao" or settings.kpts != (1, 1, 1) or ranks == 1:
        return {}
    lengths = np.array(atoms.cell.lengths())[:2]
    splits = [(n, ranks // n) for n in range(1, ranks + 1) if ranks % n == 0]
    # The thinnest domain as thick as possible.
    thickness, split = max((float((lengths / split).min()), split) for split in splits)
    return {"domain": (*split, 1)} if thickness >= _MIN_DOMAIN_A else {}
