"""`beamheat predict`: a temperature rise from power inputs, without a database."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from beamheat_fw.cli.output import JsonOption, emit
from beamheat_fw.errors import InputError

_ERRORS = "VALUE[+-ERROR]"
_MEAN_OF_SCAN = (
    "the rise is the mean over the scan's frames: while the probe is on the particle it is hotter; "
    "--frame-time-us gives the peak"
)


def _option(text: str, metavar: str = _ERRORS) -> Any:
    return typer.Option(help=text, metavar=metavar, show_default=False)


def command(
    conductance_mw_m2k: Annotated[str, _option("Interface conductance; also VALUE+UP-DOWN.")],
    beam_energy_kev: Annotated[str, _option("Beam energy.")],
    volume_nm3: Annotated[str | None, _option("The particle's volume.")] = None,
    particle: Annotated[
        Path | None, typer.Option(help="The particle's atoms, in a file that ASE reads.")
    ] = None,
    beam_axis: Annotated[
        str, typer.Option(help="Beam direction in that file: x, y, z or three numbers.")
    ] = "y",
    contact_area_nm2: Annotated[
        str | None, _option("Contact area; of the file's bottom layer if not given.")
    ] = None,
    material: Annotated[str, typer.Option(help="The particle's element, without a file.")] = "Au",
    method: Annotated[
        str, typer.Option(help="exact: from the volume; paper: side area times mean column.")
    ] = "exact",
    dose_rate: Annotated[str | None, _option("Electrons per square angstrom and second.")] = None,
    current_na: Annotated[str | None, _option("Beam current, with a beam diameter or a scan area.")] = None,
    beam_diameter_nm: Annotated[str | None, _option("Of a uniform disc; 1/e diameter of a Gaussian.")] = None,
    beam_profile: Annotated[str, typer.Option(help="uniform or gaussian.")] = "uniform",
    beam_position_nm: Annotated[
        tuple[float, float], typer.Option(help="The beam's centre relative to the particle's.", metavar="X Y")
    ] = (0.0, 0.0),
    scan_area_nm2: Annotated[float | None, typer.Option(help="Area over which a probe is scanned.")] = None,
    dwell_time_us: Annotated[
        float | None, typer.Option(help="How long the beam stays on the particle each time.")
    ] = None,
    frame_time_us: Annotated[
        float | None, typer.Option(help="How long until it comes back; a scan's frame time.")
    ] = None,
    duty_cycle: Annotated[
        float | None, typer.Option(help="Instead of one of these two: their ratio.")
    ] = None,
    mean_free_path_nm: Annotated[
        str | None, _option("Inelastic mean free path; else the table for gold.")
    ] = None,
    mean_energy_loss_ev: Annotated[str | None, _option("Mean energy loss; else the table for gold.")] = None,
    loss_correlation: Annotated[
        float | None, typer.Option(help="Between the errors of these two, -1 to 1.", show_default=False)
    ] = None,
    de_dx_ev_nm: Annotated[str | None, _option("Their quotient, if measured as one.")] = None,
    electron_phonon: Annotated[
        str | None,
        typer.Option(
            help="The metal's electron-phonon resistance: bound (only the upper end holds it; the default), "
            "counted (the default with a coupling) or none.",
            show_default=False,
        ),
    ] = None,
    electron_phonon_w_m3k: Annotated[
        str | None, _option("Electron-phonon coupling of the metal; else known for gold.")
    ] = None,
    conductance_slope_per_k: Annotated[
        float, typer.Option(help="Relative change of the conductance per kelvin.")
    ] = 0.0,
    conductance_reference_k: Annotated[
        float, typer.Option(help="Interface temperature that it was found at.")
    ] = 300.0,
    support: Annotated[
        str | None, typer.Option(help="The support's material: TiO2, hBN, MgO, 'amorphous C' or an element.")
    ] = None,
    support_conductivity_w_mk: Annotated[str | None, _option("In the plane; else the material's.")] = None,
    support_conductivity_across_w_mk: Annotated[
        str | None, _option("Normal to it, where it differs.")
    ] = None,
    support_thickness_nm: Annotated[float | None, typer.Option(help="Without it, a half-space.")] = None,
    hole_radius_nm: Annotated[float | None, typer.Option(help="Of the hole that a film spans.")] = None,
    ambient_k: Annotated[float, typer.Option(help="Temperature far away.")] = 300.0,
    sweep: Annotated[
        list[str] | None,
        typer.Option(
            help="NAME=START:STOP:COUNT or NAME=A,B,C; NAME is dose-rate, energy, size, shape (also "
            "particles' files) or conductance.",
            metavar="SWEEP",
        ),
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="Write the sweep here.")] = None,
    figure: Annotated[Path | None, typer.Option(help="Draw the sweep here.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Predict how hot a particle gets under the beam, with its error and the causes of it.

    Without support options the interface alone stands between the particle and its surroundings.

    Example: beamheat predict --volume-nm3 3097 --contact-area-nm2 287.9 --conductance-mw-m2k 59.3
    --dose-rate 1e7 --beam-energy-kev 80
    """
    from beamheat_fw.cli import prediction_inputs as inputs
    from beamheat_fw.cli.beam_options import BeamOptions, VisitOptions
    from beamheat_fw.cli.measured_option import measured
    from beamheat_fw.cli.sweeping import parse_sweeps, run_sweep
    from beamheat_fw.physics.heat_flow import HeatFlow, Interface
    from beamheat_fw.physics.prediction import predict
    from beamheat_fw.physics.scanning import scanned_share, transient

    if (csv or figure) and not sweep:
        raise InputError("A table or figure was asked for, but no sweep", "Add --sweep dose-rate=1e4:1e8:41.")
    beam_energy_keV = measured("--beam-energy-kev", beam_energy_kev)
    beam = BeamOptions(
        *(beam_energy_keV.value, dose_rate, current_na, beam_diameter_nm),
        *(beam_profile, beam_position_nm, scan_area_nm2),
    ).build()
    body = inputs.ParticleOptions(particle, beam_axis, volume_nm3, contact_area_nm2, material, method).build(
        beam
    )
    loss = inputs.LossOptions(mean_free_path_nm, mean_energy_loss_ev, loss_correlation, de_dx_ev_nm).build(
        beam_energy_keV, body.particle.material
    )
    interface = Interface(
        measured("--conductance-mw-m2k", conductance_mw_m2k),
        slope_per_K=conductance_slope_per_k,
        reference_K=conductance_reference_k,
        electron_phonon=inputs.ElectronPhononOptions(electron_phonon, electron_phonon_w_m3k).build(
            body.particle.material
        ),
    )
    ground = inputs.SupportOptions(
        *(support, support_conductivity_w_mk, support_conductivity_across_w_mk),
        *(support_thickness_nm, hole_radius_nm),
    ).build()
    flow = HeatFlow(body.particle, beam, interface, ground, ambient_k)
    share = None if scan_area_nm2 is None else scanned_share(scan_area_nm2, body.projected_area_nm2)
    visits = VisitOptions(dwell_time_us, frame_time_us, duty_cycle).build(share)
    axes = parse_sweeps(
        sweep or [],
        flow,
        lambda file: inputs.ParticleOptions(file, beam_axis, None, None, material, method).build(beam),
    )
    document = predict(flow, loss).to_dict() | {"method": method, "inputs": inputs.document(flow, loss, body)}
    # A line of the budget even where it counts nowhere.
    document["budget"].setdefault("electron_phonon", 0.0)
    if visits is not None:
        tau_ps = document["cooling_time_ps"]
        document["transient"] = transient(flow, loss, tau_ps, visits, averaged=share is not None).to_dict()
    elif share is not None:
        document["warnings"].append(_MEAN_OF_SCAN)
    if sweep:
        document["sweep"] = run_sweep(flow, loss, axes, csv, figure)
    emit(document, as_json=as_json, readable=_show)


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
