"""What a reference calculation costs, by the size of its structure; learned from calculations that were made.

The size is the number of valence electrons n. Work on the grid and inside the atoms grows as n, dense linear
algebra as n^3:

    t(n) = t_0 f(n)/f(n_0) (n/n_0)^b,    f(n) = n (1 + (n/n_c)^2)

with t_0 the core seconds at n_0 electrons and a bend b, 0 until something is known. Both are learned as the
most probable ones (Gaussian priors on the logarithm of the time and on b, so that a few labels move them a
little and many decide); see Bishop, Pattern Recognition and Machine Learning (2006), eq. 3.54.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log

import numpy as np

#: n_0: ten gold atoms on 32 of boron nitride, whose labels were timed (docs/measurements.md).
ELECTRONS_OF_TIMED_LABEL = 238.0
#: n_c, an assumption: where cubic work overtakes the rest.
_CUBIC_FROM = 1000.0
#: Standard deviations before anything is known, of log t_0 (a factor of three) and of b.
_SD_LOG_TIME, _SD_BEND = log(3.0), 0.5
#: How far one label strays from the rule, in its logarithm.
_SD_ONE_LABEL = 0.3
#: Electrons of the noble gases, with the filled shells that setups keep in the core.
_CORES = (0, 2, 10, 18, 36, 54, 86)
_FILLED_F = range(72, 87)
_FILLED_D = (range(31, 37), range(49, 55), range(81, 87))


@dataclass(frozen=True)
class LabelCost:
    """The cost of labels of one level of theory.

    Attributes
    ----------
    core_s : float
        t_0, of a structure of `ELECTRONS_OF_TIMED_LABEL` electrons.
    bend : float
        b.
    """

    core_s: float
    bend: float = 0.0

    def core_seconds(self, electrons: float) -> float:
        """Return the core seconds of a structure of so many valence electrons."""
        return float(self.core_s * np.exp(_log_shape(electrons) + self.bend * _log_size(electrons)))

    def learn(self, electrons: Sequence[float], core_seconds: Sequence[float]) -> LabelCost:
        """Return the cost after calculations of such sizes took so long; none leave it as it is.

        The time is learned at the mean of the sizes that were seen, the bend about it: labels of one size say
        nothing of how the cost grows.
        """
        if not electrons:
            return self
        sizes, times = np.maximum(electrons, 1.0), np.maximum(core_seconds, 1e-3)
        log_sizes = _log_size(sizes)
        centre = log_sizes.mean()
        surprise = np.log(times) - log(self.core_s) - _log_shape(sizes) - self.bend * log_sizes
        columns = np.column_stack([np.ones(len(sizes)), log_sizes - centre])
        precision = columns.T @ columns / _SD_ONE_LABEL**2 + np.diag([_SD_LOG_TIME**-2, _SD_BEND**-2])
        shift, bend = np.linalg.solve(precision, columns.T @ surprise / _SD_ONE_LABEL**2)
        return replace(
            self, core_s=float(self.core_s * np.exp(shift - bend * centre)), bend=float(self.bend + bend)
        )


def valence_electrons(numbers: Sequence[int] | np.ndarray) -> int:
    """Return the electrons outside the cores of neutral atoms: 11 of gold, 3 of boron, 6 of oxygen."""
    return sum(_outside_core(int(number)) for number in numbers)


def _outside_core(number: int) -> int:
    outside = number - max(core for core in _CORES if core < number)
    filled = 14 * (number in _FILLED_F) + 10 * any(number in shell for shell in _FILLED_D)
    return outside - filled


def _log_size(electrons: float | np.ndarray) -> np.ndarray:
    return np.log(np.maximum(electrons, 1.0) / ELECTRONS_OF_TIMED_LABEL)


def _log_shape(electrons: float | np.ndarray) -> np.ndarray:
    def log_f(n: np.ndarray | float) -> np.ndarray:
        return np.log(n) + np.log1p((np.asarray(n) / _CUBIC_FROM) ** 2)

    return log_f(np.maximum(electrons, 1.0)) - log_f(ELECTRONS_OF_TIMED_LABEL)
