"""The energy that a composition has at one level of theory, and energies too far from it to be true."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Labels for each independent composition before their energies say what is usual.
_LABELS_EACH = 4
#: Rounds of reweighting towards least absolute deviations.
_ROUNDS = 30
#: Deviations per atom below this weigh the same.
_SOFT_EV = 1e-3
#: A composition this near to a mixture of those known (relative to its size) is one.
_SAME = 1e-6


@dataclass(frozen=True, eq=False)
class CompositionReference:
    """What the elements contribute to the energy of a structure.

    Attributes
    ----------
    elements : tuple of str
    energies_eV : ndarray of float, shape (elements,)
        Of one atom each. Elements that only occur together share theirs in some way.
    known : ndarray of float, shape (rank, elements)
        An orthonormal basis of the compositions that the labels span.
    labels : int
        How many labels they were fitted to.
    """

    elements: tuple[str, ...]
    energies_eV: NDArray[np.float64]
    known: NDArray[np.float64]
    labels: int

    def energy_eV(self, composition: Mapping[str, int]) -> float | None:
        """Return the energy of as many atoms; None where the labels say nothing about this composition."""
        if not set(composition) <= set(self.elements):
            return None
        counts = _row(composition, self.elements)
        outside = counts - (counts @ self.known.T) @ self.known
        if np.linalg.norm(outside) > _SAME * np.linalg.norm(counts):
            return None
        return float(counts @ self.energies_eV)


def composition_of(symbols: Sequence[str]) -> dict[str, int]:
    """Return how many atoms of each element there are."""
    return dict(Counter(symbols))


def fit_reference(
    compositions: Sequence[Mapping[str, int]], energies_eV: Sequence[float]
) -> CompositionReference | None:
    """Fit the elements' energies to labels of one level of theory.

    The sum of absolute deviations per atom is made least (by reweighted least squares), so that a few labels
    that are far off do not pull the reference to themselves.

    Parameters
    ----------
    compositions : sequence of mapping of str to int
        Atoms of each element, by label.
    energies_eV : sequence of float

    Returns
    -------
    CompositionReference or None
        None where there are fewer than four labels for each independent composition.
    """
    elements = tuple(sorted({element for composition in compositions for element in composition}))
    if not elements:
        return None
    counts = np.array([_row(composition, elements) for composition in compositions])
    atoms = counts.sum(axis=1)
    shares, energies = counts / atoms[:, np.newaxis], np.asarray(energies_eV) / atoms
    values, directions = np.linalg.svd(shares, full_matrices=False)[1:]
    known = directions[values > _SAME * values[0]]
    if len(compositions) < _LABELS_EACH * len(known):
        return None
    weights = np.ones(len(atoms))
    for _ in range(_ROUNDS):
        found = np.linalg.lstsq(shares * weights[:, np.newaxis], energies * weights, rcond=1e-9)[0]
        weights = 1.0 / np.sqrt(np.maximum(np.abs(shares @ found - energies), _SOFT_EV))
    return CompositionReference(elements, found, known, len(compositions))


def _row(composition: Mapping[str, int], elements: Sequence[str]) -> NDArray[np.float64]:
    return np.array([composition.get(element, 0) for element in elements], dtype=float)
