"""What a firetask knows of its surroundings: campaign, store, worker, and how its results are written."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, TypeVar

from fireworks import LaunchPad
from pymongo.client_session import ClientSession

from beamheat_fw.campaign import Campaign, parse_campaign
from beamheat_fw.drivers.mpi import MpiLauncher
from beamheat_fw.launch.launchpad import SurvivingLaunchPad
from beamheat_fw.launch.outage import survive
from beamheat_fw.launch.stopping import STOP
from beamheat_fw.launch.worker import Worker, read_worker
from beamheat_fw.store.database import Store
from beamheat_fw.store.documents import CampaignRecord, Document
from beamheat_fw.store.fence import write_fenced
from beamheat_fw.store.provenance import Maker, Source, save_with_sources

T = TypeVar("T")

#: Whose versions go into provenance.
_CODES = (
    "beamheat_fw",
    "gpaw",
    "nequip",
    "torch",
    "ase",
    "hyperspy",
    "exspy",
    "dftd3",
    "fireworks",
    "pymatgen",
)


@dataclass(frozen=True)
class Site:
    """Where a job folder's work is run: needs no database.

    Attributes
    ----------
    worker : Worker
    stop : callable
        Turns true when the work should end early.
    """

    worker: Worker
    stop: Callable[[], bool]

    @property
    def mpi(self) -> MpiLauncher:
        """How this worker starts MPI programs."""
        return MpiLauncher(self.worker.mpi)


@dataclass(frozen=True)
class Context:
    """One firework's run.

    Attributes
    ----------
    launchpad : LaunchPad
    store : Store
    record : CampaignRecord
        As it was when this run began.
    campaign : Campaign
    campaign_id : str
    round : int
    job_key : str
    worker : Worker
    fw_id, launch_id : int
    ran : mapping
        Where and with which codes the work was done, where that was not here: ``host`` and ``versions``.
    """

    launchpad: LaunchPad
    store: Store
    record: CampaignRecord
    campaign: Campaign
    campaign_id: str
    round: int
    job_key: str
    worker: Worker
    fw_id: int
    launch_id: int
    ran: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_spec(
        cls, fw_spec: Mapping[str, Any], launchpad: LaunchPad, fw_id: int, launch_id: int | None = None
    ) -> Context:
        """Read the context of a firework whose spec was made by `flows`.

        Parameters
        ----------
        fw_spec : mapping
        launchpad : LaunchPad
        fw_id : int
        launch_id : int, optional
            Of a launch that no rocket of this process runs; by default that of this rocket.
        """
        store = Store.from_launchpad(launchpad)
        record = store.load(CampaignRecord, fw_spec["campaign_id"])
        return cls(
            launchpad,
            store,
            record,
            parse_campaign(record.document, source=record.name),
            record.id,
            fw_spec["round"],
            fw_spec["job_key"],
            read_worker(fw_spec.get("_fw_env")),
            fw_id,
            launch_id or _launch_id(launchpad, fw_id),
        )

    @property
    def site(self) -> Site:
        """Where the work of this rocket's job folders runs."""
        return Site(self.worker, STOP)

    @property
    def only_ingests(self) -> bool:
        """Whether this rocket may not run anything, but brings in what a node without database has run."""
        return isinstance(self.launchpad, SurvivingLaunchPad) and self.launchpad.only_ingests

    def save(self, document: Document, sources: Iterable[Source] = ()) -> str:
        """Save a document after the edges that explain it, unless this rocket has been replaced.

        Parameters
        ----------
        document : Document
        sources : iterable of Source
            What it was made from.

        Returns
        -------
        str
            The document's id.

        Raises
        ------
        Fenced
            Another rocket has taken this firework over; nothing was written.
        """
        known = {
            "campaign_id": document.campaign_id or self.campaign_id,
            "tags": self.campaign.tags,
            "fw_id": self.fw_id,
        }
        stamped = document.model_copy(update=known)
        sources = list(sources)
        return self.write(
            lambda session: save_with_sources(self.store, stamped, sources, self.maker, session)
        )

    def write(self, write: Callable[[ClientSession], T]) -> T:
        """Call a function that writes results, in a transaction that a replaced rocket cannot commit.

        Waits for a database that is away, so that a program which runs meanwhile goes on.

        Raises
        ------
        Fenced
            Another rocket has taken this firework over.
        DatabaseAway
            It stayed away for longer than the worker's limit, or the work was asked to stop.
        """
        return self.patiently(lambda: write_fenced(self.store, self.launch_id, write))

    def patiently(self, save: Callable[[], T]) -> T:
        """Call a function that saves something, again while the database is away.

        Raises
        ------
        DatabaseAway
            As `write`.
        """
        return survive(save, "saving results", self.worker.outage_limit_s, self.site.stop)

    @property
    def maker(self) -> Maker:
        """Who makes this run's documents."""
        here = ran_here()
        return Maker(
            self.fw_id,
            self.launch_id,
            self.ran.get("versions", here["versions"]),
            self.ran.get("host", here["host"]),
        )


def _launch_id(launchpad: LaunchPad, fw_id: int) -> int:
    if isinstance(launchpad, SurvivingLaunchPad):
        return launchpad.launch_id_of(fw_id)
    return launchpad.fireworks.find_one({"fw_id": fw_id}, {"launches": 1})["launches"][-1]


def ran_here() -> dict[str, Any]:
    """Return where and with which codes the work of this process is done, for a job folder's outcome."""
    return {"host": platform.node(), "versions": code_versions()}


@cache
def code_versions() -> dict[str, str]:
    """Return the versions of the codes installed here that results depend on."""
    found = {"python": platform.python_version()}
    for name in _CODES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
