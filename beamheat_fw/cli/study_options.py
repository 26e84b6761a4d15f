"""The options of `beamheat check` that ask for a study of the reference calculator."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from beamheat_fw.errors import InputError

if TYPE_CHECKING:
    from beamheat_fw.campaign import Campaign, GpawSettings
    from beamheat_fw.drivers.studies.calculations import Site


@dataclass(frozen=True)
class StudyOptions:
    """Which study to make, of what, and where.

    Attributes
    ----------
    converge, binding : bool
    scan : list of str, optional
    structure, system : int, optional
    heights : str, optional
    figure, results : Path, optional
    fworker_file : Path, optional
    """

    converge: Annotated[
        bool, typer.Option("--converge", help="Calculate one structure with coarser and finer settings.")
    ] = False
    binding: Annotated[
        bool, typer.Option("--binding", help="Calculate one system's binding energy against height.")
    ] = False
    structure: Annotated[
        int | None,
        typer.Option(
            help="Which first structure --converge takes, counted from 0; by default one of middle size.",
            show_default=False,
        ),
    ] = None
    scan: Annotated[
        list[str] | None,
        typer.Option(help="Of --converge, one parameter alone, such as kpts; may be repeated."),
    ] = None
    system: Annotated[
        int | None,
        typer.Option(
            help="Which of exploration.systems --binding takes, counted from 0; the smallest by default.",
            show_default=False,
        ),
    ] = None
    heights: Annotated[
        str | None, typer.Option(help="Of --binding, in Å: 2.6,3.0,3.4.", show_default=False)
    ] = None
    figure: Annotated[Path | None, typer.Option(help="Draw the study to this file.", show_default=False)] = (
        None
    )
    results: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the study, NAME-study by default; what is finished there stays.",
            show_default=False,
        ),
    ] = None
    fworker_file: Annotated[
        Path | None,
        typer.Option(
            "-w", "--fworker_file", help="The worker file that says how to start MPI.", show_default=False
        ),
    ] = None

    def asked(self) -> bool:
        """Return whether a study is asked for.

        Raises
        ------
        InputError
            Both are, or an option of a study is given without it.
        """
        if self.converge and self.binding:
            raise InputError("Two studies were asked for", "Give --converge or --binding.")
        theirs = {
            "structure": self.converge,
            "scan": self.converge,
            "system": self.binding,
            "heights": self.binding,
        }
        for field in fields(self):
            value = getattr(self, field.name)
            belongs = theirs.get(field.name, self.converge or self.binding)
            if value is not None and value is not False and not belongs:
                raise InputError(
                    f"--{field.name} does not belong to this check",
                    "It belongs to --converge or --binding; see beamheat check --help.",
                    {field.name: str(value)},
                )
        return self.converge or self.binding


def study_site(campaign: Campaign, options: StudyOptions) -> Site:
    """Return where a study runs: its folder, and MPI as this machine's worker starts it."""
    from beamheat_fw.drivers.mpi import MpiLauncher
    from beamheat_fw.drivers.studies.calculations import Site
    from beamheat_fw.launch.worker import read_worker

    env = {}
    if options.fworker_file is not None:
        from beamheat_fw.launch.worker_file import read_fworker

        env = read_fworker(options.fworker_file).env
    worker = read_worker(env)
    folder = options.results or Path(f"{campaign.name}-study")
    return Site(folder, min(campaign.labelling.ranks, worker.cores), MpiLauncher(worker.mpi))


def settings_to_study(campaign: Campaign) -> GpawSettings:
    """Return the campaign's settings.

    Raises
    ------
    InputError
        Its reference has none that could be converged.
    """
    from beamheat_fw.campaign import GpawSettings

    settings = campaign.labelling.reference
    if not isinstance(settings, GpawSettings):
        raise InputError(
            f"The reference calculator {settings.calculator} has no settings that could be converged",
            "Give a campaign whose labelling.reference is GPAW.",
            {"calculator": settings.calculator},
        )
    return settings
