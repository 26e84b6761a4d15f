"""True errors of a committee's forces beside their spread, and plain measures of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from beamheat_fw.errors import InputError
from beamheat_fw.physics.committee.cutouts import core_of
from beamheat_fw.physics.committee.environments import environments

#: Bootstrap samples of frames behind an interval.
RESAMPLES: Final = 400
#: Shares of a distribution between which a 68 % interval lies.
ONE_SIGMA: Final = (0.1587, 0.8413)


@dataclass(frozen=True, eq=False)
class ForceErrors:
    """Committee forces against reference forces, atom by atom.

    Attributes
    ----------
    spread_eV_A : ndarray of float, shape (N,)
        Root of the mean squared deviation of the members' force vectors from their mean, ddof = 0.
    deviation_eV_A : ndarray of float, shape (N, 3)
        Mean force minus reference force.
    element, environment : ndarray of str, shape (N,)
    frame : ndarray of int, shape (N,)
        Which frame an atom belongs to, from zero; errors within a frame are correlated.
    """

    spread_eV_A: NDArray[np.float64]
    deviation_eV_A: NDArray[np.float64]
    element: NDArray[np.str_]
    environment: NDArray[np.str_]
    frame: NDArray[np.int_]

    def __post_init__(self) -> None:
        n = len(self.spread_eV_A)
        shapes = {name: np.shape(getattr(self, name)) for name in self.__dataclass_fields__}
        expected = {name: (n, 3) if name == "deviation_eV_A" else (n,) for name in shapes}
        if n == 0 or shapes != expected:
            raise InputError(
                "Spreads and force errors do not fit each other",
                "Give one row an atom, of at least one frame.",
                {name: list(shape) for name, shape in shapes.items()},
            )
        if not (np.isfinite(self.spread_eV_A).all() and np.isfinite(self.deviation_eV_A).all()):
            raise InputError(
                "A force or its spread is not a number",
                "Leave the frame out: its label or its evaluation failed.",
                {
                    "frames": np.unique(self.frame[~np.isfinite(self.error_eV_A + self.spread_eV_A)])[
                        :5
                    ].tolist()
                },
            )

    @classmethod
    def from_frames(
        cls,
        frames: Sequence[Atoms],
        spread_eV_A: NDArray[np.float64],
        forces_eV_A: NDArray[np.float64],
        reference_eV_A: NDArray[np.float64],
    ) -> ForceErrors:
        """Gather the atoms of labelled frames; of cut-outs those of the core alone.

        Parameters
        ----------
        frames : sequence of Atoms
            With the array ``body``.
        spread_eV_A : ndarray of float, shape (N,)
        forces_eV_A, reference_eV_A : ndarray of float, shape (N, 3)
            All frames' atoms, one after the other.
        """
        everyone = cls(
            np.asarray(spread_eV_A, dtype=float),
            np.asarray(forces_eV_A, dtype=float) - np.asarray(reference_eV_A, dtype=float),
            np.concatenate([np.array(atoms.get_chemical_symbols()) for atoms in frames]),
            np.concatenate([environments(atoms) for atoms in frames]),
            np.repeat(np.arange(len(frames)), [len(atoms) for atoms in frames]),
        )
        return everyone.where(np.concatenate([core_of(atoms) for atoms in frames]))

    @property
    def error_eV_A(self) -> NDArray[np.float64]:
        """Norm of the force error, shape (N,)."""
        return np.linalg.norm(self.deviation_eV_A, axis=1)

    @property
    def n_frames(self) -> int:
        """How many frames there are."""
        return len(np.unique(self.frame))

    def where(self, chosen: NDArray[np.bool_] | NDArray[np.int_]) -> ForceErrors:
        """Return some of the atoms, by a mask or by their numbers."""
        return ForceErrors(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))

    def of_environments(self) -> dict[str, ForceErrors]:
        """Return the atoms of each environment, and all of them as ``all``."""
        parts = {name: self.where(self.environment == name) for name in np.unique(self.environment).tolist()}
        return {"all": self, **parts}


def error_metrics(errors: ForceErrors) -> dict[str, dict[str, Any]]:
    """Return force errors overall (``all``) and for each environment.

    Returns
    -------
    dict
        For each: ``force_mae_eV_A`` and ``force_rmse_eV_A`` over Cartesian components, ``atoms`` and
        ``frames``.
    """
    return {
        name: {
            "force_mae_eV_A": float(np.abs(part.deviation_eV_A).mean()),
            "force_rmse_eV_A": float(np.sqrt((part.deviation_eV_A**2).mean())),
            "atoms": len(part.spread_eV_A),
            "frames": part.n_frames,
        }
        for name, part in errors.of_environments().items()
    }


def error_quantiles(errors: ForceErrors, level: float, seed: int = 0) -> dict[str, dict[str, float]]:
    """Return the error that a share of atoms stays below, overall and for each environment.

    Parameters
    ----------
    errors : ForceErrors
        Of frames drawn at random, for an unbiased figure.
    level : float
        The share, such as 0.68.
    seed : int
        Of the bootstrap over frames.

    Returns
    -------
    dict
        For each environment ``value_eV_A`` with the 68 % interval ``low_eV_A``, ``high_eV_A`` (the value
        itself where there is one frame only).
    """
    random = np.random.default_rng(seed)
    return {
        name: _bootstrapped_quantile(part.error_eV_A, part.frame, level, random)
        for name, part in errors.of_environments().items()
    }


def _bootstrapped_quantile(
    values: NDArray[np.float64], frame: NDArray[np.int_], level: float, random: np.random.Generator
) -> dict[str, float]:
    order = np.argsort(values)
    _, number = np.unique(frame, return_inverse=True)
    weights = resample(int(number.max()) + 1, random)[:, number[order]]
    reached = np.cumsum(weights, axis=1) / np.maximum(weights.sum(axis=1, keepdims=True), 1)
    found = values[order][np.argmax(reached >= level, axis=1)]
    low, high = np.quantile(found, ONE_SIGMA)
    return {
        "value_eV_A": float(np.quantile(values, level)),
        "low_eV_A": float(low),
        "high_eV_A": float(high),
    }


def resample(n_frames: int, random: np.random.Generator, count: int = RESAMPLES) -> NDArray[np.int_]:
    """Return how often each frame is drawn in each bootstrap sample, shape (count, n_frames)."""
    return random.multinomial(n_frames, np.full(n_frames, 1.0 / n_frames), size=count)
