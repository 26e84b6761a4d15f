"""GPAW's recovery ladder: one small class for each problem.

A correction changes the numerical path alone: mixer, iterations, eigensolver, parallel layout. Smearing,
cutoff, grid, basis and functional belong to the label's identity and are never touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from beamheat_fw.campaign import GpawSettings
from beamheat_fw.drivers.labelling import recovery
from beamheat_fw.drivers.labelling.gpaw_layout import GpawNumerics, Layout
from beamheat_fw.drivers.labelling.recovery import Correction, Problem, Walltime


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
    """A diagonalisation or a Cholesky factorisation failed: do it with another algorithm.

    LCAO: ScaLAPACK instead of LAPACK, by giving the ranks to bands. Plane waves: RMM-DIIS instead of GPAW's
    own choice, then that one from random wave functions.
    """

    def __init__(self, settings: GpawSettings, ranks: int) -> None:
        self._mode = settings.mode
        self._ranks = ranks

    def check(self, error: Exception) -> bool:
        """Return whether the linear algebra failed."""
        return isinstance(error, np.linalg.LinAlgError)

    def correct(self, numerics: GpawNumerics, met: int) -> Correction | None:
        """Return the other algorithm."""
        if self._mode == "pw":
            return self._other_plane_waves(numerics, met)
        if met > 0 or self._ranks == 1:
            return None
        layout = Layout(kpt=1, domain=1, band=self._ranks).parallel()
        return Correction("ScaLAPACK on all ranks", replace(numerics, parallel=layout))

    @staticmethod
    def _other_plane_waves(numerics: GpawNumerics, met: int) -> Correction | None:
        if met == 0:
            return Correction("RMM-DIIS eigensolver", replace(numerics, eigensolver={"name": "rmm-diis"}))
        if met == 1:
            return Correction("random start", replace(numerics, eigensolver=None, random_start=True))
        return None


class OutOfMemory:
    """Memory ran out: spread each k-point over all ranks, then over more of them."""

    def __init__(self, ranks: int, most_ranks: int) -> None:
        self._ranks = ranks
        self._most_ranks = most_ranks

    def check(self, error: Exception) -> bool:
        """Return whether memory ran out."""
        return isinstance(error, MemoryError)

    def correct(self, numerics: GpawNumerics, met: int) -> Correction | None:
        """Return all ranks on one k-point; then twice as many ranks, while the worker has cores for them."""
        if met == 0 and self._ranks > 1:
            layout = Layout(kpt=1, domain=self._ranks, band=1).parallel()
            return Correction("all ranks on one k-point", replace(numerics, parallel=layout))
        wanted = min(2 * self._ranks, self._most_ranks)
        if wanted > self._ranks:
            # The layout of so many ranks is another program's to choose.
            return Correction(f"{wanted} ranks", replace(numerics, parallel=None), ranks=wanted)
        return None


class KilledRank(recovery.KilledRank):
    """Ranks were killed, most often by the node for want of memory: the rungs of that problem first."""

    def __init__(self, ranks: int, most_ranks: int) -> None:
        self._memory = OutOfMemory(ranks, most_ranks)

    def correct(self, numerics: GpawNumerics, met: int) -> Correction | None:
        """Return what helps where memory ran out, else the same path, once."""
        return self._memory.correct(numerics, met) or super().correct(numerics, met)


class RanksDisagree:
    """Rounding let some ranks see convergence and others not, which GPAW asserts never to be.

    It could happen where ranks share k-points or bands; `gpaw_convergence` lets the first decide for all.
    """

    def __init__(self, ranks: int) -> None:
        self._ranks = ranks

    def check(self, error: Exception) -> bool:
        """Return whether the error is GPAW's assertion, whose text is its table of criteria."""
        return isinstance(error, AssertionError) and "'density'" in str(error)

    def correct(self, numerics: GpawNumerics, met: int) -> Correction | None:
        """Return all ranks sharing the cell."""
        if met > 0:
            return None
        layout = Layout(kpt=1, domain=self._ranks, band=1).parallel()
        return Correction("all ranks share the cell", replace(numerics, parallel=layout))


class MissingSetup:
    """A setup or a basis set is not installed: to try again cannot mend it."""

    def check(self, error: Exception) -> bool:
        """Return whether a file is missing."""
        return isinstance(error, FileNotFoundError)

    def correct(self, numerics: GpawNumerics, met: int) -> Correction | None:
        """Return None: the label has failed."""
        return None


class WarmStartError(RuntimeError):
    """A calculation failed that had gone on from another structure's; the message is that of its error."""


class WarmStart:
    """A calculation that went on from the one before has failed, for whatever reason: first without that."""

    def check(self, error: Exception) -> bool:
        """Return whether the calculation had gone on from another one."""
        return isinstance(error, WarmStartError)

    def correct(self, numerics: GpawNumerics, met: int) -> Correction | None:
        """Return the same path: no attempt but the first at a structure goes on from another one."""
        return Correction("cold start", numerics) if met == 0 else None


def gpaw_ladder(settings: GpawSettings, ranks: int, most_ranks: int) -> Sequence[Problem]:
    """Return the problems GPAW is known to have, in the order they are checked.

    Parameters
    ----------
    settings : GpawSettings
    ranks : int
        Of this program.
    most_ranks : int
        That the worker has cores for.
    """
    return (
        UnconvergedScf(),
        EigensolverFailure(settings, ranks),
        OutOfMemory(ranks, most_ranks),
        KilledRank(ranks, most_ranks),
        Walltime(ranks, most_ranks),
        RanksDisagree(ranks),
        MissingSetup(),
        WarmStart(),
    )
