"""The state of a long MD run in the database: kept now and then, and brought to where the run goes on."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from beamheat_fw.drivers.md.snapshots import Snapshot, restore, steps_done
from beamheat_fw.errors import IntegrityError, StoreError
from beamheat_fw.firetasks.context import Context
from beamheat_fw.store.artifacts import put_artifact, read_artifact, remove_artifact
from beamheat_fw.store.database import Store
from beamheat_fw.store.documents import MDRun
from beamheat_fw.store.documents.heat import Checkpoint
from beamheat_fw.store.md_runs import add_checkpoint, checkpoints_of
from beamheat_fw.store.provenance import Source

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class StoredState:
    """The states of one run in the database.

    Attributes
    ----------
    context : Context
    run_id : str
    made_from : str
        The hash of the run's inputs.
    """

    context: Context
    run_id: str
    made_from: str

    @property
    def is_begun(self) -> bool:
        """Whether the run has a document to which states belong."""
        return self.context.store.collection(MDRun).find_one({"_id": self.run_id}, {"_id": 1}) is not None

    def keep(self, snapshot: Snapshot) -> None:
        """Keep a state; all but the last two go.

        Raises
        ------
        Fenced
            Another rocket has taken this firework over; it goes on from what is there.
        """
        context, store = self.context, self.context.store
        sha256 = context.patiently(lambda: put_artifact(store, snapshot.path, kind="checkpoint"))
        checkpoint = Checkpoint(step=snapshot.step, sha256=sha256, made_from=self.made_from)
        overtaken = context.write(lambda session: add_checkpoint(store, self.run_id, checkpoint, session))
        context.patiently(lambda: _remove(store, overtaken))

    def catch_up(self, folder: Path) -> None:
        """Bring the newest whole state to a job folder, unless the folder is as far already."""
        for checkpoint in checkpoints_of(self.context.store, self.run_id):
            if checkpoint.made_from != self.made_from or checkpoint.step <= steps_done(folder):
                continue
            try:
                restore(read_artifact(self.context.store, checkpoint.sha256), folder)
            except (IntegrityError, StoreError) as error:
                _LOG.warning("a stored state is passed over: %s", error.message())
                remove_artifact(self.context.store, checkpoint.sha256)  # the same state may be stored again
                continue
            _LOG.warning("this run goes on from the state stored at step %d", checkpoint.step)
            return

    def replace_by(self, run: MDRun, sources: Iterable[Source]) -> None:
        """Save the run that has ended, and remove the states that it went on from."""
        stored = checkpoints_of(self.context.store, self.run_id)
        self.context.save(run, sources)
        _remove(self.context.store, stored)


def _remove(store: Store, checkpoints: Iterable[Checkpoint]) -> None:
    for checkpoint in checkpoints:
        remove_artifact(store, checkpoint.sha256)
