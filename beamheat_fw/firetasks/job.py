"""The two kinds of firetask: a moment's work in the database, and the three acts on a job folder."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Generator, Iterable, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from fireworks import FiretaskBase, FWAction

from beamheat_fw.disk_space import full_disk_named
from beamheat_fw.errors import InputError, Interrupted
from beamheat_fw.firetasks.budget import hold_back
from beamheat_fw.firetasks.context import Context, Site, ran_here
from beamheat_fw.launch.fencing import FencedLaunchPad
from beamheat_fw.launch.folder_launchpad import FolderLaunchPad
from beamheat_fw.launch.job_folder import JobFolder
from beamheat_fw.launch.local_scratch import near
from beamheat_fw.launch.outage import survive
from beamheat_fw.launch.stopping import STOP
from beamheat_fw.launch.worker import read_worker
from beamheat_fw.store.database import Store


class CampaignTask(FiretaskBase):
    """A firetask of a campaign: reads its context, acts, and leaves a summary in the launch."""

    launchpad: Any
    fw_id: int

    def run_task(self, fw_spec: Mapping[str, Any]) -> FWAction:
        """Act, again when the database went away meanwhile: what is done stays done. FireWorks calls this."""
        limit_s = read_worker(fw_spec.get("_fw_env")).outage_limit_s
        what = f"working on {fw_spec.get('job_key', 'a campaign')}"
        with full_disk_named():
            summary = survive(lambda: self._act_if_allowed(fw_spec), what, limit_s, STOP)
        return FWAction(stored_data=summary)

    def _act_if_allowed(self, fw_spec: Mapping[str, Any]) -> dict[str, Any]:
        context = Context.from_spec(fw_spec, self.launchpad, self.fw_id)
        if isinstance(self.launchpad, FencedLaunchPad) and not context.only_ingests:
            hold_back(self.launchpad, context.store, context.record)
        return self.act(context)

    @abstractmethod
    def act(self, context: Context) -> dict[str, Any]:
        """Do the work; idempotent. Return a few values for the launch's ``stored_data``."""


class JobTask(CampaignTask):
    """Work in a job folder: stage, run, ingest.

    Killed anywhere and started again, it goes on with what is in the folder; on another machine it begins
    with what `stage` finds in the store.
    """

    def run_task(self, fw_spec: Mapping[str, Any]) -> FWAction:
        """Act once; on a node without a database, only run what was staged for it."""
        if isinstance(self.launchpad, FolderLaunchPad):
            self.run_alone(self.launchpad.staged.job, Site(read_worker(fw_spec["_fw_env"]), STOP))
            return FWAction()
        return super().run_task(fw_spec)

    def act(self, context: Context) -> dict[str, Any]:
        """Stage the folder unless it is, run what is left, ingest what came of it."""
        job = JobFolder(context.worker.scratch, context.job_key)
        with full_disk_named(job.path), job.locked(stop=context.site.stop):
            self._stage_unless_staged(context, job)
            if job.outcome() is None:
                if context.only_ingests:
                    raise Interrupted(
                        "What this work is made from has changed since a node did it",
                        "Nothing to mend: it is staged and run again.",
                        {"folder": str(job.path)},
                    )
                with closing(self._run_near(job, context.site)) as results:
                    for result in results:
                        self.keep(context, result)
                job.mark_run_done(ran_here())
            summary = self.ingest(replace(context, ran=job.outcome() or {}), job.work)
            job.mark_ingested(summary)
        return summary

    def stage_alone(self, context: Context) -> JobFolder:
        """Only stage the folder, for a node that has no database; return it."""
        job = JobFolder(context.worker.scratch, context.job_key)
        with full_disk_named(job.path), job.locked():
            self._stage_unless_staged(context, job)
        return job

    def run_alone(self, job: JobFolder, site: Site) -> None:
        """Only run what is left of a staged folder, with its files alone.

        Raises
        ------
        InputError
            It was not staged.
        """
        with full_disk_named(job.path), job.locked(stop=site.stop):
            if job.staged() is None:
                raise InputError(
                    "This job's folder was not staged, or is not seen from here",
                    "Give a scratch that the machine which stages shares with its nodes.",
                    {"folder": str(job.path)},
                )
            if job.outcome() is None:
                for _ in self._run_near(job, site):
                    pass
                job.mark_run_done(ran_here())

    def hold(self, store: Store, fw_id: int) -> None:
        """Keep what was claimed at staging while a node runs without a database; by default nothing is."""

    def _run_near(self, job: JobFolder, site: Site) -> Generator[Any]:
        """Run where the worker wants it; each result is in the job's folder before it is handed on."""
        with near(job.work, site.worker.here, site.worker.copy_back_s) as (folder, bring_back):
            for result in self.run(folder, site):
                bring_back()
                yield result

    def _stage_unless_staged(self, context: Context, job: JobFolder) -> None:
        staged = job.staged()
        inputs = self.inputs(context, staged)
        if staged != inputs:
            job.start_over()
            job.work.mkdir()
            self.stage(context, job.work, inputs)
            job.mark_staged(inputs)
        if job.outcome() is None:
            self.catch_up(context, job.work, inputs)

    @abstractmethod
    def inputs(self, context: Context, staged: dict[str, Any] | None) -> dict[str, Any]:
        """Return what the folder is made from: ids and settings. A folder of other inputs is started over.

        Parameters
        ----------
        context : Context
        staged : dict or None
            What it was made from when it was staged.
        """

    @abstractmethod
    def stage(self, context: Context, folder: Path, inputs: dict[str, Any]) -> None:
        """Write the inputs as files."""

    def catch_up(self, context: Context, folder: Path, inputs: dict[str, Any]) -> None:
        """Bring what was done of this work on other machines; by default nothing is known of it."""

    @abstractmethod
    def run(self, folder: Path, site: Site) -> Iterable[Any]:
        """Do the work with the folder's files alone, yielding each result as it comes."""

    def keep(self, context: Context, result: Any) -> None:
        """Save one result while the work goes on; by default everything waits for `ingest`."""

    @abstractmethod
    def ingest(self, context: Context, folder: Path) -> dict[str, Any]:
        """Save what is in the folder; idempotent. Return a summary for the launch."""
