"""`beamheat rlaunch`: FireWorks' rlaunch, made to survive."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from beamheat_fw.errors import InputError

if TYPE_CHECKING:
    from fireworks import FWorker

    from beamheat_fw.launch.launchpad import SurvivingLaunchPad

app = typer.Typer(
    help="Run fireworks: rlaunch, but nothing is lost to signals, walltimes and database outages.\n\n"
    "Example: beamheat rlaunch rapidfire --nlaunches infinite",
    no_args_is_help=True,
)

FworkerOption = Annotated[
    Path | None, typer.Option("-w", "--fworker_file", help="The worker file.", show_default=False)
]
RlaunchLaunchpadOption = Annotated[
    Path | None,
    typer.Option("-l", "--launchpad_file", "--launchpad", help="The launchpad file.", show_default=False),
]


@dataclass
class Common:
    """The options that rlaunch takes before its subcommand."""

    launchpad_file: Path | None
    fworker_file: Path | None
    loglvl: str


@app.callback()
def common(
    context: typer.Context,
    launchpad_file: RlaunchLaunchpadOption = None,
    fworker_file: FworkerOption = None,
    config_dir: Annotated[
        Path | None,
        typer.Option("-c", "--config_dir", help="Where my_launchpad.yaml and my_fworker.yaml are."),
    ] = None,
    loglvl: Annotated[str, typer.Option(help="Level of the log.")] = "INFO",
    silencer: Annotated[bool, typer.Option("-s", "--silencer", help="Log nothing.")] = False,
) -> None:
    """Take the options before the subcommand, as rlaunch does."""
    if config_dir is not None:
        launchpad_file = launchpad_file or _existing(config_dir / "my_launchpad.yaml")
        fworker_file = fworker_file or _existing(config_dir / "my_fworker.yaml")
    context.obj = Common(launchpad_file, fworker_file, "CRITICAL" if silencer else loglvl)


@app.command()
def singleshot(
    context: typer.Context,
    fw_id: Annotated[
        int | None, typer.Option("-f", "--fw_id", help="Run this firework.", show_default=False)
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Run what is staged in this folder; no database is needed.")
    ] = False,
    launchpad_file: RlaunchLaunchpadOption = None,
    fworker_file: FworkerOption = None,
) -> None:
    """Run one rocket in this folder.

    Example: beamheat rlaunch -w my_fworker.yaml singleshot --offline
    """
    from beamheat_fw.launch import rockets

    if offline:
        from beamheat_fw.launch.worker_file import find_worker_file, read_fworker

        named = fworker_file or context.obj.fworker_file
        fworker = read_fworker(find_worker_file(named, Path("my_launchpad.yaml")))
        rockets.singleshot_offline(Path.cwd(), fworker, context.obj.loglvl)
        return
    launchpad, fworker = _connect(context.obj, launchpad_file, fworker_file)
    rockets.singleshot(launchpad, fworker, fw_id, context.obj.loglvl)


NlaunchesOption = Annotated[str, typer.Option(help="How many rockets; 0 until all is done, or 'infinite'.")]
MaxLoopsOption = Annotated[
    int, typer.Option("--max_loops", help="How often to sleep and look again; -1: no limit.")
]
SleepOption = Annotated[int | None, typer.Option(help="Seconds between looks.", show_default=False)]
TimeoutOption = Annotated[
    int | None, typer.Option(help="Seconds after which no rocket is started.", show_default=False)
]
RedirectOption = Annotated[
    bool, typer.Option("--local_redirect", help="Output goes to files in the launch folders.")
]


@app.command()
def rapidfire(
    context: typer.Context,
    nlaunches: NlaunchesOption = "0",
    max_loops: MaxLoopsOption = -1,
    sleep: SleepOption = None,
    timeout: TimeoutOption = None,
    local_redirect: RedirectOption = False,
    launchpad_file: RlaunchLaunchpadOption = None,
    fworker_file: FworkerOption = None,
) -> None:
    """Run rockets, each in a new folder here, until nothing is left to run.

    Example: beamheat rlaunch -w my_fworker.yaml rapidfire --nlaunches infinite
    """
    from beamheat_fw.launch import rockets

    loop = rockets.Loop(count_of(nlaunches), max_loops, sleep, timeout, local_redirect)
    launchpad, fworker = _connect(context.obj, launchpad_file, fworker_file)
    rockets.rapidfire(launchpad, fworker, loop, context.obj.loglvl)


@app.command()
def multi(
    context: typer.Context,
    num_jobs: Annotated[int, typer.Argument(min=1, help="How many workers; they share the cores.")],
    nlaunches: NlaunchesOption = "0",
    sleep: SleepOption = None,
    timeout: TimeoutOption = None,
    local_redirect: RedirectOption = False,
    launchpad_file: RlaunchLaunchpadOption = None,
    fworker_file: FworkerOption = None,
) -> None:
    """Run rockets side by side in one allocation, for small work.

    Example: beamheat rlaunch multi 8 --nlaunches infinite
    """
    from beamheat_fw.launch.rockets import Loop
    from beamheat_fw.launch.side_by_side import multi as run_side_by_side

    settings, fworker = _files(context.obj, launchpad_file, fworker_file)
    loop = Loop(count_of(nlaunches), -1, sleep, timeout, local_redirect)
    run_side_by_side(settings, fworker, loop, num_jobs, context.obj.loglvl)


@app.command()
def stage(
    context: typer.Context,
    nlaunches: Annotated[int, typer.Option(min=0, help="How many fireworks; 0 for all that are ready.")] = 1,
    launchpad_file: RlaunchLaunchpadOption = None,
    fworker_file: FworkerOption = None,
) -> None:
    """Prepare fireworks for nodes without a database, each in a new folder here; `ingest` ends them.

    On the node, in such a folder: beamheat rlaunch -w my_fworker.yaml singleshot --offline

    Example: beamheat rlaunch -w my_fworker.yaml stage --nlaunches 0
    """
    from beamheat_fw.firetasks.offline import Stager, stageable
    from beamheat_fw.launch.staged_submission import reserve_in_new_folder
    from beamheat_fw.store.database import Store

    launchpad, fworker = _connect(replace(context.obj, loglvl="WARNING"), launchpad_file, fworker_file)
    stager = Stager(launchpad, Store.from_launchpad(launchpad), fworker)
    met: set[int] = set()
    while not nlaunches or len(met) < nlaunches:
        reserved = reserve_in_new_folder(launchpad, stageable(fworker), Path.cwd())
        if reserved is None:
            break
        firework, _, folder = reserved
        if stager.stage(*reserved, for_queue=False):
            print(folder, flush=True)
        elif firework.fw_id in met:  # given back before: somebody is at work in its job folder
            break
        met.add(firework.fw_id)


@app.command()
def ingest(
    context: typer.Context,
    launchpad_file: RlaunchLaunchpadOption = None,
    fworker_file: FworkerOption = None,
) -> None:
    """Bring in what nodes without a database have run of that which was staged on this machine.

    `beamheat qlaunch -r` does so by itself, and `beamheat doctor --fix` too.

    Example: beamheat rlaunch -w my_fworker.yaml ingest
    """
    from beamheat_fw.doctor import fix_reservations
    from beamheat_fw.firetasks.offline import Stager
    from beamheat_fw.launch.scheduler import find_scheduler
    from beamheat_fw.store.database import Store

    launchpad, fworker = _connect(replace(context.obj, loglvl="WARNING"), launchpad_file, fworker_file)
    for finding in fix_reservations(launchpad, find_scheduler()):
        print(finding, flush=True)
    Stager(launchpad, Store.from_launchpad(launchpad), fworker).hold()


def _existing(path: Path) -> Path | None:
    return path if path.is_file() else None


def count_of(nlaunches: str) -> int:
    """Return a number of launches as FireWorks counts them: -1 for 'infinite'."""
    if nlaunches == "infinite":
        return -1
    try:
        return int(nlaunches)
    except ValueError:
        raise InputError(
            "This is no number of launches", "Give a number or 'infinite'.", {"nlaunches": nlaunches}
        ) from None


def _files(
    before: Common, launchpad_file: Path | None, fworker_file: Path | None
) -> tuple[dict[str, Any], FWorker]:
    """Return the settings of the launchpad file, and the worker."""
    from beamheat_fw.launch.worker_file import find_worker_file, read_fworker
    from beamheat_fw.store.server.launchpad_file import find_launchpad_file, read_launchpad_file

    path = find_launchpad_file(launchpad_file or before.launchpad_file)
    settings = read_launchpad_file(path).settings | {"strm_lvl": before.loglvl}
    return settings, read_fworker(find_worker_file(fworker_file or before.fworker_file, path))


def _connect(
    before: Common, launchpad_file: Path | None, fworker_file: Path | None
) -> tuple[SurvivingLaunchPad, FWorker]:
    from beamheat_fw.launch.launchpad import SurvivingLaunchPad
    from beamheat_fw.launch.outage import survive
    from beamheat_fw.launch.stopping import STOP
    from beamheat_fw.launch.worker import read_worker
    from beamheat_fw.store.database import Store
    from beamheat_fw.store.server.launchpad_file import find_launchpad_file, prepare

    settings, fworker = _files(before, launchpad_file, fworker_file)
    launchpad = SurvivingLaunchPad.from_dict(settings)
    worker = read_worker(fworker.env)
    launchpad.allowed_tasks = worker.allowed_tasks
    path = find_launchpad_file(launchpad_file or before.launchpad_file)
    # A worker that starts during an outage waits, as it would later.
    survive(
        lambda: prepare(Store.from_launchpad(launchpad), path),
        "looking at the schema",
        worker.outage_limit_s,
        STOP.overdue,
    )
    return launchpad, fworker
