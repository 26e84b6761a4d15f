"""The temperature rise of a particle under a steady beam."""

from __future__ import annotations

from dataclasses import replace

from beamheat_fw.physics.rise import temperature
from beamheat_fw.physics.rise.electron_phonon import bound, electron_phonon_K_per_nW
from beamheat_fw.physics.rise.energy_loss import EnergyLoss
from beamheat_fw.physics.rise.error_budget import propagate
from beamheat_fw.physics.rise.heat_flow import HeatFlow, RiseParts, illuminated_film, rise_parts
from beamheat_fw.physics.rise.measured import Measured
from beamheat_fw.physics.rise.prediction import Prediction
from beamheat_fw.physics.rise.prediction_warnings import warnings_about
from beamheat_fw.physics.rise.stopping_power import bethe_eV_nm, cutoff_for_size_keV, restricted_eV_nm


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
