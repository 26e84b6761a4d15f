"""Frames whose labels would help most where a committee errs most, in every environment alike.

What a label teaches about an atom is taken to grow as its surroundings come nearer: the squared error
expected of an atom falls in proportion to its squared distance, in descriptor space, from the nearest
labelled atom of its element. What is left of it over all atoms is what a choice of frames minimises, one
frame after the other [1]_: a frame is worth a label if it holds many uncertain atoms, or those that others
resemble. Environments count alike, however few atoms they have: the few of the particle are what heat
passes through.

References
----------
.. [1] G. L. Nemhauser, L. A. Wolsey, M. L. Fisher, Math. Program. 14, 265 (1978).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

#: Atoms kept of each element and environment of a frame where atoms of many frames are compared.
MOST_ATOMS: Final = 16
_SMALLEST: Final = 1e-12


@dataclass(frozen=True, eq=False)
class PoolAtoms:
    """Atoms of frames that may be labelled or are labelled already, N in all.

    Attributes
    ----------
    descriptors : ndarray of float, shape (N, D)
        Of like scale in all D.
    element, environment : ndarray of str, shape (N,)
    frame : ndarray of int, shape (N,)
        Which frame an atom belongs to.
    error_eV_A : ndarray of float, shape (N,)
        The error expected of each atom's force, or a measure in proportion to it, such as the spread.
    """

    descriptors: NDArray[np.float64]
    element: NDArray[np.str_]
    environment: NDArray[np.str_]
    frame: NDArray[np.int_]
    error_eV_A: NDArray[np.float64]

    def where(self, chosen: NDArray[np.bool_ | np.int_]) -> PoolAtoms:
        """Return some of the atoms, by mask or index."""
        return PoolAtoms(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))

    def standardised(self) -> PoolAtoms:
        """Return the atoms with descriptors of mean 0 and deviation 1; one that never varies becomes 0."""
        centred = self.descriptors - self.descriptors.mean(axis=0)
        width = centred.std(axis=0)
        varies = width > 1e-9 * np.abs(self.descriptors).max(axis=0, initial=_SMALLEST)
        return replace(self, descriptors=np.where(varies, centred / np.where(varies, width, 1.0), 0.0))

    def thinned(self, most: int = MOST_ATOMS) -> PoolAtoms:
        """Return, of each element and environment of a frame, the so many atoms of the largest error."""
        columns = (self.element, self.environment, self.frame)
        codes = np.array([np.unique(column, return_inverse=True)[1] for column in columns])
        order = np.lexsort((-self.error_eV_A, *codes))
        position = np.arange(len(order))
        first = np.any(np.diff(codes[:, order], axis=1, prepend=-1), axis=0)
        rank = position - np.maximum.accumulate(np.where(first, position, 0))
        return self.where(np.sort(order[rank < most]))

    def shares(self) -> NDArray[np.float64]:
        """Return each atom's part in the squared error of its environment, shape (N,)."""
        squared = self.error_eV_A**2
        result = np.empty(len(squared))
        for name in np.unique(self.environment):
            here = self.environment == name
            result[here] = squared[here] / max(float(squared[here].sum()), _SMALLEST)
        return result


def covering_frames(
    atoms: PoolAtoms,
    candidates: Sequence[int],
    labelled: Sequence[int],
    count: int,
    coming: Sequence[int] = (),
) -> list[int]:
    """Choose frames one by one, each leaving the smallest squared error in the atoms of all candidates.

    Memory grows as the candidates' atoms times the candidates, a float each: thin large frames first.

    Parameters
    ----------
    atoms : PoolAtoms
    candidates, labelled : sequence of int
        Frames to choose from, and frames labelled already.
    count : int
        How many, at most.
    coming : sequence of int, optional
        Frames that will be labelled beside the chosen ones, of which the expected errors know nothing yet.
    """
    open_atoms = atoms.where(np.isin(atoms.frame, candidates))
    frames = np.unique(open_atoms.frame)
    if not len(frames):
        return []
    to_frame = np.stack([_squared_distances(open_atoms, atoms, frame) for frame in frames], axis=1)
    left = np.full(len(to_frame), np.max(to_frame, where=np.isfinite(to_frame), initial=_SMALLEST))
    for frame in labelled:
        left = np.minimum(left, _squared_distances(open_atoms, atoms, frame))
    error_per_distance = open_atoms.shares() / np.maximum(left, _SMALLEST)
    for frame in coming:
        left = np.minimum(left, _squared_distances(open_atoms, atoms, frame))
    chosen: list[int] = []
    while len(chosen) < min(count, len(frames)):
        after = np.minimum(left[:, None], to_frame)
        gain = error_per_distance @ (left[:, None] - after)
        gain[chosen] = -1.0
        chosen.append(int(np.argmax(gain)))
        left = after[:, chosen[-1]]
    return [int(frame) for frame in frames[chosen]]


def _squared_distances(atoms: PoolAtoms, among: PoolAtoms, frame: int) -> NDArray[np.float64]:
    """Return each atom's squared distance to the nearest of its element in a frame; infinite without one."""
    result = np.full(len(atoms.frame), np.inf)
    there = among.where(among.frame == frame)
    for symbol in np.unique(there.element):
        here = atoms.element == symbol
        points, others = atoms.descriptors[here], there.descriptors[there.element == symbol]
        squares = (points**2).sum(axis=1)[:, None] + (others**2).sum(axis=1) - 2.0 * points @ others.T
        result[here] = np.maximum(squares.min(axis=1), 0.0)
    return result
