"""The firetask that turns conductance, spectrum and geometry into a temperature rise."""

from __future__ import annotations

from typing import Any

from beamheat_fw.campaign import PredictionStage
from beamheat_fw.errors import CalculationError, StoreError
from beamheat_fw.firetasks.context import Context
from beamheat_fw.firetasks.job import CampaignTask
from beamheat_fw.firetasks.progress import advance
from beamheat_fw.firetasks.spectrum import spectrum_id
from beamheat_fw.flows.next_step import CONVERGED
from beamheat_fw.physics.rise.beam import Beam
from beamheat_fw.physics.rise.electron_phonon import bound
from beamheat_fw.physics.rise.energy_loss import EnergyLoss
from beamheat_fw.physics.rise.heat_flow import HeatFlow, Interface, Particle
from beamheat_fw.physics.rise.measured import Measured
from beamheat_fw.physics.rise.predicting import predict
from beamheat_fw.physics.rise.prediction import Prediction as Rise
from beamheat_fw.physics.rise.sweep import sweep
from beamheat_fw.store.documents import Conductance, Prediction, Spectrum
from beamheat_fw.store.documents.base import Analysis
from beamheat_fw.store.provenance import Source
from beamheat_fw.store.rounds import load_round
from beamheat_fw.store.structures import composition_fields

#: What of a prediction's details is kept with it, beside the rise and the power.
_KEPT = (
    *("budget", "bounds_K", "parts_K", "systematics_K", "power_support_nW"),
    *("cooling_time_ps", "events_per_tau", "kick_K"),
)


class PredictTemperature(CampaignTask):
    """Predict the temperature rise against dose rate and beam energy, with its error by cause."""

    _fw_name = "{{beamheat_fw.firetasks.PredictTemperature}}"

    def act(self, context: Context) -> dict[str, Any]:
        """Predict from the campaign's newest conductance and spectrum, and end the campaign."""
        conductance = _newest_conductance(context)
        spectrum = context.store.load(Spectrum, spectrum_id(context.campaign.eels))
        stage = context.campaign.prediction
        flow = heat_flow(stage, conductance)
        loss = energy_loss(spectrum)

        def loss_at(beam_energy_keV: float) -> EnergyLoss:
            if beam_energy_keV == spectrum.beam_energy_keV:
                return loss
            return loss.at_energy(flow.particle.material, spectrum.beam_energy_keV, beam_energy_keV)

        quoted = predict(flow, loss_at(flow.beam.energy_keV))
        table = sweep(flow, loss_at, stage.beam_energies_keV, stage.dose_rates_e_A2_s).rows()
        document = _prediction(context, quoted, table, conductance, spectrum)
        context.save(
            document,
            [
                Source("conductances", conductance.id, "interface"),
                Source("spectra", spectrum.id, "energy-loss"),
                Source("campaigns", context.campaign_id, "campaign"),
            ],
        )
        advance(context.store, context.launchpad, context.campaign_id)
        return {"prediction_id": document.id, "delta_T_K": document.delta_T_K}


def heat_flow(stage: PredictionStage, conductance: Conductance) -> HeatFlow:
    """Return the particle in the beam, on an interface of the conductance found."""
    from beamheat_fw.physics.rise.materials import alloy
    from beamheat_fw.physics.rise.particle_shape import measure_shape
    from beamheat_fw.physics.structures import build_particle

    atoms = build_particle(stage.particle)
    shape = measure_shape(atoms, stage.beam_axis)
    material = alloy({symbol: count for symbol, count in atoms.symbols.formula.count().items()})
    particle = Particle(
        volume_nm3=Measured(len(atoms) * material.atomic_volume_nm3),
        contact_area_nm2=Measured(shape.contact_area_nm2),
        material=material,
        area_definition="hull",
    )
    beam = Beam(stage.beam_energies_keV[0], Measured(stage.dose_rates_e_A2_s[-1]))
    interface = Interface(
        measured_conductance(conductance), conductance.area_definition, electron_phonon=bound(material)
    )
    return HeatFlow(particle, beam, interface)


