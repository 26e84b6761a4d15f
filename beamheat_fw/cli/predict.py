"""`beamheat predict`: a temperature rise from power inputs, without a database."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from beamheat_fw.cli.beam_options import BeamOptions, VisitOptions
from beamheat_fw.cli.grouped_options import grouped
from beamheat_fw.cli.interface_options import InterfaceOptions
from beamheat_fw.cli.loss_options import LossOptions
from beamheat_fw.cli.output import JsonOption, emit
from beamheat_fw.cli.particle_options import ParticleOptions
from beamheat_fw.cli.support_options import SupportOptions
from beamheat_fw.errors import InputError

if TYPE_CHECKING:
    from beamheat_fw.cli.particle_options import Body
    from beamheat_fw.physics.rise.energy_loss import EnergyLoss
    from beamheat_fw.physics.rise.heat_flow import HeatFlow

_MEAN_OF_SCAN = (
    "the rise is the mean over the scan's frames: while the probe is on the particle it is hotter; "
    "--frame-time-us gives the peak"
)


@dataclass(frozen=True)
class SweepOptions:
    """What is swept, and where the results go."""

    sweep: Annotated[
        list[str] | None,
        typer.Option(
            help="NAME=START:STOP:COUNT or NAME=A,B,C; NAME is dose-rate, energy, size, shape (also "
            "particles' files) or conductance.",
            metavar="SWEEP",
        ),
    ] = None
    csv: Annotated[Path | None, typer.Option(help="Write the sweep here.")] = None
    figure: Annotated[Path | None, typer.Option(help="Draw the sweep here.")] = None

    def require_sweep(self) -> None:
        """Refuse a table or a figure of nothing."""
        if (self.csv or self.figure) and not self.sweep:
            raise InputError(
                "A table or figure was asked for, but no sweep", "Add --sweep dose-rate=1e4:1e8:41."
            )


@grouped
def command(
    interface: InterfaceOptions,
    beam: BeamOptions,
    particle: ParticleOptions,
    visits: VisitOptions,
    loss: LossOptions,
    support: SupportOptions,
    sweeps: SweepOptions,
    ambient_k: Annotated[float, typer.Option(help="Temperature far away.")] = 300.0,
    as_json: JsonOption = False,
) -> None:
    """Predict how hot a particle gets under the beam, with its error and the causes of it.

    Without support options the interface alone stands between the particle and its surroundings.

    Example: beamheat predict --volume-nm3 3097 --contact-area-nm2 287.9 --conductance-mw-m2k 59.3
    --dose-rate 1e7 --beam-energy-kev 80
    """
    from beamheat_fw.cli.sweeping import parse_sweeps, run_sweep
    from beamheat_fw.physics.rise.heat_flow import HeatFlow
    from beamheat_fw.physics.rise.scanning import scanned_share

    sweeps.require_sweep()
    light = beam.build()
    body = particle.build(light)
    metal = body.particle.material
    lost = loss.build(beam.energy_keV, metal)
    flow = HeatFlow(body.particle, light, interface.build(metal), support.build(), ambient_k)
    share = None if beam.scan_area_nm2 is None else scanned_share(beam.scan_area_nm2, body.projected_area_nm2)
    axes = parse_sweeps(sweeps.sweep or [], flow, lambda file: particle.of_file(file).build(light))
    document = _predicted(flow, lost, visits, share)
    document["warnings"] += support.notes
    document |= {"method": particle.method, "inputs": _inputs(flow, lost, body)}
    if sweeps.sweep:
        document["sweep"] = run_sweep(flow, lost, axes, sweeps.csv, sweeps.figure)
    emit(document, as_json=as_json, readable=_show)


def _predicted(flow: HeatFlow, loss: EnergyLoss, visits: VisitOptions, share: float | None) -> dict[str, Any]:
    """Return the prediction, with its course in time where the beam comes and goes."""
    from beamheat_fw.physics.rise.predicting import predict
    from beamheat_fw.physics.rise.scanning import transient

    times = visits.build(share)
    document = predict(flow, loss).to_dict()
    # A line of the budget even where it counts nowhere.
    document["budget"].setdefault("electron_phonon", 0.0)
    if times is not None:
        tau_ps = document["cooling_time_ps"]
        document["transient"] = transient(flow, loss, tau_ps, times, averaged=share is not None).to_dict()
    elif share is not None:
        document["warnings"].append(_MEAN_OF_SCAN)
    return document


def _inputs(flow: HeatFlow, loss: EnergyLoss, body: Body) -> dict[str, Any]:
    """Return every input as it was used, plain data."""
    particle, electrons = flow.particle, flow.interface.electron_phonon
    found: dict[str, Any] = {
        "volume_nm3": particle.volume_nm3.to_dict(),
        "contact_area_nm2": particle.contact_area_nm2.to_dict(),
        "conductance_MW_m2K": flow.interface.conductance_MW_m2K.to_dict(),
        "dose_rate_e_A2_s": flow.beam.dose_rate_e_A2_s.to_dict(),
        "illuminated_fraction": particle.illuminated_fraction,
        "beam_energy_keV": flow.beam.energy_keV,
        "dE_dx_eV_nm": loss.dE_dx_eV_nm.to_dict(),
        "mean_free_path_nm": loss.mean_free_path_nm,
        "mean_energy_loss_eV": loss.mean_energy_loss_eV,
        "energy_loss_source": loss.source,
        "material": particle.material.name,
        "atoms": particle.atoms if body.shape is None else body.shape.atoms,
        "ambient_K": flow.ambient_K,
        "electron_phonon": None if electrons is None else asdict(electrons),
        "support": None if flow.support is None else asdict(flow.support),
    }
    if body.shape is not None:
        found["shape"] = asdict(body.shape) | {"column_volume_nm3": body.shape.column_volume_nm3}
    return found


def _show(document: dict[str, Any]) -> None:
    rise, bounds = document["delta_T_K"], document["bounds_K"]
    upper = "no upper bound" if rise["upper"] is None else f"{rise['upper']:.3g}"
    power = document["power_nW"]
    typer.echo(f"power                {power['value']:.4g} +- {power['error']:.2g} nW")
    typer.echo(
        f"temperature rise     {rise['value']:.4g} +- {rise['error']:.2g} K (68 %: "
        f"{rise['lower']:.3g} to {upper})"
    )
    typer.echo(f"of it the support    {document['delta_T_support_K']:.3g} K")
    typer.echo(
        f"bounds               {bounds['eels']:.4g} K (energy loss given), {bounds['central']:.4g} K "
        "(restricted), "
        f"{bounds['stopping_power']:.4g} K (whole stopping power)"
    )
    typer.echo(
        f"single events        {document['events_per_tau']:.3g} in a cooling time of "
        f"{document['cooling_time_ps']:.3g} ps, {document['kick_K']:.3g} K each"
    )
    _show_transient(document.get("transient"))
    for cause, share in sorted(document["budget"].items(), key=lambda item: -item[1]):
        typer.echo(f"  {100 * share:5.1f} % of the variance from {cause}")
    for cause, size_K in document["systematics_K"].items():
        typer.echo(f"  {size_K:+.3g} K not in the value: {cause}")
    for warning in document["warnings"]:
        typer.echo(f"warning: {warning}")


def _show_transient(found: dict[str, float] | None) -> None:
    if found is not None:
        typer.echo(
            f"beam comes and goes  {found['peak_K']:.4g} K at the peak, {found['trough_K']:.3g} K before it "
            f"returns, {found['mean_K']:.3g} K on average (duty cycle {found['duty_cycle']:.3g})"
        )
