"""What a committee's spread is worth: from the spread of a force to a bound on its error.

The spread under-predicts the error, and errors have heavy tails, so no single factor meets 68 and 95 %
together. Each element in each environment therefore gets a monotone map from spread to expected error
(isotonic regression of binned means) and quantiles of the error over that expectation, with the
finite-sample correction of split conformal prediction [1]_, interpolated [2]_. The map is fitted across folds
of whole frames, so that no atom is judged by a map that has seen its frame. An environment with too few atoms
for a map of its own borrows that of all atoms, with quantiles of its own: those hold for few atoms too.

References
----------
.. [1] A. N. Angelopoulos, S. Bates, Found. Trends Mach. Learn. 16, 494 (2023), section 2.
.. [2] R. Beran, P. Hall, J. R. Stat. Soc. B 55, 643 (1993).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from beamheat_fw.errors import InputError
from beamheat_fw.physics.committee.force_errors import ForceErrors

#: Levels at which the distribution of the error is tabulated.
LEVELS: Final = np.array([*np.arange(0.05, 0.96, 0.05).round(2), 0.68, 0.975, 0.99])
LEVELS.sort()
#: A group needs this many atoms, in so many frames, for a map of its own.
FEWEST_ATOMS: Final = 60
FEWEST_FRAMES: Final = 5
#: An environment needs so many for quantiles of its own: below, the one of 95 % would be beyond all of them.
FEWEST_SCORES: Final = 20
POOLED: Final = "all"
_ATOMS_PER_BIN: Final = 20
_MOST_BINS: Final = 12
_FOLDS: Final = 5
_SMALLEST_EV_A: Final = 1e-6


@dataclass(frozen=True, eq=False)
class SpreadMap:
    """From spread to the distribution of the error, for one group of atoms.

    Attributes
    ----------
    knots_eV_A, expected_eV_A : ndarray of float, shape (k,)
        The isotonic map: mean spread of each bin, and the mean error expected there. Constant below the
        first knot, proportional to the spread above the last.
    quantiles : ndarray of float, shape (len(LEVELS),)
        Of the error over its expectation.
    scale : float
        Root mean square of error over spread: what one Gaussian factor would be.
    atoms : int
        Atoms behind it.
    """

    knots_eV_A: NDArray[np.float64]
    expected_eV_A: NDArray[np.float64]
    quantiles: NDArray[np.float64]
    scale: float
    atoms: int

    def expected(self, spread_eV_A: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the mean error expected at each spread, in eV/Å."""
        inside = np.interp(spread_eV_A, self.knots_eV_A, self.expected_eV_A)
        beyond = np.maximum(spread_eV_A / self.knots_eV_A[-1], 1.0)
        return inside * beyond

    def bound(self, spread_eV_A: NDArray[np.float64], level: float) -> NDArray[np.float64]:
        """Return the error that a share `level` of atoms with this spread stays below, in eV/Å."""
        return self.expected(spread_eV_A) * float(np.interp(level, LEVELS, self.quantiles))

    def to_dict(self) -> dict[str, Any]:
        """Return the map as plain data."""
        return {
            "knots_eV_A": self.knots_eV_A.tolist(),
            "expected_eV_A": self.expected_eV_A.tolist(),
            "quantiles": self.quantiles.tolist(),
            "scale": self.scale,
            "atoms": self.atoms,
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> SpreadMap:
        """Return the map that `to_dict` described."""
        arrays = {name: np.array(document[name]) for name in ("knots_eV_A", "expected_eV_A", "quantiles")}
        return cls(**arrays, scale=float(document["scale"]), atoms=int(document["atoms"]))


@dataclass(frozen=True, eq=False)
class Calibration:
    """The spread maps of all groups of atoms.

    Attributes
    ----------
    maps : mapping of str to SpreadMap
        Keys are ``element/environment``, an environment, or ``all``; the most special one that exists is
        used.
    frames : int
        Labelled frames behind it.
    """

    maps: Mapping[str, SpreadMap]
    frames: int

    def map_for(self, element: str, environment: str) -> SpreadMap:
        """Return the map of a group: its own, else its environment's, else that of all atoms."""
        for key in (f"{element}/{environment}", environment):
            if key in self.maps:
                return self.maps[key]
        return self.maps[POOLED]

    def bounds(
        self,
        spread_eV_A: NDArray[np.float64],
        element: NDArray[np.str_],
        environment: NDArray[np.str_],
        level: float,
    ) -> NDArray[np.float64]:
        """Return each atom's bound on its force error.

        Parameters
        ----------
        spread_eV_A : ndarray of float, shape (N,)
        element, environment : ndarray of str, shape (N,)
        level : float
            The share of atoms whose error is to stay below its bound.

        Returns
        -------
        ndarray of float, shape (N,)
            In eV/Å.
        """
        return self._each(spread_eV_A, element, environment, lambda one, spread: one.bound(spread, level))

    def quantile_table(
        self, spread_eV_A: NDArray[np.float64], element: NDArray[np.str_], environment: NDArray[np.str_]
    ) -> NDArray[np.float64]:
        """Return each atom's error at every one of `LEVELS`, shape (N, len(LEVELS)), in eV/Å."""
        return self._each(
            spread_eV_A,
            element,
            environment,
            lambda one, spread: np.outer(one.expected(spread), one.quantiles),
        )

    def _each(
        self, spread: NDArray[np.float64], element: Any, environment: Any, value: Any
    ) -> NDArray[np.float64]:
        spread = np.asarray(spread, dtype=float)
        result: NDArray[np.float64] | None = None
        elements, which = np.unique(element, return_inverse=True)
        for environment_name in np.unique(environment):
            at_place = environment == environment_name
            for number, symbol in enumerate(elements):
                atoms = np.flatnonzero(at_place & (which == number))
                if not len(atoms):
                    continue
                found = value(self.map_for(str(symbol), str(environment_name)), spread[atoms])
                if result is None:
                    result = np.empty((len(spread), *found.shape[1:]))
                result[atoms] = found
        return np.empty(0) if result is None else result

    def to_dict(self) -> dict[str, Any]:
        """Return the calibration as plain data."""
        return {
            "frames": self.frames,
            "levels": LEVELS.tolist(),
            "maps": {key: one.to_dict() for key, one in self.maps.items()},
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Calibration:
        """Return the calibration that `to_dict` described.

        Raises
        ------
        InputError
            It holds no map of all atoms, or was made with other levels.
        """
        if POOLED not in document.get("maps", {}) or document.get("levels") != LEVELS.tolist():
            raise InputError(
                "This is no calibration of this version",
                "Calibrate the committee anew.",
                {"keys": sorted(document)},
            )
        maps = {key: SpreadMap.from_dict(one) for key, one in document["maps"].items()}
        return cls(maps, int(document["frames"]))


def calibrate(errors: ForceErrors) -> Calibration:
    """Find what the spread of a committee is worth, on labels that it was not trained on.

    Parameters
    ----------
    errors : ForceErrors
        Labels made for this committee before it is trained on them; a good part of them of random frames.

    Raises
    ------
    InputError
        Fewer than two frames, or too few atoms.
    """
    if errors.n_frames < 2 or len(errors.spread_eV_A) < _ATOMS_PER_BIN:
        raise InputError(
            "There are too few labels to calibrate on",
            "Label more frames that the committee was not trained on.",
            {"frames": errors.n_frames, "atoms": len(errors.spread_eV_A), "atoms_needed": _ATOMS_PER_BIN},
        )
    pooled = fit_map(errors)
    maps = {POOLED: pooled}
    for environment in np.unique(errors.environment).tolist():
        inside = errors.environment == environment
        here = errors.where(inside)
        for key, part in _groups(environment, here).items():
            if len(part.spread_eV_A) >= FEWEST_ATOMS and part.n_frames >= FEWEST_FRAMES:
                maps[key] = fit_map(part)
        if environment not in maps and len(here.spread_eV_A) >= FEWEST_SCORES:
            maps[environment] = _borrowing(pooled, _scores(errors)[inside], here)
    return Calibration(maps, errors.n_frames)


def _groups(environment: str, here: ForceErrors) -> dict[str, ForceErrors]:
    elements = np.unique(here.element).tolist()
    return {environment: here} | {f"{one}/{environment}": here.where(here.element == one) for one in elements}


def fit_map(errors: ForceErrors) -> SpreadMap:
    """Fit one group's map, its quantiles from folds of frames that the map has not seen."""
    knots, expected = _isotonic(errors.spread_eV_A, errors.error_eV_A)
    quantiles = conformal_quantiles(_scores(errors), LEVELS)
    return SpreadMap(knots, expected, quantiles, _scale(errors), len(errors.spread_eV_A))


def _borrowing(pooled: SpreadMap, scores: NDArray[np.float64], errors: ForceErrors) -> SpreadMap:
    """Return the map of all atoms with the quantiles of one group's `scores`."""
    quantiles = conformal_quantiles(scores, LEVELS)
    return replace(pooled, quantiles=quantiles, scale=_scale(errors), atoms=len(scores))


def _scale(errors: ForceErrors) -> float:
    return float(np.sqrt(np.mean((errors.error_eV_A / np.maximum(errors.spread_eV_A, _SMALLEST_EV_A)) ** 2)))


def _scores(errors: ForceErrors) -> NDArray[np.float64]:
    """Return each atom's error over what a map expects that has not seen the atom's frame."""
    spread, error = errors.spread_eV_A, errors.error_eV_A
    _, number = np.unique(errors.frame, return_inverse=True)
    folds = number % min(_FOLDS, int(number.max()) + 1)
    scores = np.empty(len(error))
    for fold in np.unique(folds):
        left_out = folds == fold
        seen = ~left_out if (~left_out).sum() >= 2 else np.ones(len(error), dtype=bool)
        one = SpreadMap(*_isotonic(spread[seen], error[seen]), LEVELS, 1.0, 0)
        scores[left_out] = error[left_out] / one.expected(spread[left_out])
    return scores


def conformal_quantiles(scores: NDArray[np.float64], levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the score of rank (n + 1) level for each level, between two scores by interpolation [2]_.

    A new score is below it with nearly the stated chance. The next larger score instead would hold too
    often, by up to 1/(n + 1), which is much for few atoms. None is beyond the largest.
    """
    ranks = (len(scores) + 1) * levels
    return np.interp(ranks, np.arange(1, len(scores) + 1), np.sort(scores))


def _isotonic(
    spread: NDArray[np.float64], error: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean spreads of bins and the non-decreasing mean errors nearest to theirs."""
    from scipy.optimize import isotonic_regression

    bins = int(np.clip(len(spread) // _ATOMS_PER_BIN, 1, _MOST_BINS))
    parts = np.array_split(np.argsort(spread, kind="stable"), bins)
    knots = np.array([spread[part].mean() for part in parts])
    means = np.array([error[part].mean() for part in parts])
    smooth = isotonic_regression(means, weights=[len(part) for part in parts]).x
    # np.interp needs increasing knots; equal spreads (an untrained direction) would break it.
    knots = np.maximum.accumulate(np.maximum(knots, _SMALLEST_EV_A)) * (1.0 + 1e-12 * np.arange(bins))
    return knots, np.maximum(smooth, _SMALLEST_EV_A)