def energy_loss(spectrum: Spectrum) -> EnergyLoss:
    """Return what an electron loses per length, as a spectrum's document holds it."""
    return EnergyLoss(
        dE_dx_eV_nm=Measured(spectrum.windows["dE_dx_eV_nm"], spectrum.windows["dE_dx_error_eV_nm"]),
        mean_energy_loss_eV=spectrum.mean_loss_eV,
        mean_free_path_nm=spectrum.mean_free_path_nm or 0.0,
        source=f"spectrum {spectrum.file_name}",
    )


def measured_conductance(conductance: Conductance) -> Measured:
    """Return G with its interval and its causes, for the budget.

    Where the interval reaches zero the best estimate says nothing, but the upper limit still does: taken as
    the value, it gives the least temperature rise that the runs allow.

    Raises
    ------
    CalculationError
        G has neither a best estimate nor an upper limit.
    """
    value, low = conductance.conductance_MW_m2K, conductance.conductance_low_MW_m2K
    high = conductance.conductance_high_MW_m2K
    if low <= 0.0:
        if high is None:
            raise CalculationError(
                "The heating runs say nothing about the conductance",
                "Heat longer or more often: raise heating.relax_ps, max_wall_s, ranks or replicas_per_rank.",
                {"conductance_id": conductance.id},
            )
        return Measured(high, high, 0.0, high, (("conductance_compatible_with_zero", high),))
    causes = {f"conductance_{name}": part for name, part in conductance.breakdown.items() if part}
    error = value - low if high is None else 0.5 * (high - low)
    return Measured(value, error, low, float("inf") if high is None else high, tuple(causes.items()))


def _newest_conductance(context: Context) -> Conductance:
    query = {"campaign_id": context.campaign_id}
    found = next(iter(context.store.find(Conductance, query, newest_first=True, limit=1)), None)
    if found is None:
        raise StoreError(
            "The campaign has no conductance yet",
            f"See `beamheat status {context.campaign.name}` for what failed, mend it and resubmit.",
            query,
        )
    return found


def _prediction(
    context: Context, quoted: Rise, table: list[dict[str, Any]], conductance: Conductance, spectrum: Spectrum
) -> Prediction:
    stage, rise = context.campaign.prediction, quoted.to_dict()
    verdict = load_round(context.store, context.campaign_id, context.round).verdict
    converged = verdict == CONVERGED
    warnings = list(rise["warnings"])
    if not converged:
        warnings.insert(
            0,
            f"the committee is not converged ({verdict}): the conductance may be wrong beyond its error",
        )
    if not conductance.heat_balances:
        warnings.insert(
            0,
            "heat came from relaxing structures, not from the particle alone: see the conductance's warnings",
        )
    from beamheat_fw.physics.structures import build_particle

    return Prediction(
        campaign_id=context.campaign_id,
        result_key=f"{conductance.result_key}-{spectrum.id[:12]}",
        delta_T_K=rise["delta_T_K"]["value"],
        delta_T_error_K=rise["delta_T_K"]["error"],
        delta_T_low_K=rise["delta_T_K"]["lower"],
        delta_T_high_K=rise["delta_T_K"]["upper"],
        dose_rate_e_A2_s=stage.dose_rates_e_A2_s[-1],
        beam_energy_keV=stage.beam_energies_keV[0],
        power_nW=rise["power_nW"]["value"],
        power_error_nW=rise["power_nW"]["error"],
        breakdown={name: rise[name] for name in _KEPT},
        table=tuple(table),
        conductance_id=conductance.id,
        spectrum_id=spectrum.id,
        converged=converged,
        analysis=Analysis(warnings=tuple(warnings)),
        **composition_fields(build_particle(stage.particle)),
    )
