"""Heat capacities of particle and support, measured in the very runs that they are used for.

A classical harmonic solid has 3 k_B an atom; anharmonic gold particles at 400 to 600 K have 8 to 21 % more,
so that a conductance from a relaxation time and 3 k_B is low by as much.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from beamheat_fw.errors import InputError
from beamheat_fw.physics.interface.series import TemperatureSeries
from beamheat_fw.units import BOLTZMANN_EV_PER_K

#: Relative systematic error carried where only 3 k_B an atom is known.
DULONG_PETIT_SYSTEMATIC: Final = 0.10
#: A slope known worse than this says less than 3 k_B with its systematic error.
LARGEST_RELATIVE_ERROR: Final = 0.10


@dataclass(frozen=True)
class HeatCapacity:
    """The heat capacity of one body.

    Attributes
    ----------
    value_eV_per_K, error_eV_per_K : float
        Value and standard error; the error is systematic (the same for every run) where `source` is 3 k_B.
    source : str
        Where it comes from, in words.
    measured : bool
        Whether it comes from the potential itself.
    """

    value_eV_per_K: float
    error_eV_per_K: float
    source: str
    measured: bool = True

    def __post_init__(self) -> None:
        if not self.value_eV_per_K > 0 or not self.error_eV_per_K >= 0:
            raise InputError(
                "A heat capacity must be positive",
                "Give eV/K of the whole body: about 2.6e-4 eV/K for each atom.",
                {"value_eV_per_K": self.value_eV_per_K, "error_eV_per_K": self.error_eV_per_K},
            )

    @property
    def relative_error(self) -> float:
        """Error over value; zero for an infinite body."""
        return self.error_eV_per_K / self.value_eV_per_K if np.isfinite(self.value_eV_per_K) else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return the heat capacity as plain data."""
        return {
            "value_eV_per_K": self.value_eV_per_K,
            "error_eV_per_K": self.error_eV_per_K,
            "source": self.source,
            "measured": self.measured,
        }


def dulong_petit(n_atoms: float) -> HeatCapacity:
    """Return 3 k_B an atom, with the systematic error of leaving out anharmonicity.

    Parameters
    ----------
    n_atoms : float
        Atoms that move.
    """
    if n_atoms < 1:
        raise InputError("A body needs atoms", "Give the number of its atoms that move.", {"atoms": n_atoms})
    value = 3.0 * n_atoms * BOLTZMANN_EV_PER_K
    return HeatCapacity(value, DULONG_PETIT_SYSTEMATIC * value, "3 k_B an atom", measured=False)


def from_energy_slope(
    temperatures_K: Sequence[NDArray[np.float64]], energies_eV: Sequence[NDArray[np.float64]]
) -> HeatCapacity | None:
    """Measure dE/dT of one body over runs along which its temperature changes.

    The kinetic temperature carries the fast exchange between kinetic and potential energy as noise and the
    energy does not, so the temperature is regressed on the energy (an ordinary regression of E on T would
    be diluted). Each run has its own intercept: potentials differ in their zero, start structures in their
    inherent energy.

    Parameters
    ----------
    temperatures_K, energies_eV : sequence of ndarray of float, shape (n_blocks,)
        Block averages, one array a run.

    Returns
    -------
    HeatCapacity or None
        None where the runs do not determine a positive slope. Its error comes from leaving out one run at a
        time, or one of eight pieces at a time where there are fewer than four runs.
    """
    groups = list(zip(energies_eV, temperatures_K, strict=True))
    if len(groups) < 4:
        groups = [
            piece
            for energy, temperature in groups
            for piece in zip(*_centred_pieces(energy, temperature), strict=True)
        ]
    else:
        groups = [
            (energy - energy.mean(), temperature - temperature.mean()) for energy, temperature in groups
        ]
    products = np.array([energy @ temperature for energy, temperature in groups])
    squares = np.array([energy @ energy for energy, _ in groups])
    if len(groups) < 2 or products.sum() <= 0 or squares.sum() <= 0:
        return None
    slope = float(products.sum() / squares.sum())
    without = (products.sum() - products) / np.maximum(squares.sum() - squares, 1e-300)
    slope_error = float(np.sqrt((len(groups) - 1) * np.mean((without - without.mean()) ** 2)))
    return HeatCapacity(
        1.0 / slope, slope_error / slope**2, "slope of the body's energy against its temperature"
    )


def _centred_pieces(
    energy: NDArray[np.float64], temperature: NDArray[np.float64]
) -> tuple[list[NDArray[np.float64]], list[NDArray[np.float64]]]:
    pieces = min(8, len(energy))
    return (
        np.array_split(energy - energy.mean(), pieces),
        np.array_split(temperature - temperature.mean(), pieces),
    )


def measure(runs: Sequence[TemperatureSeries], body: str, n_atoms: float, block_ps: float) -> HeatCapacity:
    """Measure one body's heat capacity, or fall back on 3 k_B where the runs cannot tell it.

    Parameters
    ----------
    runs : sequence of TemperatureSeries
        Relaxations; only those with energies are used.
    body : {'particle', 'support'}
    n_atoms : float
        Atoms of the body that move.
    block_ps : float
        Length of the blocks averaged over; a few times the correlation time of the kinetic energy.
    """
    fallback = dulong_petit(n_atoms)
    useful = [run for run in runs if run.has_energies]
    if not useful:
        return fallback
    measured = from_energy_slope(
        [run.blocks(f"T_{body}_K", block_ps) for run in useful],
        [run.blocks(f"E_{body}_eV", block_ps) for run in useful],
    )
    if measured is None or measured.relative_error > LARGEST_RELATIVE_ERROR:
        return fallback
    return measured
