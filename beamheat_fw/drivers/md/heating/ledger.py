"""The energy ledger of a heating run: where each eV came from, and whether it all adds up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from ase.units import kB

#: Blocks over which energies are averaged before a drift is fitted through them.
_DRIFT_BLOCKS = 20


class Ledger:
    """Energies and heats of R replicas, in eV; columns are support (0) and particle (1).

    Attributes
    ----------
    start_eV, relax_start_eV, now_eV : ndarray, shape (R, 2)
        The bodies' energies at the start, when the baths were taken away, and now.
    bath_eV : ndarray, shape (R, 2)
        The heat the baths of annealing and equilibration gave.
    far_bath_eV : ndarray, shape (R, 2)
        The heat the bath far from the interface gave since.
    injected_eV : ndarray, shape (R,)
        The heat put into the particle since.
    """

    _NAMES = ("start_eV", "relax_start_eV", "now_eV", "bath_eV", "far_bath_eV", "injected_eV")

    def __init__(self, replicas: int) -> None:
        self.start_eV = np.full((replicas, 2), np.nan)
        self.relax_start_eV = np.full((replicas, 2), np.nan)
        self.now_eV = np.full((replicas, 2), np.nan)
        self.bath_eV = np.zeros((replicas, 2))
        self.far_bath_eV = np.zeros((replicas, 2))
        self.injected_eV = np.zeros(replicas)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the ledger's arrays under names that start with ``ledger_``."""
        return {f"ledger_{name}": getattr(self, name).copy() for name in self._NAMES}

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Go on from what `arrays` returned."""
        for name in self._NAMES:
            getattr(self, name)[...] = arrays[f"ledger_{name}"]

    def booked_eV(self) -> np.ndarray:
        """Return the heat that came in since those baths were taken away; shape (R,)."""
        return self.far_bath_eV.sum(axis=1) + self.injected_eV

    def bath_residual_eV(self) -> np.ndarray:
        """Return what changed until then beyond the baths' heat, the integrator's own work; shape (R,)."""
        changed = (self.relax_start_eV - self.start_eV).sum(axis=1)
        return changed - self.bath_eV.sum(axis=1)


@dataclass(frozen=True)
class Drift:
    """The drift of a total energy that should be constant.

    Attributes
    ----------
    meV_per_atom_ps, error_meV_per_atom_ps : float
        Slope through block averages and its standard error.
    eV : float
        The slope times the length of the run.
    share : float
        The drift plus its standard error over the run, as a share of the heat to be exchanged.
    closes : bool
        Whether the share is within the tolerance.
    """

    meV_per_atom_ps: float
    error_meV_per_atom_ps: float
    eV: float
    share: float
    closes: bool


def energy_drift(
    time_ps: np.ndarray, total_eV: np.ndarray, atoms: int, heat_eV: float, tolerance: float
) -> Drift:
    """Fit the drift of a run at constant energy.

    Parameters
    ----------
    time_ps, total_eV : ndarray, shape (S,)
    atoms : int
    heat_eV : float
        The heat to be exchanged in the run (`exchangeable_heat_eV`).
    tolerance : float
        The largest share of it that the drift may be.

    Returns
    -------
    Drift
        All NaN and not closing with fewer samples than three blocks need.
    """
    fine = np.isfinite(total_eV)
    if fine.sum() < 6:
        return Drift(*(float("nan"),) * 4, closes=False)
    blocks = min(_DRIFT_BLOCKS, int(fine.sum()) // 2)
    times = np.array([part.mean() for part in np.array_split(time_ps[fine], blocks)])
    energies = np.array([part.mean() for part in np.array_split(total_eV[fine], blocks)])
    slope, error = _slope(times, energies - energies[0])
    drift_eV = slope * float(np.ptp(time_ps[fine]))
    share = (abs(slope) + error) * float(np.ptp(time_ps[fine])) / heat_eV
    return Drift(1e3 * slope / atoms, 1e3 * error / atoms, drift_eV, share, bool(share <= tolerance))


def exchangeable_heat_eV(counts: Sequence[int], temperatures_K: Sequence[float]) -> float:
    """Return the heat that two harmonic bodies exchange until they are equally warm.

    |T_p - T_s| C_p C_s/(C_p + C_s) with C = 3 k_B an atom.
    """
    support, particle = (3.0 * kB * count for count in counts)
    return abs(temperatures_K[1] - temperatures_K[0]) * support * particle / (support + particle)


def _slope(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    centred = x - x.mean()
    spread = float(centred @ centred)
    slope = float(centred @ y) / spread
    residuals = y - y.mean() - slope * centred
    return slope, float(np.sqrt(residuals @ residuals / (x.size - 2) / spread))
