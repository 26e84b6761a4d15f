"""`beamheat qlaunch`: FireWorks' qlaunch, bounded, patient, and honest about its end."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from beamheat_fw.cli.rlaunch import FworkerOption, RlaunchLaunchpadOption, count_of
from beamheat_fw.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fireworks.queue.queue_adapter import QueueAdapterBase

    from beamheat_fw.doctor import Finding
    from beamheat_fw.launch.submitting import Submitter

app = typer.Typer(
    help="Submit jobs to the queue: qlaunch, but it never submits too much.\n\n"
    "Example: beamheat qlaunch rapidfire -m 20 --per-job 8",
    no_args_is_help=True,
)


@dataclass
class Common:
    """The options that qlaunch takes before its subcommand."""

    launchpad_file: Path | None
    fworker_file: Path | None
    adapter_file: Path
    launch_dir: Path
    reserve: bool


@app.callback()
def common(
    context: typer.Context,
    launchpad_file: RlaunchLaunchpadOption = None,
    fworker_file: FworkerOption = None,
    adapter_file: Annotated[
        Path, typer.Option("-q", "--queueadapter_file", help="The queue adapter.")
    ] = Path("my_qadapter.yaml"),
    reserve: Annotated[bool, typer.Option("-r", "--reserve", help="One job for one firework.")] = False,
    launch_dir: Annotated[
        Path, typer.Option("--launch_dir", help="Where the jobs' folders are made.")
    ] = Path(),
) -> None:
    """Take the options before the subcommand, as qlaunch does."""
    context.obj = Common(launchpad_file, fworker_file, adapter_file, launch_dir, reserve)


@app.command()
def singleshot(context: typer.Context) -> None:
    """Submit one job, if there is work for it.

    Example: beamheat qlaunch -q my_qadapter.yaml singleshot
    """
    from beamheat_fw.launch.submitting import Submission

    plan = Submission(nlaunches=1, reserve=context.obj.reserve)
    print(f"{_submitter(context.obj).once(plan)} jobs submitted")


@app.command()
def rapidfire(
    context: typer.Context,
    max_in_queue: Annotated[
        int, typer.Option("-m", "--maxjobs_queue", min=1, help="Most jobs of yours in the queue.")
    ] = 10,
    per_job: Annotated[int, typer.Option(min=1, help="Fireworks that one job is meant to work off.")] = 1,
    nlaunches: Annotated[
        str, typer.Option(help="How many jobs; 0 until nothing is left, or 'infinite'.")
    ] = "0",
    sleep: Annotated[float | None, typer.Option(help="Seconds between rounds.", show_default=False)] = None,
    refusals: Annotated[int, typer.Option(min=1, help="Refusals in a row after which to give up.")] = 6,
    doctor: Annotated[bool, typer.Option(help="Mend, before each round, what lost jobs left.")] = True,
) -> None:
    """Submit jobs, never more than there is work for, until nothing is left.

    The exit status is 1 when the scheduler refuses, after pauses that double.

    Example: beamheat qlaunch -q my_qadapter.yaml rapidfire -m 20 --per-job 8
    """
    from beamheat_fw.launch.submitting import Submission

    submitter = _submitter(context.obj)
    plan = Submission(max_in_queue, per_job, context.obj.reserve, count_of(nlaunches), sleep, refusals)
    print(f"submitting for {submitter.fworker.name}: at most {max_in_queue} jobs in the queue", flush=True)
    print(f"{submitter.rapidfire(plan, lambda: _tend(submitter, doctor))} jobs submitted")


def _submitter(common: Common) -> Submitter:
    from beamheat_fw.cli.as_worker import connect_as_worker
    from beamheat_fw.launch.scheduler import find_scheduler
    from beamheat_fw.launch.submitting import Submitter
    from beamheat_fw.launch.worker import read_worker
    from beamheat_fw.launch.worker_file import find_worker_file, read_fworker
    from beamheat_fw.store.server.launchpad_file import find_launchpad_file

    adapter = _adapter(common.adapter_file, common.reserve)
    if not common.launch_dir.is_dir():
        raise InputError("There is no such folder", "Make it.", {"launch_dir": str(common.launch_dir)})
    worker_file = find_worker_file(common.fworker_file, find_launchpad_file(common.launchpad_file))
    pad, _ = connect_as_worker(common.launchpad_file, worker_file)
    scheduler = find_scheduler()
    if scheduler is None:
        raise InputError("There is no queue here", "Run this where squeue or qstat is.")
    fworker, folder = read_fworker(worker_file), common.launch_dir.absolute()
    adapter["pre_rocket"] = read_worker(fworker.env).preamble(adapter.get("pre_rocket"))
    if "--offline" not in adapter["rocket_launch"]:
        return Submitter(pad, fworker, adapter, scheduler, folder)
    return _offline_submitter(Submitter(pad, fworker, adapter, scheduler, folder))


def _offline_submitter(submitter: Submitter) -> Submitter:
    """Return the submitter for nodes without a database."""
    from dataclasses import replace
    from functools import partial

    from beamheat_fw.firetasks.offline import Stager, stageable
    from beamheat_fw.store.database import Store

    pad, fworker = submitter.launchpad, submitter.fworker
    stager = Stager(pad, Store.from_launchpad(pad), fworker)
    stage = partial(stager.stage, for_queue=True)
    return replace(submitter, fworker=stageable(fworker), stage=stage, hold=stager.hold)


def _adapter(path: Path, reserve: bool) -> QueueAdapterBase:
    import yaml
    from fireworks.queue.queue_adapter import QueueAdapterBase
    from fireworks.utilities.fw_serializers import load_object

    try:
        adapter = load_object(yaml.safe_load(path.read_text()))
    except (
        OSError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        ImportError,
        yaml.YAMLError,
    ) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise _unusable(path, reason) from None
    if not isinstance(adapter, QueueAdapterBase):
        raise _unusable(path, "it is no queue adapter")
    launch = adapter["rocket_launch"] = adapter.get("rocket_launch") or ""
    if "--offline" in launch and not reserve:
        raise InputError(
            "Jobs for nodes without a database are made for one firework each",
            "Give -r, or take --offline out of rocket_launch.",
            {"file": str(path), "rocket_launch": launch},
        )
    if reserve != ("singleshot" in launch):
        raise InputError(
            "The adapter's rocket_launch does not fit",
            "End it in singleshot with -r, else in rapidfire.",
            {"file": str(path), "rocket_launch": launch},
        )
    return adapter


def _unusable(path: Path, reason: str) -> InputError:
    return InputError(
        "This queue adapter cannot be used",
        "Start from launchers/my_qadapter_slurm.yaml, and name it with -q.",
        {"file": str(path), "reason": reason},
    )


def _tend(submitter: Submitter, doctor: bool) -> None:
    """Do what comes before each round: bring in what nodes without a database have run, mend, hold claims."""
    from beamheat_fw.doctor import fix_reservations

    if submitter.stage:
        _say(fix_reservations(submitter.launchpad, submitter.scheduler))
        submitter.hold()
    if doctor:
        _mend(submitter)


def _say(mended: Iterable[Finding]) -> None:
    for finding in mended:
        print(f"mended: {finding}", flush=True)


def _mend(submitter: Submitter) -> None:
    from beamheat_fw.doctor import examine_and_fix
    from beamheat_fw.launch.scheduler import SchedulerAway
    from beamheat_fw.launch.worker import read_worker
    from beamheat_fw.store.database import Store

    pad, scratch = submitter.launchpad, read_worker(submitter.fworker.env).scratch
    try:
        _say(examine_and_fix(pad, Store.from_launchpad(pad), scratch, submitter.scheduler))
    except SchedulerAway as error:
        print(f"not looked at: {error}", flush=True)
