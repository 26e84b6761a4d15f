"""The firetask that finds the conductance from a campaign's heated particles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from beamheat_fw.campaign import HeatingStage
from beamheat_fw.errors import CalculationError
from beamheat_fw.firetasks.context import Context
from beamheat_fw.firetasks.heating import KINDS, describe_heated, unpack_series
from beamheat_fw.firetasks.job import CampaignTask
from beamheat_fw.physics.interface.series import TemperatureSeries
from beamheat_fw.store.artifacts import read_artifact
from beamheat_fw.store.documents import Conductance, MDRun
from beamheat_fw.store.documents.base import Analysis
from beamheat_fw.store.provenance import Source
from beamheat_fw.store.structures import composition_fields

if TYPE_CHECKING:
    from beamheat_fw.physics.interface.conductance import ConductanceResult
    from beamheat_fw.physics.interface.injection import InjectionResult


class AnalyseConductance(CampaignTask):
    """Find the interface conductance from all heating runs of a round."""

    _fw_name = "{{beamheat_fw.firetasks.AnalyseConductance}}"

    def act(self, context: Context) -> dict[str, Any]:
        """Fit all replicas of all members together."""
        method = context.campaign.heating.method
        query = {"campaign_id": context.campaign_id, "kind": KINDS[method]}
        # By member, not by who ended first: sums, and so the last digits, depend on the order.
        found = context.store.find(MDRun, {**query, "state": "completed"})
        runs = sorted(found, key=lambda run: run.run_key)
        series = [
            one
            for run in runs
            for one in unpack_series(read_artifact(context.store, run.series_sha256 or ""))
        ]
        if not series:
            raise _none_survived(context, query)
        conductance = conductance_of(
            context.campaign.heating, context.campaign_id, context.round, series, runs
        )
        context.save(conductance, [Source("md_runs", run.id, method) for run in runs])
        return {"conductance_id": conductance.id, "verdict": conductance.fit["verdict"]}


def _none_survived(context: Context, query: dict[str, Any]) -> CalculationError:
    reasons = [warning for run in context.store.find(MDRun, query) for warning in run.analysis.warnings]
    return CalculationError(
        "No replica of the heated particle can be used: atoms escaped, or the energy was not conserved",
        "Look at the runs in md_runs; a campaign with more labels, rounds or training epochs gives "
        "potentials that hold.",
        {"campaign_id": context.campaign_id, "marks": len(reasons), "first": reasons[0] if reasons else ""},
    )


def conductance_of(
    heating: HeatingStage,
    campaign_id: str,
    round_number: int,
    series: list[TemperatureSeries],
    runs: list[MDRun],
) -> Conductance:
    """Return the conductance that a round's runs show, by the method that the stage asks for."""
    from beamheat_fw.physics.structures import build_system

    found = _by_relaxation if heating.method == "relaxation" else _by_injection
    result, fit, breakdown = found(heating, series)
    low, high = fit["conductance_MW_m2K"]["interval"]
    return Conductance(
        campaign_id=campaign_id,
        result_key=f"{heating.method}-r{round_number}",
        conductance_MW_m2K=fit["conductance_MW_m2K"]["value"],
        conductance_low_MW_m2K=low,
        conductance_high_MW_m2K=high,
        compatible_with_zero=result.compatible_with_zero,
        method=heating.method,
        area_definition=result.contact.definition,
        area_nm2=result.contact.area_nm2,
        temperature_K=result.T_interface_K,
        breakdown=breakdown,
        fit=fit,
        md_run_ids=tuple(run.id for run in runs),
        analysis=Analysis(warnings=(*result.warnings, *(w for run in runs for w in run.analysis.warnings))),
        **composition_fields(build_system(heating.system)),
    )


def _by_relaxation(
    heating: HeatingStage, series: list[TemperatureSeries]
) -> tuple[ConductanceResult, dict[str, Any], dict[str, float | None]]:
    from beamheat_fw.physics.interface.conductance import Contact, HeatedSystem, relaxation_conductance

    system = describe_heated(heating)
    contact = Contact(system["contact_area_nm2"], system["contact_definition"])
    result = relaxation_conductance(series, HeatedSystem(system["n_particle"], system["n_support"], contact))
    fit = result.to_dict()
    breakdown = {
        "statistical": fit["statistical_MW_m2K"]["error"],
        "potential": fit["potential_error_MW_m2K"],
        "heat_capacity": fit["heat_capacity_error_MW_m2K"],
    }
    return result, fit, breakdown


def _by_injection(
    heating: HeatingStage, series: list[TemperatureSeries]
) -> tuple[InjectionResult, dict[str, Any], dict[str, float | None]]:
    from beamheat_fw.physics.interface.conductance_result import Contact
    from beamheat_fw.physics.interface.injection import injection_conductance

    system = describe_heated(heating)
    contact = Contact(system["contact_area_nm2"], system["contact_definition"])
    # A replica's number, which is its series' seed, says which power it had.
    powers = [heating.powers_nW[(one.seed or 0) % len(heating.powers_nW)] for one in series]
    result = injection_conductance(series, powers, contact)
    fit = result.to_dict()
    fit["steady_runs"] = fit.pop("runs")
    fit["verdict"] = result.verdict
    breakdown = {
        "statistical": fit["statistical_MW_m2K"]["error"],
        "potential": result.potential_error_MW_m2K,
    }
    return result, fit, breakdown
