"""``beamheat run``: submit a campaign, work it off on this machine under live progress, then report."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from beamheat_fw.cli.output import JsonOption, LaunchpadOption, emit
from beamheat_fw.cli.progress import LiveProgress

if TYPE_CHECKING:
    from beamheat_fw.cli.connection import LocalSite
    from beamheat_fw.cli.local_workers import LocalWorkers
    from beamheat_fw.cli.peak_memory import PeakMemory
    from beamheat_fw.launch.launchpad import SurvivingLaunchPad
    from beamheat_fw.store.database import Store

#: Seconds between looks at the database.
LOOK_EVERY_S = 2.0
#: Looks without anything ready or running after which a campaign counts as stuck.
IDLE_LOOKS = 5


def command(
    campaign_file: Annotated[Path, typer.Argument(metavar="CAMPAIGN.yaml", help="The campaign file.")],
    launchpad: LaunchpadOption = None,
    report: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="The report; NAME.html beside .beamheat by default.", show_default=False
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Submit a campaign, work it off here with live progress, then write its report.

    Interrupted in any way, the same command goes on where it was.

    Example: beamheat run workflows/quickstart.yaml
    """
    from beamheat_fw.campaign import load_campaign, spectrum_path
    from beamheat_fw.cli.check import build_structures, check_executables
    from beamheat_fw.cli.connection import connect, local_site
    from beamheat_fw.firetasks.campaigns import submit_campaign
    from beamheat_fw.store.database import Store

    campaign = load_campaign(campaign_file)
    check_executables(campaign, build_structures(campaign)[0])
    site = local_site(launchpad)
    connection = connect(site.launchpad_file)
    submit_campaign(connection, campaign, spectrum_path(campaign_file, campaign.eels))
    run = LocalRun(site, connection, Store.from_launchpad(connection), campaign.campaign_id, as_json)
    outcome = run.work_off()
    outcome["report"] = str(
        _write_report(run.store, campaign.campaign_id, report or Path(f"{campaign.name}.html"))
    )
    emit(outcome, as_json=as_json, readable=_print_outcome)


@dataclass
class LocalRun:
    """A campaign being worked off on this machine.

    Attributes
    ----------
    site : LocalSite
    launchpad : SurvivingLaunchPad
    store : Store
    campaign_id : str
    quiet : bool
        Print nothing while it goes on.
    """

    site: LocalSite
    launchpad: SurvivingLaunchPad
    store: Store
    campaign_id: str
    quiet: bool
    started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.progress = LiveProgress(self.quiet)

    def work_off(self) -> dict[str, Any]:
        """Start workers, tend them until the campaign ends, stop them.

        Raises
        ------
        CalculationError
            Fireworks failed and nothing else can go on.
        """
        from beamheat_fw.cli.peak_memory import PeakMemory

        memory = PeakMemory(*self.site.server_pids())
        self.repair()
        workers = self.site.workers()
        workers.start()
        try:
            with self.progress:
                status = self._wait(workers, memory)
        finally:
            workers.stop()
        return {
            **status,
            "wall_s": round(time.monotonic() - self.started, 1),
            "peak_memory_GiB": round(memory.peak_gib, 2),
        }

    def repair(self) -> None:
        """Let the doctor mend what an interrupted run or a dead worker left behind."""
        from beamheat_fw.doctor import examine_and_fix

        for finding in examine_and_fix(self.launchpad, self.store, self.site.scratch):
            self.progress.say(f"mended: {finding}")

    def _wait(self, workers: LocalWorkers, memory: PeakMemory) -> dict[str, Any]:
        from beamheat_fw.report.status import campaign_status
        from beamheat_fw.store.documents import CampaignRecord

        idle_looks = 0
        while True:
            self.site.ensure_server()
            if died := workers.tend():
                self.progress.say(f"restarting {', '.join(died)}")
                self.repair()
                workers.start()
            memory.sample()
            status = campaign_status(self.store, self.store.load(CampaignRecord, self.campaign_id))
            self.progress.show(status)
            if status["state"] == "finished":
                return status
            idle_looks = 0 if self._goes_on(status) else idle_looks + 1
            if idle_looks == IDLE_LOOKS // 2:
                self.repair()
            if idle_looks >= IDLE_LOOKS:
                raise _stuck(status)
            time.sleep(LOOK_EVERY_S)

    @staticmethod
    def _goes_on(status: dict[str, Any]) -> bool:
        return any(status["fireworks"].get(state) for state in ("READY", "RUNNING", "RESERVED"))


def _stuck(status: dict[str, Any]) -> Exception:
    from beamheat_fw.errors import CalculationError

    if status["state"] == "paused":
        return CalculationError(
            "The campaign is paused",
            "`beamheat resume` goes on; then the same command again.",
            {"campaign": status["campaign"], "reason": status["state_reason"] or "somebody asked for it"},
        )
    failures = "; ".join(f"{failure['name']}: {failure['reason']}" for failure in status["failures"])
    return CalculationError(
        f"The campaign cannot go on: {failures or 'nothing is ready and nothing has failed'}",
        "Mend the cause, then `beamheat resubmit --campaign "
        f"{status['campaign']}` and the same command again.",
        {"campaign": status["campaign"], "fireworks": status["fireworks"]},
    )


def _write_report(store: Store, campaign_id: str, path: Path) -> Path:
    from beamheat_fw.report.page import write_report

    return write_report(store, campaign_id, path)


def _print_outcome(outcome: dict[str, Any]) -> None:
    from beamheat_fw.report.status import verdict_text

    print()
    print(f"temperature rise: {outcome['delta_T_text']}")
    print(f"committee:        {verdict_text(outcome['rounds'][-1])}")
    print(f"campaign:         {outcome['wall_s']:.0f} s, peak memory {outcome['peak_memory_GiB']:.2f} GiB")
    print(f"report:           {Path(outcome['report']).absolute()}")
