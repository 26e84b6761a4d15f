"""The interface conductance from constant power: G = P/(A dT) once the temperatures are steady."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from beamheat_fw.errors import CalculationError, InputError
from beamheat_fw.physics.interface.conductance_result import Contact, Interval
from beamheat_fw.physics.interface.power_line import fit_power_line
from beamheat_fw.physics.interface.series import FEWEST_SAMPLES, TemperatureSeries
from beamheat_fw.physics.interface.stationarity import (
    drift_in_sigma,
    equilibrated_from,
    standard_error,
    statistical_inefficiency,
)
from beamheat_fw.units import BOLTZMANN_EV_PER_K, NW_PER_EV_PER_PS

#: nW/nm^2 in MW/m^2.
_MW_M2_PER_NW_NM2: Final = 1e3
#: Powers that an extrapolation to zero needs before its straightness can be seen.
FEWEST_POWERS: Final = 3
#: Left out of every run: after so many correlation times a twentieth is left of a start elsewhere.
TRANSIENT_IN_TAU: Final = 3.0
_LARGEST_DRIFT_SIGMA: Final = 3.0
_FEWEST_INDEPENDENT: Final = 10
_BLOCKS: Final = 200


@dataclass(frozen=True)
class SteadyRun:
    """One run at constant power.

    Attributes
    ----------
    power_nW : float
    difference_K, difference_error_K : float
        Steady T_particle - T_support and its standard error: the larger of the one seen in the series and the
        one that fluctuation and dissipation demand.
    conductance_MW_m2K, error_MW_m2K : float
    start_ps, end_ps : float
        The steady part of the run.
    autocorrelation_time_ps : float
        Integrated, of the difference.
    independent : float
        Independent samples in the steady part.
    drift_sigma : float
        By how many standard errors the two halves of the steady part differ.
    T_interface_K : float
    """

    power_nW: float
    difference_K: float
    difference_error_K: float
    conductance_MW_m2K: float
    error_MW_m2K: float
    start_ps: float
    end_ps: float
    autocorrelation_time_ps: float
    independent: float
    drift_sigma: float
    T_interface_K: float

    @property
    def warnings(self) -> tuple[str, ...]:
        """What makes the run doubtful."""
        found = []
        if abs(self.drift_sigma) > _LARGEST_DRIFT_SIGMA:
            found.append(
                f"{self.power_nW:g} nW: not steady, its halves differ by {self.drift_sigma:+.1f} sigma"
            )
        if self.independent < _FEWEST_INDEPENDENT:
            found.append(f"{self.power_nW:g} nW: only {self.independent:.0f} independent samples; run longer")
        return tuple(found)

    def to_dict(self) -> dict[str, Any]:
        """Return the run's values as plain data."""
        return dict(vars(self))


