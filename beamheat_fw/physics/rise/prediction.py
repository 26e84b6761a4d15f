"""The temperature rise of a particle under the beam, with its error, its bounds and its warnings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beamheat_fw.errors import InputError
from beamheat_fw.physics.rise import temperature
from beamheat_fw.physics.rise.electron_phonon import bound, electron_phonon_K_per_nW
from beamheat_fw.physics.rise.energy_loss import EnergyLoss
from beamheat_fw.physics.rise.error_budget import Propagated, Uncertain, propagate
from beamheat_fw.physics.rise.heat_flow import HeatFlow, RiseParts, illuminated_film, rise_parts
from beamheat_fw.physics.rise.measured import Measured
from beamheat_fw.physics.rise.prediction_warnings import warnings_about
from beamheat_fw.physics.rise.stopping_power import bethe_eV_nm, cutoff_for_size_keV, restricted_eV_nm


@dataclass(frozen=True)
class Prediction:
    """How hot the particle gets.

    Attributes
    ----------
    power_nW : Measured
        Left in the particle.
    power_support_nW : float or None
        Left in the support by the same beam; None where material, thickness or the beam's size is unknown.
    delta_T_K : Propagated
        The particle above ambient, its interval and its budget by cause.
    systematics_K : dict of str to float
        What the rise's value leaves out, by cause: ``electron_phonon`` where it is not counted and the
        metal's coupling is known. The upper end holds it where the interface says so
        (`electron_phonon.bound`).
    parts : RiseParts
        Where the rise comes about.
    bounds_K : dict of str to float
        The rise from the energy loss given (``eels``), from the stopping power restricted to secondaries that
        stay in a particle of its size (``central``), and from the whole collision stopping power
        (``stopping_power``).
    cooling_time_ps, events_per_tau, kick_K : float
        The time the particle takes to cool, the inelastic events in it, and what one mean event heats the
        particle by.
    warnings : tuple of str
    """

    power_nW: Measured
    power_support_nW: float | None
    delta_T_K: Propagated
    systematics_K: dict[str, float]
    parts: RiseParts
    bounds_K: dict[str, float]
    cooling_time_ps: float
    events_per_tau: float
    kick_K: float
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data; an unbounded upper end is None."""
        rise = self.delta_T_K
        upper = float(rise.upper)
        return {
            "power_nW": {"value": self.power_nW.value, "error": self.power_nW.error},
            "power_support_nW": self.power_support_nW,
            "delta_T_K": {
                "value": float(rise.value),
                "error": float(rise.error),
                "lower": float(rise.lower),
                "upper": upper if np.isfinite(upper) else None,
            },
            "bounds_K": dict(self.bounds_K),
            "delta_T_support_K": float(self.parts.support_K),
            "parts_K": {
                "interface": float(self.parts.interface_K),
                "electron_phonon": float(self.parts.electron_phonon_K),
                "support_spreading": float(self.parts.spreading_K),
                "support_beam": float(self.parts.support_beam_K),
            },
            "cooling_time_ps": self.cooling_time_ps,
            "events_per_tau": self.events_per_tau,
            "kick_K": self.kick_K,
            "budget": {cause: float(share) for cause, share in rise.budget.items()},
            "systematics_K": dict(self.systematics_K),
            "warnings": list(self.warnings),
        }


def predict(flow: HeatFlow, loss: EnergyLoss) -> Prediction:
    """Predict the temperature rise of a particle under a steady beam.

    Parameters
    ----------
    flow : HeatFlow
        Particle, beam, interface and support.
    loss : EnergyLoss
        What an electron loses, at the beam's energy.

    Returns
    -------
    Prediction

    Raises
    ------
    InputError
        The beam energy is outside the range of the stopping power, or the support is not described well
        enough.
    """
    inputs = flow.inputs(loss.dE_dx_eV_nm)
    values = {name: given.value for name, given in inputs.items()}
    parts = rise_parts(flow, values)
    rise = propagate(lambda moved: rise_parts(flow, moved).total_K, inputs)
    power = propagate(lambda moved: rise_parts(flow, moved).power_nW, inputs)
    capacity = temperature.heat_capacity_eV_K(flow.particle.atoms)
    tau_ps = float(temperature.cooling_time_ps(capacity, parts.resistance_K_per_nW))
    dose_rate = values["dose_rate"] * flow.particle.illuminated_fraction
    rate = temperature.events_per_second(dose_rate, values["volume"], loss.mean_free_path_nm)
    prediction = Prediction(
        Measured(float(power.value), float(power.error)),
        _power_support_nW(flow),
        rise,
        _left_out_K(flow, parts),
        parts,
        bounds_K(flow, loss),
        tau_ps,
        float(rate) * tau_ps * 1e-12,
        float(temperature.kick_K(loss.mean_energy_loss_eV, capacity)),
        loss.notes,
    )
    return replace(prediction, warnings=(*prediction.warnings, *warnings_about(prediction, flow)))


def _power_support_nW(flow: HeatFlow) -> float | None:
    film = illuminated_film(flow)
    beam = flow.beam
    return None if film is None else float(film.power_nW(beam.dose_rate_e_A2_s.value, beam.energy_keV))


def _left_out_K(flow: HeatFlow, parts: RiseParts) -> dict[str, float]:
    known = flow.interface.electron_phonon or bound(flow.particle.material)
    if known is None:
        return {}
    share = known.share.value if flow.interface.electron_phonon else 0.0
    resistance = electron_phonon_K_per_nW(
        known.coupling_W_m3K.value,
        known.phonon_conductivity_W_mK,
        flow.particle.height_nm,
        flow.particle.contact_area_nm2.value,
    )
    left_out = (1.0 - share) * float(parts.power_nW * resistance)
    return {"electron_phonon": left_out} if left_out > 0.0 else {}


def bounds_K(flow: HeatFlow, loss: EnergyLoss) -> dict[str, float]:
    """Return the rise for the energy loss given, the restricted and the whole stopping power."""
    bulk, energy = flow.particle.material, flow.beam.energy_keV
    cutoff = cutoff_for_size_keV(bulk, flow.particle.size_nm)
    losses = {
        "eels": loss.dE_dx_eV_nm.value,
        "central": float(restricted_eV_nm(bulk, energy, cutoff)),
        "stopping_power": float(bethe_eV_nm(bulk, energy)),
    }
    values = {name: given.value for name, given in flow.inputs(loss.dE_dx_eV_nm).items()}
    return {
        name: float(rise_parts(flow, {**values, "energy_loss": lost}).total_K)
        for name, lost in losses.items()
    }


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
