"""`beamheat check --binding`: how strongly a particle or film binds to its support, against height."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from beamheat_fw.cli.study_options import StudyOptions, settings_to_study, study_site
from beamheat_fw.errors import InputError

if TYPE_CHECKING:
    from ase import Atoms

    from beamheat_fw.campaign import Campaign

#: From where metals touch oxides to where hardly anything holds them.
_HEIGHTS_A = (2.0, 2.3, 2.6, 2.9, 3.2, 3.5, 3.9, 4.4, 5.5)


def bind(campaign: Campaign, options: StudyOptions) -> dict[str, Any]:
    """Calculate the binding curve of one exploration system; draw it where asked.

    Raises
    ------
    InputError
        The reference is not GPAW, or an option is wrong.
    """
    from beamheat_fw.drivers.studies.binding import plan_rungs
    from beamheat_fw.drivers.studies.binding_energies import judge_rungs
    from beamheat_fw.drivers.studies.calculations import calculate
    from beamheat_fw.physics.structures.assembly import check_overlap

    settings = settings_to_study(campaign)
    number, atoms = _system(campaign, options.system)
    rungs = plan_rungs(atoms, _heights(options.heights), settings)
    for rung in rungs:
        check_overlap(rung.both.atoms)
    site = study_site(campaign, options)
    calculations = [calculation for rung in rungs for calculation in rung.calculations()]
    total = len({calculation.id for calculation in calculations})
    results = {}
    for calculation, result in calculate(calculations, site):
        results[calculation.id] = result
        print(f"{len(results)}/{total} {result.state}", file=sys.stderr, flush=True)
    study = {
        "campaign": campaign.name,
        "system": {
            "number": number,
            "origin": str(atoms.info.get("origin", "")),
            "atoms": len(atoms),
            "particle_atoms": int((atoms.arrays["body"] == 1).sum()),
        },
        "settings": settings.model_dump(mode="json"),
        "results": str(site.folder),
        **judge_rungs(rungs, results),
    }
    if options.figure is not None:
        from beamheat_fw.report.binding_figure import draw_binding

        draw_binding(study, options.figure)
    return study


def _system(campaign: Campaign, asked: int | None) -> tuple[int, Atoms]:
    from beamheat_fw.physics.structures import build_system

    systems = [build_system(recipe) for recipe in campaign.exploration.systems]
    if asked is None:
        asked = min(range(len(systems)), key=lambda number: len(systems[number]))
    if not 0 <= asked < len(systems):
        raise InputError(
            "There is no such system among exploration.systems",
            f"Give --system 0 to {len(systems) - 1}.",
            {"system": asked},
        )
    return asked, systems[asked]


def _heights(text: str | None) -> list[float]:
    """Return the heights in ascending order, Å."""
    if text is None:
        return list(_HEIGHTS_A)
    try:
        heights = sorted({float(part) for part in text.split(",")})
    except ValueError:
        heights = []
    if len(heights) < 3 or not all(0.0 < height < 100.0 for height in heights):
        raise InputError(
            "The heights cannot be used",
            "Give three or more in Å, separated by commas: --heights 2.6,3.0,3.4.",
            {"heights": text},
        )
    return heights


def show_binding(study: dict[str, Any]) -> None:
    """Print a binding curve as a table."""
    from rich.console import Console
    from rich.table import Table

    system = study["system"]
    table = Table(
        title=f"system {system['number']}: {system['origin']} ({system['atoms']} atoms)", title_justify="left"
    )
    table.add_column("height\nÅ", justify="right")
    for curve in study["curves"]:
        table.add_column(f"{curve['name']}\neV", justify="right")
    for point in study["points"]:
        table.add_row(
            f"{point['height_A']:g}",
            *(
                "failed" if point[curve["key"]] is None else f"{point[curve['key']]:.3f}"
                for curve in study["curves"]
            ),
        )
    console = Console()
    console.print(table)
    for curve in study["curves"]:
        if minimum := curve["minimum"]:
            console.print(
                f"{curve['name']}: minimum {minimum['energy_eV']:.3f} eV "
                f"({minimum['energy_eV'] / system['particle_atoms']:.3f} eV a particle atom) at "
                f"{minimum['height_A']:.2f} Å, stiffness {minimum['stiffness_eV_A2']:.2f} eV/Å²"
            )
    for warning in study["warnings"]:
        console.print(f"warning: {warning}")
    console.print(f"Finished calculations are in {study['results']}.", highlight=False)