@dataclass(frozen=True)
class InjectionResult:
    """A conductance from one or several powers.

    Attributes
    ----------
    conductance_MW_m2K : Interval
        At zero power, or at the one power given; for potentials like these.
    statistical_MW_m2K : Interval
        The same if all potentials were one.
    potential_error_MW_m2K : float or None
        The part of the error that comes from the differences between potentials; None for one potential.
    member_spread : float or None
        The relative standard deviation between potentials.
    slope_MW_m2K_per_nW : float or None
        How G changes with power; None for one power.
    chi_squared_per_freedom : float or None
        How well G lies on a straight line; None for fewer than three powers.
    T_interface_K : float
        At the power the conductance is for: extrapolated to zero like the conductance.
    contact : Contact
    runs : tuple of SteadyRun
    warnings : tuple of str
    """

    conductance_MW_m2K: Interval
    statistical_MW_m2K: Interval
    potential_error_MW_m2K: float | None
    member_spread: float | None
    slope_MW_m2K_per_nW: float | None
    chi_squared_per_freedom: float | None
    T_interface_K: float
    contact: Contact
    runs: tuple[SteadyRun, ...]
    warnings: tuple[str, ...]

    @property
    def compatible_with_zero(self) -> bool:
        """Whether no conductance at all is within two standard errors."""
        return self.conductance_MW_m2K.value <= 2.0 * self.conductance_MW_m2K.error

    @property
    def verdict(self) -> str:
        """The result in one sentence."""
        g = self.conductance_MW_m2K
        if self.compatible_with_zero:
            return f"compatible with zero: at most {g.high:.3g} MW m^-2 K^-1 (84 %)"
        return f"{g.value:.3g} (+{g.high - g.value:.2g} -{g.value - g.low:.2g}) MW m^-2 K^-1"

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain data."""
        return {
            "conductance_MW_m2K": self.conductance_MW_m2K.to_dict(),
            "statistical_MW_m2K": self.statistical_MW_m2K.to_dict(),
            "potential_error_MW_m2K": self.potential_error_MW_m2K,
            "member_spread": self.member_spread,
            "slope_MW_m2K_per_nW": self.slope_MW_m2K_per_nW,
            "chi_squared_per_freedom": self.chi_squared_per_freedom,
            "T_interface_K": self.T_interface_K,
            "area_nm2": self.contact.area_nm2,
            "area_definition": self.contact.definition,
            "runs": [run.to_dict() for run in self.runs],
            "warnings": list(self.warnings),
        }


def steady_run(series: TemperatureSeries, power_nW: float, contact: Contact) -> SteadyRun:
    """Find the steady part of a run and its conductance.

    Parameters
    ----------
    series : TemperatureSeries
    power_nW : float
        Into the particle; negative where heat is taken out.
    contact : Contact

    Raises
    ------
    InputError
        No power.
    CalculationError
        The temperature difference is not told from zero, or has the wrong sign.
    """
    if not np.isfinite(power_nW) or power_nW == 0:
        raise InputError("The injected power must not be zero", "Give it in nW.", {"power_nW": power_nW})
    # The fast noise of single samples hides the slow correlation that decides: blocks show it.
    block_ps = series.duration_ps / min(_BLOCKS, len(series.time_ps))
    blocks = _blocked_difference(series, block_ps)
    thermal = _thermal_inefficiency(series, blocks, power_nW)
    transient = min(int(TRANSIENT_IN_TAU * thermal / 2.0), len(blocks) // 2)
    first = max(transient, equilibrated_from(blocks, thermal))
    start = min(first * series.samples_per_block(block_ps), len(series.time_ps) - FEWEST_SAMPLES)
    steady = series.between(float(series.time_ps[start]), None)
    difference = _blocked_difference(steady, block_ps)
    mean = float(difference.mean())
    error = max(standard_error(difference), _thermal_error(steady, mean, power_nW))
    if mean * np.sign(power_nW) < 2.0 * error:
        raise CalculationError(
            "The steady temperature difference is not told from zero, or has the wrong sign",
            "Run longer, inject more power, or check the power's sign and unit.",
            {"difference_K": round(mean, 3), "error_K": round(error, 3), "power_nW": power_nW},
        )
    inefficiency = max(statistical_inefficiency(difference), thermal)
    interval_ps = series.samples_per_block(block_ps) * series.interval_ps
    conductance = _MW_M2_PER_NW_NM2 * power_nW / (contact.area_nm2 * mean)
    return SteadyRun(
        power_nW=power_nW,
        difference_K=mean,
        difference_error_K=error,
        conductance_MW_m2K=conductance,
        error_MW_m2K=conductance * error / abs(mean),
        start_ps=float(steady.time_ps[0]),
        end_ps=float(steady.time_ps[-1]),
        autocorrelation_time_ps=0.5 * inefficiency * interval_ps,
        independent=len(difference) / inefficiency,
        drift_sigma=drift_in_sigma(difference),
        T_interface_K=float(0.5 * (steady.T_particle_K + steady.T_support_K).mean()),
    )


def _blocked_difference(series: TemperatureSeries, block_ps: float) -> NDArray[np.float64]:
    return series.blocks("T_particle_K", block_ps) - series.blocks("T_support_K", block_ps)


def _thermal_inefficiency(series: TemperatureSeries, blocks: NDArray[np.float64], power_nW: float) -> float:
    """Return the statistical inefficiency of the blocks that `_thermal_error` stands for.

    Mean and variance are those of the second half, without the transient.
    """
    late = blocks[len(blocks) // 2 :]
    mean, variance = float(late.mean()), float(late.var())
    if mean == 0 or variance == 0:
        return 1.0
    return len(blocks) * _thermal_error(series, mean, power_nW) ** 2 / variance


def _thermal_error(steady: TemperatureSeries, mean_K: float, power_nW: float) -> float:
    """Return the standard error that fluctuation and dissipation demand of the mean difference.

    The difference fluctuates with variance s^2 = k_B T_p T_s/C and correlation time tau = C/(G A), whatever
    the heat capacity C: over a time t its mean has the variance 2 s^2 tau/t = 2 k_B T_p T_s/(G A t), with G
    A = P/dT.
    """
    GA_eV_per_K_ps = abs(power_nW / mean_K) / NW_PER_EV_PER_PS
    product = float(steady.T_particle_K.mean() * steady.T_support_K.mean())
    return float(np.sqrt(2.0 * BOLTZMANN_EV_PER_K * product / (GA_eV_per_K_ps * steady.duration_ps)))


def injection_conductance(
    series: Sequence[TemperatureSeries], powers_nW: Sequence[float], contact: Contact
) -> InjectionResult:
    """Measure the conductance at several powers and extrapolate it to none.

    G depends on temperature, so G(P) = G_0 + s P is fitted (`power_line`); the interval is G_0's, with what
    the potentials (`TemperatureSeries.member`) differ by.

    Parameters
    ----------
    series : sequence of TemperatureSeries
    powers_nW : sequence of float
        One for each series.
    contact : Contact

    Raises
    ------
    InputError
        Not one power for each series.
    """
    if not series or len(series) != len(powers_nW):
        raise InputError(
            "Every series needs its power",
            "Give as many powers (--power-nw) as files, in the same order.",
            {"series": len(series), "powers": len(powers_nW)},
        )
    runs = tuple(steady_run(one, power, contact) for one, power in zip(series, powers_nW, strict=True))
    warnings = [text for run in runs for text in run.warnings]
    different = len({run.power_nW for run in runs})
    if different < FEWEST_POWERS:
        warnings.append(
            f"{different} power{'s' if different > 1 else ''}: {FEWEST_POWERS} are needed to extrapolate"
        )
    if len({one.member for one in series}) == 1:
        warnings.append("one potential only: the error that comes from the potential is unknown")
    powers = np.array(powers_nW, dtype=float)
    line = fit_power_line(
        powers,
        np.array([run.conductance_MW_m2K for run in runs]),
        np.array([run.error_MW_m2K for run in runs]),
        [one.member for one in series],
    )
    chi_squared = line.chi_squared_per_freedom
    if chi_squared is not None and chi_squared > 4.0:
        warnings.append(f"G is no straight line in power: chi^2 of {chi_squared:.1f} a degree of freedom")
    return InjectionResult(
        _around(line.value_MW_m2K, line.total_MW_m2K),
        _around(line.value_MW_m2K, line.statistical_MW_m2K),
        line.potential_error_MW_m2K,
        line.member_spread,
        line.slope_MW_m2K_per_nW,
        chi_squared,
        _at_no_power(powers, np.array([run.T_interface_K for run in runs])),
        contact,
        runs,
        tuple(warnings),
    )


def _around(value: float, error: float) -> Interval:
    return Interval(value, value - error, value + error)


def _at_no_power(powers: NDArray[np.float64], temperatures_K: NDArray[np.float64]) -> float:
    """Extrapolate like the conductance; with one power its own temperature."""
    if len(np.unique(powers)) == 1:
        return float(temperatures_K.mean())
    return float(np.polyfit(powers, temperatures_K, 1)[1])
