"""``beamheat check``: whether a campaign can run, what it will do and what it will cost."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from beamheat_fw.cli.grouped_options import grouped
from beamheat_fw.cli.output import JsonOption, LaunchpadOption, emit
from beamheat_fw.cli.study_options import StudyOptions

if TYPE_CHECKING:
    from ase import Atoms

    from beamheat_fw.campaign import Campaign
    from beamheat_fw.store.database import Store


@grouped
def command(
    campaign_file: Annotated[Path, typer.Argument(metavar="CAMPAIGN.yaml", help="The campaign file.")],
    study: StudyOptions,
    launchpad: LaunchpadOption = None,
    no_database: Annotated[
        bool, typer.Option("--no-database", help="Do not ask whether the database can be reached.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Validate a campaign: file, executables, setups, elements, geometry, database. Writes nothing.

    With --converge or --binding it then runs the reference calculator: errors of energy and forces against
    cost, or binding energy against height. These go on where they were interrupted, and need no database.

    Example: beamheat check workflows/quickstart.yaml
    """
    from beamheat_fw.campaign import load_campaign
    from beamheat_fw.firetasks.pretrained import check_pretrained

    study_asked = study.asked()
    campaign = load_campaign(campaign_file)
    structures, heated = build_structures(campaign)
    check_executables(campaign, structures)
    if study_asked:
        _study(campaign, structures, study, as_json)
        return
    store = None if no_database else check_database(campaign, launchpad)
    if store is not None:
        check_pretrained(store, campaign, {symbol for atoms in structures for symbol in atoms.symbols})
    document = _plan_document(campaign, structures, heated, store)
    emit(document, as_json=as_json, readable=_print_plan)


def _study(campaign: Campaign, structures: list[Atoms], study: StudyOptions, as_json: bool) -> None:
    from beamheat_fw.cli.check_binding import bind, show_binding
    from beamheat_fw.cli.check_convergence import converge, show_convergence

    try:
        if study.converge:
            emit(converge(campaign, structures, study), as_json=as_json, readable=show_convergence)
        else:
            emit(bind(campaign, study), as_json=as_json, readable=show_binding)
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from what is finished", file=sys.stderr)
        raise


def build_structures(campaign: Campaign) -> tuple[list[Atoms], Atoms]:
    """Build every structure a campaign starts from, which refuses impossible geometry."""
    from beamheat_fw.errors import InputError
    from beamheat_fw.physics.structures import build_particle, build_system, build_training_set

    structures = build_training_set(campaign.structures)
    known = {symbol for atoms in structures for symbol in atoms.symbols}
    heated = build_system(campaign.heating.system)
    for name, atoms in [
        ("heating.system", heated),
        *((f"exploration.systems.{i}", build_system(s)) for i, s in enumerate(campaign.exploration.systems)),
    ]:
        unknown = sorted(set(atoms.symbols) - known)
        if unknown:
            raise InputError(
                "A system holds an element that no training structure has",
                "Add particles or supports with this element under structures.",
                {"field": name, "elements": unknown, "trained": sorted(known)},
            )
    build_particle(campaign.prediction.particle)
    return structures, heated


def check_executables(campaign: Campaign, structures: list[Atoms]) -> None:
    """Refuse a campaign whose reference calculator cannot run here."""
    from beamheat_fw.drivers.labelling.reference import check_reference
    from beamheat_fw.errors import InputError

    symbols = sorted({symbol for atoms in structures for symbol in atoms.symbols})
    problems = check_reference(campaign.labelling.reference, symbols)
    if problems:
        raise InputError(
            "The reference calculator cannot label these structures",
            "; ".join(problems) + ".",
            {"calculator": campaign.labelling.reference.calculator, "elements": symbols},
        )
    _check_cells(campaign, structures)


def _check_cells(campaign: Campaign, structures: list[Atoms]) -> None:
    """Refuse structures to be labelled whose cell is too small for the reference calculator."""
    from beamheat_fw.drivers.labelling.reference import least_margin_A
    from beamheat_fw.physics.structures import build_system
    from beamheat_fw.physics.structures.assembly import check_margin

    least_A = least_margin_A(campaign.labelling.reference)
    for atoms in (*structures, *(build_system(system) for system in campaign.exploration.systems)):
        check_margin(atoms, least_A)


