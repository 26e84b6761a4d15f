"""How far an atom's surroundings are from all that a committee was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

#: Training atoms kept of each element.
MOST_REFERENCES: Final = 1500
#: An atom farther from training than this share of training atoms are from other frames counts as novel.
USUAL_SHARE: Final = 0.99


@dataclass(frozen=True, eq=False)
class Novelty:
    """Distances in descriptor space, in units of those among the training atoms.

    Attributes
    ----------
    references : mapping of str to ndarray of float, shape (K, D)
        By element, standardised descriptors of training atoms.
    width : ndarray of float, shape (D,)
        Standard deviations by which descriptors are divided.
    usual : mapping of str to float
        By element, the distance to the nearest training atom of another frame that 99 % of training atoms
        have.
    """

    references: Mapping[str, NDArray[np.float64]]
    width: NDArray[np.float64]
    usual: Mapping[str, float]

    def __call__(self, descriptors: NDArray[np.float64], element: NDArray[np.str_]) -> NDArray[np.float64]:
        """Return each atom's distance over the usual one; above 1 is novel, infinite for an unknown element.

        Parameters
        ----------
        descriptors : ndarray of float, shape (N, D)
        element : ndarray of str, shape (N,)
        """
        result = np.full(len(element), np.inf)
        for symbol, references in self.references.items():
            here = element == symbol
            if here.any():
                nearest = _nearest(descriptors[here] / self.width, references)
                result[here] = nearest / self.usual[symbol]
        return result

    def to_dict(self) -> dict[str, Any]:
        """Return the novelty measure as plain data."""
        return {
            "references": {symbol: points.tolist() for symbol, points in self.references.items()},
            "width": self.width.tolist(),
            "usual": dict(self.usual),
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Novelty:
        """Return what `to_dict` described."""
        references = {symbol: np.array(points) for symbol, points in document["references"].items()}
        return cls(references, np.array(document["width"]), dict(document["usual"]))


def learn_novelty(
    descriptors: NDArray[np.float64], element: NDArray[np.str_], frame: NDArray[np.int_], seed: int = 0
) -> Novelty:
    """Learn from the training set what is usual.

    Parameters
    ----------
    descriptors : ndarray of float, shape (N, D)
        Of the training atoms, from the model that is to be audited.
    element : ndarray of str, shape (N,)
    frame : ndarray of int, shape (N,)
        Neighbours within a frame do not count: their surroundings overlap.
    seed : int
        Of the thinning of large training sets.
    """
    width = descriptors.std(axis=0)
    width = np.where(width > 1e-9 * max(float(width.max()), 1e-300), width, 1.0)
    random = np.random.default_rng(seed)
    references, usual = {}, {}
    for symbol in np.unique(element).tolist():
        atoms = random.permutation(np.flatnonzero(element == symbol))[:MOST_REFERENCES]
        points = descriptors[atoms] / width
        nearest = _nearest(points, points, frame[atoms])
        finite = nearest[np.isfinite(nearest)]
        references[symbol] = points
        usual[symbol] = max(float(np.quantile(finite, USUAL_SHARE)), 1e-9) if len(finite) else 1.0
    return Novelty(references, width, usual)


def _nearest(
    points: NDArray[np.float64], references: NDArray[np.float64], frame: NDArray[np.int_] | None = None
) -> NDArray[np.float64]:
    """Return distances to the nearest reference; of another frame, where the frames of both are given."""
    result = np.empty(len(points))
    squares = (references**2).sum(axis=1)
    for start in range(0, len(points), 1024):
        part = slice(start, start + 1024)
        distance = (points[part] ** 2).sum(axis=1)[:, None] + squares - 2.0 * points[part] @ references.T
        if frame is not None:
            distance[frame[part, None] == frame[None, :]] = np.inf
        result[part] = np.sqrt(np.maximum(distance.min(axis=1), 0.0))
    return result
