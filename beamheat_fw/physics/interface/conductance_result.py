"""A conductance with its errors, and the contact that it belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from beamheat_fw.errors import InputError
from beamheat_fw.physics.interface.heat_balance import HeatBalance
from beamheat_fw.physics.interface.heat_capacity import HeatCapacity
from beamheat_fw.physics.interface.relaxation_curve import RelaxationCurve


@dataclass(frozen=True)
class Contact:
    """The area through which heat passes.

    Attributes
    ----------
    area_nm2 : float
    definition : str
        Its name, such as ``hull`` (convex hull of the bottom layer's nuclei) or ``atoms`` (atoms near the
        support times the area of one).
    """

    area_nm2: float
    definition: str

    def __post_init__(self) -> None:
        if not (np.isfinite(self.area_nm2) and self.area_nm2 > 0):
            raise InputError(
                "The contact area must be positive", "Give it in nm2.", {"area_nm2": self.area_nm2}
            )


@dataclass(frozen=True)
class Interval:
    """A value with its 68 % interval.

    Attributes
    ----------
    value, low, high : float
        In the unit of the field that holds the interval; infinite where unknown.
    """

    value: float
    low: float
    high: float

    @property
    def error(self) -> float:
        """Half the width of the interval."""
        return 0.5 * (self.high - self.low)

    def to_dict(self) -> dict[str, Any]:
        """Return the interval as plain data, None for what is unknown."""
        value, low, high, error = (
            float(number) if np.isfinite(number) else None
            for number in (self.value, self.low, self.high, self.error)
        )
        return {"value": value, "error": error, "interval": [low, high]}


@dataclass(frozen=True)
class RunConductance:
    """What one run says alone.

    Attributes
    ----------
    member : str
    seed : int or None
    conductance_MW_m2K, tau_ps : Interval
        Statistical intervals.
    """

    member: str
    seed: int | None
    conductance_MW_m2K: Interval
    tau_ps: Interval

    def to_dict(self) -> dict[str, Any]:
        """Return the run's values as plain data."""
        return {
            "member": self.member,
            "seed": self.seed,
            "conductance_MW_m2K": self.conductance_MW_m2K.to_dict(),
            "tau_ps": self.tau_ps.to_dict(),
        }


@dataclass(frozen=True)
class ConductanceResult:
    """One interface conductance with its parts of error and what it was measured at.

    Attributes
    ----------
    conductance_MW_m2K : Interval
        68 %, all parts of the error together.
    statistical_MW_m2K : Interval
        68 %, from the runs' thermal noise alone.
    potential_error_MW_m2K : float or None
        What the disagreement of the potentials adds; None for one potential. A lower bound: members share
        data and functional.
    member_spread : float or None
        Relative standard deviation of G between potentials.
    heat_capacity_error_MW_m2K : float
        From the heat capacities; systematic where they are 3 k_B an atom.
    tau_ps : Interval
        Relaxation time of the temperature difference.
    tau_fast_ps, block_ps : float
        Correlation time of the kinetic noise and block length of the analysis.
    particle, support : HeatCapacity
    contact : Contact
    T_interface_K : float
        Mean of the two bodies' temperatures, weighted with the squared difference: where the decay is
        measured.
    direction : {'hot', 'cold', 'mixed'}
        Whether the particle started above or below the support.
    compatible_with_zero : bool
        Whether no conductance at all is within two standard errors.
    runs : tuple of RunConductance
    curve : RelaxationCurve
    balances : tuple of HeatBalance
        One for each potential; none for a bath.
    warnings : tuple of str
    """

    conductance_MW_m2K: Interval
    statistical_MW_m2K: Interval
    potential_error_MW_m2K: float | None
    member_spread: float | None
    heat_capacity_error_MW_m2K: float
    tau_ps: Interval
    tau_fast_ps: float
    block_ps: float
    particle: HeatCapacity
    support: HeatCapacity
    contact: Contact
    T_interface_K: float
    direction: str
    compatible_with_zero: bool
    runs: tuple[RunConductance, ...]
    curve: RelaxationCurve
    balances: tuple[HeatBalance, ...]
    warnings: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """The result in one sentence."""
        g = self.conductance_MW_m2K
        if self.compatible_with_zero:
            limit = (
                "no upper limit" if not np.isfinite(g.high) else f"at most {g.high:.3g} MW m^-2 K^-1 (84 %)"
            )
            return f"compatible with zero: {limit}"
        if not np.isfinite(g.high):
            return f"at least {g.low:.3g} MW m^-2 K^-1 (84 %); the runs give no upper limit"
        return f"{g.value:.3g} (+{g.high - g.value:.2g} -{g.value - g.low:.2g}) MW m^-2 K^-1"

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain data for MongoDB and JSON."""
        return {
            "conductance_MW_m2K": self.conductance_MW_m2K.to_dict(),
            "verdict": self.verdict,
            "statistical_MW_m2K": self.statistical_MW_m2K.to_dict(),
            "potential_error_MW_m2K": self.potential_error_MW_m2K,
            "member_spread": self.member_spread,
            "heat_capacity_error_MW_m2K": self.heat_capacity_error_MW_m2K,
            "tau_ps": self.tau_ps.to_dict(),
            "tau_fast_ps": self.tau_fast_ps,
            "block_ps": self.block_ps,
            "heat_capacity_particle": self.particle.to_dict(),
            "heat_capacity_support": self.support.to_dict(),
            "area_nm2": self.contact.area_nm2,
            "area_definition": self.contact.definition,
            "T_interface_K": self.T_interface_K,
            "direction": self.direction,
            "compatible_with_zero": self.compatible_with_zero,
            "n_runs": len(self.runs),
            "n_members": len({run.member for run in self.runs}),
            "runs": [run.to_dict() for run in self.runs],
            "curve": self.curve.to_dict(),
            "heat_balance": [balance.to_dict() for balance in self.balances],
            "warnings": list(self.warnings),
        }
