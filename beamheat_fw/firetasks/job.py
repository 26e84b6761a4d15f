"""The two kinds of firetask: a moment's work in the database, and the three acts on a job folder."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from fireworks import FiretaskBase, FWAction

from beamheat_fw.firetasks.context import Context, Site
from beamheat_fw.launch.job_folder import JobFolder


class CampaignTask(FiretaskBase):
    """A firetask of a campaign: reads its context, acts, and leaves a summary in the launch."""

    launchpad: Any
    fw_id: int

    def run_task(self, fw_spec: Mapping[str, Any]) -> FWAction:
        """Act once; FireWorks calls this."""
        summary = self.act(Context.from_spec(fw_spec, self.launchpad, self.fw_id))
        return FWAction(stored_data=summary)

    @abstractmethod
    def act(self, context: Context) -> dict[str, Any]:
        """Do the work; idempotent. Return a few values for the launch's ``stored_data``."""


class JobTask(CampaignTask):
    """Work in a job folder: stage, run, ingest.

    Killed anywhere and started again, it goes on with what is in the folder; on another machine it begins
    with what `stage` finds in the store.
    """

    def act(self, context: Context) -> dict[str, Any]:
        """Stage the folder unless it is, run what is left, ingest what came of it."""
        job = JobFolder(context.worker.scratch, context.job_key)
        folder = job.path / "work"
        with job.locked(stop=context.site.stop):
            staged = job.staged()
            inputs = self.inputs(context, staged)
            if staged != inputs:
                job.start_over()
                folder.mkdir()
                self.stage(context, folder, inputs)
                job.mark_staged(inputs)
            if job.outcome() is None:
                for result in self.run(folder, context.site):
                    self.keep(context, result)
                job.mark_run_done({})
            summary = self.ingest(context, folder)
            job.mark_ingested(summary)
        return summary

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

    @abstractmethod
    def run(self, folder: Path, site: Site) -> Iterable[Any]:
        """Do the work with the folder's files alone, yielding each result as it comes."""

    def keep(self, context: Context, result: Any) -> None:
        """Save one result while the work goes on; by default everything waits for `ingest`."""

    @abstractmethod
    def ingest(self, context: Context, folder: Path) -> dict[str, Any]:
        """Save what is in the folder; idempotent. Return a summary for the launch."""
