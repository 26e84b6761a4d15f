"""`beamheat check --converge`: errors of energy and forces against what a label costs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from beamheat_fw.cli.study_options import StudyOptions, settings_to_study, study_site
from beamheat_fw.errors import InputError

if TYPE_CHECKING:
    from ase import Atoms

    from beamheat_fw.campaign import Campaign
    from beamheat_fw.drivers.studies.convergence import Scan


def converge(campaign: Campaign, structures: list[Atoms], options: StudyOptions) -> dict[str, Any]:
    """Make a convergence study of one structure; draw it where asked.

    Raises
    ------
    InputError
        The reference is not GPAW, or an option is wrong.
    """
    from beamheat_fw.drivers.studies.calculations import calculate
    from beamheat_fw.drivers.studies.convergence import plan_scans
    from beamheat_fw.drivers.studies.errors_and_costs import error_of_campaign, judge_scans

    settings = settings_to_study(campaign)
    number = _choose(structures, options.structure)
    atoms = structures[number]
    scans = _asked(plan_scans(atoms, settings), options.scan)
    site = study_site(campaign, options)
    results = {}
    calculations = [point.calculation for scan in scans for point in scan.points]
    for calculation, result in calculate(calculations, site):
        results[calculation.id] = result
        print(_progress(len(results), calculations, result), file=sys.stderr, flush=True)
    error = error_of_campaign(scans, results)
    study = {
        "campaign": campaign.name,
        "structure": {
            "number": number,
            "origin": str(atoms.info.get("origin", "")),
            "formula": str(atoms.symbols),
            "atoms": len(atoms),
        },
        "settings": settings.model_dump(mode="json"),
        "results": str(site.folder),
        "scans": judge_scans(scans, results),
        "campaign_error": error,
        "warnings": _warnings(campaign, error),
    }
    if options.figure is not None:
        from beamheat_fw.report.convergence_figure import draw_convergence

        draw_convergence(study, options.figure)
    return study


def _choose(structures: list[Atoms], asked: int | None) -> int:
    """Return the number of the structure asked for, else of one of middle size with particle and support."""
    if asked is not None:
        if 0 <= asked < len(structures):
            return asked
        raise InputError(
            "There is no such structure",
            f"Give --structure 0 to {len(structures) - 1}.",
            {"structure": asked},
        )
    whole = [n for n, atoms in enumerate(structures) if len(set(atoms.arrays["body"])) > 1]
    by_size = sorted(whole or range(len(structures)), key=lambda n: (len(structures[n]), n))
    return by_size[(len(by_size) - 1) // 2]


def _asked(scans: list[Scan], names: list[str] | None) -> list[Scan]:
    known = {scan.parameter: scan for scan in scans}
    if unknown := sorted(set(names or ()) - set(known)):
        raise InputError(
            "This structure and its settings have no such parameter to scan",
            f"Give --scan {', '.join(known)}.",
            {"scan": unknown},
        )
    return [known[name] for name in dict.fromkeys(names or known)]


def _progress(done: int, calculations: list[Any], result: Any) -> str:
    total = len({calculation.id for calculation in calculations})
    outcome = result.errors[0] if result.errors else f"{result.run_stats['wall_s']:.1f} s"
    return f"{done}/{total} {result.state}: {outcome}"


def _warnings(campaign: Campaign, error: dict[str, float] | None) -> list[str]:
    target = campaign.gate.target_force_error_eV_A
    if error is None:
        return ["a calculation failed: the error of the campaign's settings is not known"]
    if error["force_rms_error_eV_A"] <= target:
        return []
    return [
        f"the settings' own force error is {error['force_rms_error_eV_A']:.3f} eV/Å and "
        f"gate.target_force_error_eV_A asks for {target:g}: no potential will be truly that good"
    ]


def show_convergence(study: dict[str, Any]) -> None:
    """Print a convergence study as a table."""
    from rich.console import Console
    from rich.table import Table

    structure = study["structure"]
    table = Table(
        title=f"structure {structure['number']}: {structure['origin']} ({structure['atoms']} atoms)",
        title_justify="left",
    )
    table.add_column("parameter")
    table.add_column("value")
    for heading in ("energy\nmeV/atom", "force RMS\neV/Å", "largest\neV/Å", "CPU s"):
        table.add_column(heading, justify="right")
    for scan in study["scans"]:
        for place, point in enumerate(scan["points"]):
            name = f"{scan['parameter']} ({scan['unit']})" if scan["unit"] else scan["parameter"]
            table.add_row("" if place else name, *_cells(point))
        table.add_section()
    console = Console()
    console.print(table)
    for scan in study["scans"]:
        for point in scan["points"]:
            if point["reason"]:
                console.print(
                    f"failed: {scan['parameter']} {point['value']}: {point['reason']}", highlight=False
                )
    console.print("* the campaign's own value; errors are against the last value of each parameter.")
    if error := study["campaign_error"]:
        console.print(
            "The campaign's settings, all parameters in quadrature: energy "
            f"{error['energy_error_meV_per_atom']:.1f} meV/atom, force "
            f"{error['force_rms_error_eV_A']:.3f} eV/Å (largest {error['force_max_error_eV_A']:.3f} eV/Å)."
        )
    for warning in study["warnings"]:
        console.print(f"warning: {warning}")
    console.print(f"Finished calculations are in {study['results']}.", highlight=False)


def _cells(point: dict[str, Any]) -> list[str]:
    value = point["value"] + (" *" if point["chosen"] else "")
    cost = "" if point["cpu_s"] is None else f"{point['cpu_s']:.1f}"
    if point["state"] == "failed":
        return [value, "failed", "", "", cost]
    if point["reference"]:
        return [value, "reference", "", "", cost]
    if point["energy_error_meV_per_atom"] is None:
        return [value, "?", "?", "?", cost]
    return [
        value,
        f"{point['energy_error_meV_per_atom']:.2f}",
        f"{point['force_rms_error_eV_A']:.4f}",
        f"{point['force_max_error_eV_A']:.4f}",
        cost,
    ]
