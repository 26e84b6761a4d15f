"""A committee that learns in milliseconds and to the end, for the benchmark of selections.

Each member is a sparse kernel regression of the forces [1]_: an atom's energy is a sum of Gaussian kernels
between its surroundings and those of some atoms of the pool, each member's own, and its coefficients solve
linear equations. So errors are those of the labels alone, never of a training cut short. Surroundings are
radial densities by element [2]_, which is what the EMT reference depends on.

References
----------
.. [1] A. P. Bartok et al., Phys. Rev. Lett. 104, 136403 (2010).
.. [2] J. Behler, M. Parrinello, Phys. Rev. Lett. 98, 146401 (2007).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list

from beamheat_fw.drivers.nequip.evaluate import FolderEvaluation

ELEMENTS = ("Cu", "Au")
CUTOFF_A = 4.5
CENTRES_A = np.linspace(2.0, 4.4, 14)
WIDTH_A = 0.22
#: Kernel width in standard deviations of a density; atoms of each element behind a member's kernels.
KERNEL_WIDTH = 20.0
KERNELS = 200
#: Of the regularisation, in units of the mean diagonal of the equations of one frame.
RIDGE = 1e-11


@dataclass(frozen=True, eq=False)
class Surroundings:
    """The densities around the n atoms of a frame, and their derivatives.

    Attributes
    ----------
    atoms : dict of str to ndarray of int
        By element, the atoms' numbers.
    densities : ndarray of float, shape (n, D)
    slopes : ndarray of float, shape (n, D, 3 n)
        By every position.
    """

    atoms: dict[str, np.ndarray]
    densities: np.ndarray
    slopes: np.ndarray

    @classmethod
    def of(cls, frame: Atoms) -> Surroundings:
        """Find the surroundings in a frame."""
        first, second, distance, vector = neighbor_list("ijdD", frame, CUTOFF_A)
        apart = (distance[:, None] - CENTRES_A) / WIDTH_A
        gauss = np.exp(-0.5 * apart**2)
        fade = 0.5 * (np.cos(np.pi * distance / CUTOFF_A) + 1.0)[:, None]
        fading = (-0.5 * np.pi / CUTOFF_A * np.sin(np.pi * distance / CUTOFF_A))[:, None]
        value, slope = gauss * fade, gauss * (fading - fade * apart / WIDTH_A)
        towards = slope[:, :, None] * (vector / distance[:, None])[:, None, :]
        symbols = np.array(frame.get_chemical_symbols())
        n, bands = len(frame), len(CENTRES_A)
        densities = np.zeros((n, len(ELEMENTS), bands))
        slopes = np.zeros((n, len(ELEMENTS), n, bands, 3))
        other = np.array([ELEMENTS.index(symbol) for symbol in symbols])[second]
        np.add.at(densities, (first, other), value)
        np.add.at(slopes, (first, other, second), towards)
        np.add.at(slopes, (first, other, first), -towards)
        return cls(
            {symbol: np.flatnonzero(symbols == symbol) for symbol in ELEMENTS},
            densities.reshape(n, -1),
            slopes.transpose(0, 1, 3, 2, 4).reshape(n, len(ELEMENTS) * bands, 3 * n),
        )


class KernelCommittee:
    """Learns from frames of a pool, and says what it knows of all frames it was given.

    Parameters
    ----------
    frames : sequence of Atoms
        Labelled: the pool, then others.
    pool : int
        How many belong to the pool, which kernels are taken from.
    members : int
    seed : int
    """

    def __init__(self, frames: Sequence[Atoms], pool: int, members: int, seed: int) -> None:
        self._offsets = np.cumsum([0, *map(len, frames)])
        self._forces = [frame.get_forces().ravel() for frame in frames]
        surroundings = [Surroundings.of(frame) for frame in frames]
        width = np.concatenate([one.densities for one in surroundings[:pool]]).std(axis=0)
        width = np.maximum(width, 1e-3 * width.max())
        self._descriptors = np.concatenate([one.densities for one in surroundings]) / width
        self._seed = seed
        # Forces are linear in a member's coefficients: one matrix a frame.
        self._designs = []
        for member in range(members):
            kernels = _kernels(surroundings[:pool], width, np.random.default_rng([seed, member]))
            self._designs.append([_design(one, width, kernels) for one in surroundings])
        self._normals = [
            [(a.T @ a, a.T @ f) for a, f in zip(one[:pool], self._forces, strict=False)]
            for one in self._designs
        ]

    def learn(self, labelled: Sequence[int]) -> FolderEvaluation:
        """Train on some frames of the pool, each member weighting them its own way [3]_.

        References
        ----------
        .. [3] D. B. Rubin, Ann. Stat. 9, 130 (1981).
        """
        forces = np.stack([self._member(number, labelled) for number in range(len(self._designs))])
        mean = forces.mean(axis=0)
        return FolderEvaluation(
            offsets=self._offsets,
            energies_eV=np.zeros((len(forces), len(self._offsets) - 1)),
            forces_eV_A=mean,
            spread_eV_A=np.sqrt(((forces - mean) ** 2).sum(axis=2).mean(axis=0)),
            descriptors=self._descriptors,
        )

    def _member(self, number: int, labelled: Sequence[int]) -> np.ndarray:
        random = np.random.default_rng([self._seed, number, *labelled])
        weights = random.dirichlet(np.ones(len(labelled))) * len(labelled)
        left = sum(w * self._normals[number][index][0] for w, index in zip(weights, labelled, strict=True))
        right = sum(w * self._normals[number][index][1] for w, index in zip(weights, labelled, strict=True))
        ridge = RIDGE * np.trace(left) / len(left)
        coefficients = np.linalg.solve(left + ridge * np.eye(len(left)), right)
        return np.concatenate([design @ coefficients for design in self._designs[number]]).reshape(-1, 3)


def _kernels(
    pool: Sequence[Surroundings], width: np.ndarray, random: np.random.Generator
) -> dict[str, np.ndarray]:
    found = {}
    for symbol in ELEMENTS:
        points = np.concatenate([one.densities[one.atoms[symbol]] for one in pool]) / width
        found[symbol] = points[random.permutation(len(points))[:KERNELS]]
    return found


def _design(one: Surroundings, width: np.ndarray, kernels: dict[str, np.ndarray]) -> np.ndarray:
    """Return what the forces of a frame are for each kernel alone, shape (3 n, kernels)."""
    columns = []
    for symbol, points in kernels.items():
        atoms = one.atoms[symbol]
        apart = one.densities[atoms][:, :, None] / width[:, None] - points.T[None]
        kernel = np.exp(-0.5 * (apart**2).sum(axis=1) / KERNEL_WIDTH**2)
        slope = -kernel[:, None, :] * apart / (KERNEL_WIDTH**2 * width[:, None])
        slopes = one.slopes[atoms]
        columns.append(-slopes.reshape(-1, slopes.shape[2]).T @ slope.reshape(-1, len(points)))
    return np.concatenate(columns, axis=1)
