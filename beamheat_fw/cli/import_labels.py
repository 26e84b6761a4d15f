"""``beamheat import``: labelled structures from extended XYZ files and ASE databases."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from beamheat_fw.cli.output import JsonOption, LaunchpadOption, emit


def command(
    file: Annotated[Path, typer.Argument(help="Extended XYZ, an ASE database, or a .gpw file.")],
    level: Annotated[
        str | None, typer.Option(help="Level of theory; not needed for files of `beamheat export`.")
    ] = None,
    tag: Annotated[list[str] | None, typer.Option(help="A tag for the labels; may be repeated.")] = None,
    max_force: Annotated[float, typer.Option(help="Largest force taken for real, eV/Å.")] = 100.0,
    launchpad: LaunchpadOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check a labelled file and save its labels; a bad file changes nothing.

    Energies are REF_energy or energy (eV), forces REF_forces or forces (eV/Å).

    Example: beamheat import gold.extxyz --level PBE-D3-600eV
    """
    from beamheat_fw.store.exchange.imports import import_labels
    from beamheat_fw.store.server.launchpad_file import open_store

    store = open_store(launchpad, to_write=True)
    result = import_labels(store, file, level=level, tags=tag or (), max_force_eV_A=max_force)
    emit(result, as_json=as_json, readable=_print_result)


def _print_result(result: dict[str, Any]) -> None:
    print(
        f"{result['frames']} frames: {result['new']} new labels, "
        f"{result['completed']} planned ones completed, {result['known']} known already, "
        f"{result['duplicates']} duplicates"
    )