def check_database(campaign: Campaign, launchpad: Path | None) -> Store:
    """Reach the database and return it; refuse one that the nodes of the campaign's queues cannot reach."""
    from beamheat_fw.cli.connection import connect
    from beamheat_fw.errors import InputError
    from beamheat_fw.store.database import Store
    from beamheat_fw.store.server.launchpad_file import embedded_server, find_launchpad_file

    path = find_launchpad_file(launchpad)
    if campaign.queue and path == embedded_server().launchpad_file:
        raise InputError(
            "The campaign asks for queues, but the embedded MongoDB serves this machine alone",
            "Put your server into my_launchpad.yaml and name it with -l; to run it all here, remove the "
            "queue section; --no-database checks the rest.",
            {"campaign": campaign.name, "launchpad": str(path)},
        )
    return Store.from_launchpad(connect(launchpad))


def _plan_document(
    campaign: Campaign, structures: list[Atoms], heated: Atoms, store: Store | None
) -> dict[str, Any]:
    from dataclasses import asdict

    from beamheat_fw.firetasks.label_cost import learned_cost
    from beamheat_fw.firetasks.labels import level_of
    from beamheat_fw.flows.plan import Sizes, plan
    from beamheat_fw.physics.labels.label_cost import valence_electrons
    from beamheat_fw.store.labels.alike import find_known

    sizes = Sizes(
        [len(atoms) for atoms in structures],
        [valence_electrons(atoms.numbers) for atoms in structures],
        len(heated),
    )
    planned = plan(campaign, sizes, learned_cost(store, campaign) if store else None)
    known = find_known(store, structures, level_of(campaign).settings_hash)
    return {
        "campaign": campaign.name,
        "campaign_id": campaign.campaign_id,
        "elements": sorted({symbol for atoms in structures for symbol in atoms.symbols}),
        "initial_labels": len(structures),
        "labelled_already": known.labelled,
        "largest_label_atoms": max(len(atoms) for atoms in structures),
        "heated_atoms": len(heated),
        "max_rounds": planned.rounds,
        "fireworks": planned.fireworks,
        "core_hours": round(planned.core_hours, 2),
        "stages": [asdict(stage) for stage in planned.stages],
        "warnings": [*_unreachable_target(campaign), *known.warnings()],
    }


def _unreachable_target(campaign: Campaign) -> list[str]:
    """Warn when even frames that are all accurate could not prove the share that is asked for."""
    from beamheat_fw.physics.committee.convergence import binomial_interval, independent_frames

    exploration, asked = campaign.exploration, campaign.convergence.accurate_share
    frames = independent_frames(exploration.trajectories, exploration.duration_ps)
    provable, _ = binomial_interval(frames, frames)
    if provable >= asked:
        return []
    return [
        f"a round explores {frames} independent frames, which can prove an accurate share of {provable:.3f} "
        f"at best, and convergence.accurate_share asks for {asked:g}: the campaign cannot converge"
    ]


def _print_plan(document: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{document['campaign']} ({document['campaign_id'][:12]})", title_justify="left")
    for heading in ("stage", "fireworks", "items", "core hours"):
        table.add_column(heading, justify="left" if heading == "stage" else "right")
    for stage in document["stages"]:
        table.add_row(
            stage["stage"], str(stage["fireworks"]), str(stage["items"]), f"{stage['core_hours']:.2f}"
        )
    console = Console()
    console.print(table)
    console.print(
        f"{document['initial_labels']} initial labels of up to {document['largest_label_atoms']} atoms "
        f"({', '.join(document['elements'])}), up to {document['max_rounds']} rounds, "
        f"heated system of {document['heated_atoms']} atoms; about {document['core_hours']:.1f} core hours "
        "(good to a factor of three)."
    )
    if document["labelled_already"]:
        console.print(f"{document['labelled_already']} of the initial labels are there already.")
    for warning in document["warnings"]:
        console.print(f"warning: {warning}")
