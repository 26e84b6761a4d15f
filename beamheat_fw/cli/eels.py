"""`beamheat eels`: relative thickness, energy lost, mean loss and mean free path of a low-loss spectrum."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from beamheat_fw.cli.output import JsonOption, emit
from beamheat_fw.errors import InputError

if TYPE_CHECKING:
    from beamheat_fw.physics.eels.analysis import EelsResult
    from beamheat_fw.physics.eels.spectra import LowLossSpectra
    from beamheat_fw.physics.eels.thickness import Thickness

_WINDOW = {"metavar": "LOW HIGH", "show_default": False}


def command(
    file: Annotated[Path, typer.Argument(help="A low-loss spectrum, line scan or map that HyperSpy reads.")],
    threshold: Annotated[
        float | None, typer.Option(help="End of the zero-loss peak, eV above its centre; found if not given.")
    ] = None,
    start: Annotated[float, typer.Option(help="Where the threshold's search begins, eV.")] = 1.0,
    window: Annotated[float, typer.Option(help="Width of the threshold's search, eV.")] = 10.0,
    window_length: Annotated[int, typer.Option(help="Savitzky-Golay filter of that search, channels.")] = 5,
    polynomial_order: Annotated[int, typer.Option(help="Savitzky-Golay filter of that search.")] = 3,
    align_zero_loss_peak: Annotated[
        bool, typer.Option(help="Take energies relative to each zero-loss peak.")
    ] = True,
    subpixel: Annotated[bool, typer.Option(help="Align to a fraction of a channel.")] = True,
    signal_range: Annotated[
        tuple[float, float] | None,
        typer.Option(
            "--signal-range", "--window-ev", help="The part that makes up I_T and all moments, eV.", **_WINDOW
        ),
    ] = None,
    mean_loss_method: Annotated[str, typer.Option(help="deconvolved or paper.")] = "deconvolved",
    mean_loss_window_ev: Annotated[
        tuple[float, float] | None,
        typer.Option(
            help="Window of the mean loss, eV; from the threshold on, or 10.8 to 100 for paper.", **_WINDOW
        ),
    ] = None,
    support_positions: Annotated[
        str | None,
        typer.Option(
            help="Positions that show the support alone, subtracted: 0-6,40-47.", show_default=False
        ),
    ] = None,
    detect_support: Annotated[bool, typer.Option("--detect-support", help="Find them and subtract.")] = False,
    thickness_nm: Annotated[
        str | None, typer.Option(help="Of the film, or of the particle at its thickest: VALUE[+-ERROR].")
    ] = None,
    half_width: Annotated[
        bool, typer.Option("--half-width", help="The thickness is half the apparent width along the scan.")
    ] = False,
    particle: Annotated[
        Path | None, typer.Option(help="The particle's atoms: its projected thickness is fitted to the scan.")
    ] = None,
    beam_axis: Annotated[
        str, typer.Option(help="Beam direction in that file: x, y, z or three numbers.")
    ] = "y",
    scan_axis: Annotated[str, typer.Option(help="Scan direction in that file.")] = "x",
    gain_factor: Annotated[float, typer.Option(help="Counts per electron, for the errors.")] = 1.0,
    allow_negative: Annotated[
        bool, typer.Option("--allow-negative", help="Keep negative counts, a dark reference's noise.")
    ] = False,
    lazy: Annotated[bool, typer.Option("--lazy", help="Read in parts: for maps larger than memory.")] = False,
    signal_index: Annotated[
        int | None, typer.Option(help="Which signal of a file that holds several.")
    ] = None,
    figure: Annotated[Path | None, typer.Option(help="Draw spectra and profile to this file.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Find t/lambda, the energy lost per electron, the mean loss and, with a thickness, the mean free path.

    Nothing is subtracted unless asked, and the whole spectrum is I_T unless a signal range is given.

    Example: beamheat eels workflows/data/au_on_hbn_linescan.hspy --support-positions 0-6,40-47
    --thickness-nm 12+-0.6
    """
    from beamheat_fw.drivers.spectra import read_low_loss
    from beamheat_fw.physics.eels.analysis import EelsSettings, analyse
    from beamheat_fw.physics.eels.moments import EnergyWindows
    from beamheat_fw.physics.eels.zero_loss import ThresholdSearch

    paper = mean_loss_method == "paper"
    windows = EnergyWindows(
        threshold_eV=threshold,
        signal_range_eV=signal_range,
        mean_loss_eV=None if paper else mean_loss_window_ev,
        raw_mean_loss_eV=(mean_loss_window_ev if paper else None) or EnergyWindows.raw_mean_loss_eV,
        search=ThresholdSearch(start, window, window_length, polynomial_order),
        align=align_zero_loss_peak,
        subpixel=subpixel,
        gain_factor=gain_factor,
        allow_negative=allow_negative,
    )
    settings = EelsSettings(
        windows, _method(mean_loss_method), parse_positions(support_positions), detect_support
    )
    thickness = _thickness(thickness_nm, half_width, particle, (beam_axis, scan_axis))
    spectra = read_low_loss(file, lazy, signal_index)
    result = analyse(spectra, settings, thickness)
    if figure is not None:
        _draw(spectra, result, figure)
    emit({"file": str(file), **result.to_dict()}, as_json=as_json, readable=_show)


