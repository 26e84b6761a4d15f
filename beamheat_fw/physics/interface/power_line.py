"""Conductances at several powers, of one or several potentials, as a straight line to no power."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beamheat_fw.physics.interface.between_members import pool_values


@dataclass(frozen=True)
class PowerLine:
    """G(P) = G_0 + s P, with a G_0 for each potential and one s.

    Attributes
    ----------
    value_MW_m2K : float
        G_0, the mean over potentials like these; at the power itself where there is only one.
    statistical_MW_m2K, total_MW_m2K : float
        Its standard error if all potentials were one, and with what they differ by.
    member_spread : float or None
        The relative standard deviation between potentials; None for one.
    slope_MW_m2K_per_nW : float or None
        None for one power.
    chi_squared_per_freedom : float or None
        How well the line fits; None where nothing is left to tell.
    """

    value_MW_m2K: float
    statistical_MW_m2K: float
    total_MW_m2K: float
    member_spread: float | None
    slope_MW_m2K_per_nW: float | None
    chi_squared_per_freedom: float | None

    @property
    def potential_error_MW_m2K(self) -> float | None:
        """What the potentials' differences add to the error, in quadrature; None for one."""
        if self.member_spread is None:
            return None
        return float(max(self.total_MW_m2K**2 - self.statistical_MW_m2K**2, 0.0) ** 0.5)


def fit_power_line(
    powers_nW: NDArray[np.float64],
    conductances_MW_m2K: NDArray[np.float64],
    errors_MW_m2K: NDArray[np.float64],
    members: Sequence[str],
) -> PowerLine:
    """Fit the line by weighted least squares, then pool what the potentials say of G_0.

    Errors are widened by the root of chi^2 per degree of freedom where the line fits badly.

    Parameters
    ----------
    powers_nW, conductances_MW_m2K, errors_MW_m2K : ndarray of float, shape (n,)
    members : sequence of str
        The potential of each run.
    """
    potentials = list(dict.fromkeys(members))
    has_slope = len(np.unique(powers_nW)) > 1
    columns = [np.array([member == one for member in members], dtype=float) for one in potentials]
    design = np.stack([*columns, *([powers_nW] if has_slope else [])], axis=1) / errors_MW_m2K[:, None]
    covariance = np.asarray(np.linalg.pinv(design.T @ design), dtype=np.float64)
    fitted: NDArray[np.float64] = covariance @ design.T @ (conductances_MW_m2K / errors_MW_m2K)
    freedom = len(powers_nW) - design.shape[1]
    chi_squared = None
    if has_slope and freedom > 0:
        chi_squared = float(np.sum((conductances_MW_m2K / errors_MW_m2K - design @ fitted) ** 2) / freedom)
        covariance *= max(1.0, chi_squared)
    number = len(potentials)
    pooled = pool_values(fitted[:number], covariance[:number, :number])
    return PowerLine(
        pooled.value,
        pooled.statistical,
        pooled.total,
        pooled.member_spread,
        float(fitted[number]) if has_slope else None,
        chi_squared,
    )
