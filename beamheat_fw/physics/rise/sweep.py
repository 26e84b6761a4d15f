"""Temperature rises over a grid of beam energies and dose rates, all at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beamheat_fw.errors import InputError
from beamheat_fw.physics.rise.energy_loss import EnergyLoss
from beamheat_fw.physics.rise.error_budget import Propagated, Uncertain, propagate
from beamheat_fw.physics.rise.heat_flow import HeatFlow, RiseParts, rise_parts
from beamheat_fw.physics.rise.measured import Measured


@dataclass(frozen=True)
class Sweep:
    """Temperature rises over a grid of beam energies and dose rates.

    Attributes
    ----------
    beam_energies_keV : array, shape (n,)
    dose_rates_e_A2_s : array, shape (m,)
    power_nW : array, shape (n, m)
    delta_T_K : Propagated
        Arrays of shape (n, m).
    """

    beam_energies_keV: NDArray[np.float64]
    dose_rates_e_A2_s: NDArray[np.float64]
    power_nW: NDArray[np.float64]
    delta_T_K: Propagated

    def rows(self) -> list[dict[str, float]]:
        """Return one plain record a grid point, energies outermost."""
        rise = self.delta_T_K
        return [
            {
                "beam_energy_keV": float(energy),
                "dose_rate_e_A2_s": float(dose_rate),
                "power_nW": float(self.power_nW[i, j]),
                "delta_T_K": float(rise.value[i, j]),
                "delta_T_error_K": float(rise.error[i, j]),
                "delta_T_lower_K": float(rise.lower[i, j]),
                "delta_T_upper_K": float(rise.upper[i, j]),
            }
            for i, energy in enumerate(self.beam_energies_keV)
            for j, dose_rate in enumerate(self.dose_rates_e_A2_s)
        ]


def sweep(
    flow: HeatFlow,
    loss_at: Callable[[float], EnergyLoss],
    beam_energies_keV: ArrayLike,
    dose_rates_e_A2_s: ArrayLike,
) -> Sweep:
    """Predict over beam energies and dose rates.

    Parameters
    ----------
    flow : HeatFlow
        Its beam's relative error of the dose rate holds for every dose rate.
    loss_at : callable
        Gives the energy loss at a beam energy in keV: `energy_loss.from_paper`, or a measured loss's
        `at_energy`.
    beam_energies_keV : array, shape (n,)
    dose_rates_e_A2_s : array, shape (m,)

    Raises
    ------
    InputError
        A beam energy is outside the range of `loss_at`, or a dose rate is not above zero.
    """
    energies = np.atleast_1d(np.asarray(beam_energies_keV, dtype=float))
    dose_rates = np.atleast_1d(np.asarray(dose_rates_e_A2_s, dtype=float))
    if not np.all(dose_rates > 0.0):
        raise InputError(
            "A dose rate of the sweep is not above zero",
            "Give dose rates above zero.",
            {"least": dose_rates.min()},
        )
    losses = _Losses([loss_at(float(energy)).dE_dx_eV_nm for energy in energies])
    inputs: dict[str, Uncertain] = {**flow.inputs(losses.each[0]), "energy_loss": losses}
    relative = dose_rates / flow.beam.dose_rate_e_A2_s.value

    def parts(moved: Mapping[str, Any], scale: ArrayLike) -> RiseParts:
        dose_rate = moved["dose_rate"] * np.asarray(scale)
        return rise_parts(flow, {**moved, "dose_rate": dose_rate, "beam_energy": energies[:, None]})

    power = parts({name: given.value for name, given in inputs.items()}, relative).power_nW
    if flow.interface.slope_per_K == 0.0:  # then everything is proportional to the dose rate
        rise = _times(propagate(lambda moved: parts(moved, 1.0).total_K, inputs), relative)
    else:
        rise = propagate(lambda moved: parts(moved, relative).total_K, inputs)
    return Sweep(energies, dose_rates, power, rise)


class _Losses:
    """Energy losses at several beam energies as one input; arrays of shape (n, 1)."""

    def __init__(self, each: list[Measured]) -> None:
        self.each = each

    @property
    def value(self) -> NDArray[np.float64]:
        return np.array([[loss.value] for loss in self.each])

    @property
    def interval(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        low, high = zip(*(loss.interval for loss in self.each), strict=True)
        return np.array(low)[:, None], np.array(high)[:, None]

    def shares(self, name: str) -> tuple[tuple[str, NDArray[np.float64]], ...]:
        found = [dict(loss.shares(name)) for loss in self.each]
        causes = sorted({cause for causes in found for cause in causes})
        return tuple((cause, np.array([[causes.get(cause, 0.0)] for causes in found])) for cause in causes)


def _times(rise: Propagated, relative: NDArray[np.float64]) -> Propagated:
    """Return rises of shape (n, 1) times factors of shape (m,)."""
    shape = np.broadcast_shapes(rise.value.shape, relative.shape)
    return Propagated(
        rise.value * relative,
        rise.error * relative,
        rise.lower * relative,
        rise.upper * relative,
        {cause: np.broadcast_to(share, shape) for cause, share in rise.budget.items()},
    )