def parse_positions(text: str | None) -> tuple[int, ...]:
    """Read positions written as ``0-3,18,20-22``.

    Raises
    ------
    InputError
        The text is not of that form.
    """
    positions: list[int] = []
    for part in (text or "").split(",") if text else []:
        first, _, last = part.strip().partition("-")
        if not (first.isdigit() and (last or first).isdigit() and int(first) <= int(last or first)):
            raise InputError(
                "The support positions cannot be read",
                "Write them as 0-3,18: numbers of positions, counted from 0.",
                {"given": text},
            )
        positions.extend(range(int(first), int(last or first) + 1))
    return tuple(positions)


def _method(name: str) -> Any:
    if name not in ("deconvolved", "paper"):
        raise InputError(
            "The method of the mean energy loss is not known", "Choose deconvolved or paper.", {"given": name}
        )
    return name


def _thickness(
    text: str | None, half_width: bool, particle: Path | None, axes: tuple[str, str]
) -> Thickness | None:
    from beamheat_fw.physics.eels.thickness import Thickness
    from beamheat_fw.physics.measured import parse_measured

    if text is None and not half_width and particle is None:
        return None
    profile = None
    if particle is not None:
        from beamheat_fw.cli.particle_file import parse_axis, read_particle
        from beamheat_fw.physics.projected_thickness import profile_along

        profile = profile_along(read_particle(particle), parse_axis(axes[0]), parse_axis(axes[1]))
    return Thickness(None if text is None else parse_measured(text), half_width, profile)


def _draw(spectra: LowLossSpectra, result: EelsResult, path: Path) -> None:
    from beamheat_fw.report.eels_figure import draw_eels

    draw_eels(spectra, result, path)


def _show(document: dict[str, Any]) -> None:
    ratios, losses = document["t_over_lambda"], document["energy_loss_per_electron_eV"]
    loss = document["mean_energy_loss_eV"]
    typer.echo(f"positions            {_shape(ratios)}")
    typer.echo(f"t/lambda             {_span(ratios)}")
    typer.echo(f"energy lost          {_span(losses)} eV per electron")
    low, high = loss["window_eV"]
    typer.echo(
        f"mean energy loss     {loss['value']:.2f} +- {loss['error']:.2f} eV "
        f"({loss['method']}, {low:.1f} to {high:.1f} eV)"
    )
    if "mean_free_path_nm" in document:
        path = document["mean_free_path_nm"]
        typer.echo(f"mean free path       {path['value']:.2f} +- {path['error']:.2f} nm ({path['method']})")
        typer.echo(
            f"dE/dx                {document['dE_dx_eV_nm']:.4f} +- {document['dE_dx_error_eV_nm']:.4f} eV/nm"
        )
    for warning in document["warnings"]:
        typer.echo(f"warning: {warning}")


def _flat(values: Any) -> list[float]:
    if isinstance(values, list):
        return [item for value in values for item in _flat(value)]
    return [] if values is None else [values]


def _span(values: Any) -> str:
    flat = _flat(values)
    return f"{min(flat):.4g} to {max(flat):.4g}" if len(flat) > 1 else f"{flat[0]:.5g}"


def _shape(values: Any) -> str:
    sizes = []
    while isinstance(values, list):
        sizes.append(str(len(values)))
        values = values[0]
    return " x ".join(sizes)
