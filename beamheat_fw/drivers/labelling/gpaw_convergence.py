"""One verdict on convergence for all ranks.

Ranks that share the cell hold parts of one density, and what they add up is the same on each. Ranks that
share k-points or bands each hold all of it: every one mixes it and solves for its potential by itself, and
what rounding makes of that, Pulay's mixing magnifies. Near convergence their energies differ by 1e-8 eV.
GPAW lets its first rank speak for the density, but each for the energy, and stops where they do not say the
same.
"""

from __future__ import annotations

from typing import Any

from gpaw.convergence_criteria import Energy
from gpaw.mpi import broadcast_float


class EnergyOfFirstRank(Energy):
    """GPAW's criterion for the energy, asked of the first rank for all."""

    def __call__(self, context: Any) -> tuple[bool, str]:
        """Return whether the energy has converged, and how the log shows it."""
        energy = context.ham.e_total_extrapolated
        context.ham.e_total_extrapolated = broadcast_float(energy, context.wfs.world)
        return super().__call__(context)
