"""GPAW's recovery ladder: one small class for each problem.

A correction changes the numerical path alone: mixer, iterations, eigensolver, parallel layout. Smearing,
cutoff, grid, basis and functional belong to the label's identity and are never touched. A missing setup is
no problem of this ladder: trying again cannot mend it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from beamheat_fw.campaign import GpawSettings
from beamheat_fw.drivers.labelling.gpaw_layout import GpawNumerics
from beamheat_fw.drivers.labelling.recovery import Correction, Problem, RanksDiedError


class UnconvergedScf:
    """The density did not settle, or ran away: mix less of the new one, and allow more iterations."""

    _MIXERS = (
        {"name": "pulay", "beta": 0.05, "nmaxold": 5, "weight": 100.0},
        {"name": "pulay", "beta": 0.01, "nmaxold": 8, "weight": 100.0},
    )

    def check(self, error: Exception) -> bool:
        """Return whether GPAW found no convergence, or numbers overflowed."""
        from gpaw import ConvergenceError

        return isinstance(error, (ConvergenceError, FloatingPointError))

    def correct(self, numerics: GpawNumerics, met: int) -> Correction | None:
        """Return Pulay mixing with 5 %, then with 1 %, each with twice the iterations of the one before."""
        if met >= len(self._MIXERS):
            return None
        mixer = self._MIXERS[met]
        maxiter = 2 * numerics.maxiter
        return Correction(
            f"Pulay mixer with beta {mixer['beta']}, {maxiter} iterations",
            replace(numerics, mixer=mixer, maxiter=maxiter),
        )


class EigensolverFailure:
    """A diagonalisation or a Cholesky factorisation failed: do it with another algorithm."""

    def __init__(self, settings: GpawSettings, ranks: int) -> None:
        self._mode = settings.mode
        self._ranks = ranks

    def check(self, error: Exception) -> bool:
        """Return whether the linear algebra failed."""
        return isinstance(error, np.linalg.LinAlgError)

    def correct(self, numerics: GpawNumerics, met: int) -> Correction | None:
        """Return ScaLAPACK instead of LAPACK (LCAO, several ranks), RMM-DIIS instead of Davidson (PW)."""
        if met > 0:
            return None
        if self._mode == "pw":
            return Correction("RMM-DIIS eigensolver", replace(numerics, eigensolver={"name": "rmm-diis"}))
        if self._ranks > 1:
            return Correction(
                "ScaLAPACK", replace(numerics, parallel={**(numerics.parallel or {}), "sl_auto": True})
            )
        return None


class OutOfMemory:
    """Memory ran out: spread each k-point over all ranks instead of giving each rank its own k-points."""

    def __init__(self, settings: GpawSettings, ranks: int) -> None:
        self._ranks = ranks

    def check(self, error: Exception) -> bool:
        """Return whether memory ran out, or ranks died, for which that is the commonest cause."""
        return isinstance(error, (MemoryError, RanksDiedError))

    def correct(self, numerics: GpawNumerics, met: int) -> Correction | None:
        """Return one domain a rank, and matrices spread over the ranks with ScaLAPACK."""
        if met > 0 or self._ranks == 1:
            return None
        layout = {"kpt": 1, "band": 1, "domain": self._ranks, "sl_auto": True}
        return Correction("all ranks on one k-point, ScaLAPACK", replace(numerics, parallel=layout))


def gpaw_ladder(settings: GpawSettings, ranks: int) -> Sequence[Problem]:
    """Return the problems GPAW can recover from, in the order they are checked."""
    return (UnconvergedScf(), EigensolverFailure(settings, ranks), OutOfMemory(settings, ranks))
