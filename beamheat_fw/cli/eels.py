"""`beamheat eels`: relative thickness, energy lost, mean loss and mean free path of a low-loss spectrum."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from beamheat_fw.cli.eels_options import (
    BackgroundOptions,
    ReadingOptions,
    ThicknessOptions,
    ThresholdOptions,
    WindowOptions,
    parse_positions,
)
from beamheat_fw.cli.grouped_options import grouped
from beamheat_fw.cli.output import JsonOption, emit


@grouped
def command(
    file: Annotated[Path, typer.Argument(help="A low-loss spectrum, line scan or map that HyperSpy reads.")],
    threshold: ThresholdOptions,
    windows: WindowOptions,
    background: BackgroundOptions,
    thickness: ThicknessOptions,
    reading: ReadingOptions,
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

    settings = EelsSettings(
        windows.build(threshold),
        windows.method,
        parse_positions(background.support_positions),
        background.detect_support,
    )
    known = thickness.build()
    spectra = read_low_loss(file, reading.lazy, reading.signal_index)
    result = analyse(spectra, settings, known)
    if figure is not None:
        from beamheat_fw.report.eels_figure import draw_eels

        draw_eels(spectra, result, figure)
    emit({"file": str(file), **result.to_dict()}, as_json=as_json, readable=_show)


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
