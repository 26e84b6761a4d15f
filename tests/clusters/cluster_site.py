"""A site for tests: a database, and two clusters that share nothing but it.

`genoa` labels and does the light work, `hopper` trains and runs molecular dynamics; each is a login machine
and two nodes under a Slurm of its own, with home, scratch, worker file and queue adapter.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from fireworks import Firework, Workflow
from machines import Machine, Switch, write_hosts
from private_mongod import USER, PrivateMongod
from private_slurm import PrivateSlurm

from beamheat_fw.launch.launchpad import SurvivingLaunchPad
from beamheat_fw.launch.submission import prepare_launchpad
from beamheat_fw.store.database import Store
from beamheat_fw.store.schema.versions import ensure_schema

REPOSITORY = Path(__file__).parents[2]
_TASKS = REPOSITORY / "tests" / "rockets"
FW_CONFIG = {
    "PING_TIME_SECS": 1,
    "RUN_EXPIRATION_SECS": 20,
    "QUEUE_UPDATE_INTERVAL": 1,
    "RAPIDFIRE_SLEEP_SECS": 1,
    "WFLOCK_EXPIRATION_SECS": 5,
    "SORT_FWS": "FIFO",
}


@dataclass
class Cluster:
    """One cluster.

    Attributes
    ----------
    name : str
    number : int
        Of its network.
    folder : Path
        Home, scratch, launches, Slurm: all that it has.
    categories : sequence of str
        The work that it takes.
    """

    name: str
    number: int
    folder: Path
    categories: Sequence[str]
    login: Machine = field(init=False)
    nodes: list[Machine] = field(init=False)
    slurm: PrivateSlurm = field(init=False)

    def __post_init__(self) -> None:
        hosts, environment = self.folder / "hosts", self._environment()
        self.login = Machine(f"{self.name}-login", environment, hosts)
        self.nodes = [Machine(f"{self.name}{number}", environment, hosts) for number in (1, 2)]
        addresses = {
            machine.name: f"10.77.{self.number}.{10 + number}"
            for number, machine in enumerate([self.login, *self.nodes])
        }
        self.slurm = PrivateSlurm(self.name, self.folder / "slurm", self.login, self.nodes, addresses)

    @property
    def machines(self) -> list[Machine]:
        """Login machine and nodes."""
        return [self.login, *self.nodes]

    @property
    def launches(self) -> Path:
        """Where its queue launcher works."""
        return self.folder / "launches"

    @property
    def scratch(self) -> Path:
        """Where its job folders are."""
        return self.folder / "scratch"

    def start(self, switch: Switch, hidden: Sequence[Path], nodes_routed: bool = True) -> None:
        """Switch it on.

        Parameters
        ----------
        switch : Switch
        hidden : sequence of Path
            What it does not share with others.
        nodes_routed : bool
            Whether its nodes reach the database, or the login machine alone.
        """
        for folder in (self.folder / "home", self.scratch, self.launches, self.slurm.folder):
            folder.mkdir(parents=True)
        write_hosts(self.folder / "hosts", self.slurm.addresses)
        switch.add_network(self.number)
        for machine in self.machines:
            machine.hidden = hidden
            machine.start()
            address = self.slurm.addresses[machine.name]
            switch.plug_in(machine, self.number, address, nodes_routed or machine is self.login)
        self.slurm.start()

    def stop(self) -> None:
        """Switch it off."""
        for machine in self.machines:
            machine.stop()

    def set_up(self, launchpad: Mapping[str, Any], password: str, **env: Any) -> None:
        """Write the files of a user who works here with one database.

        Parameters
        ----------
        launchpad : mapping
            The launchpad file, without the password, which goes into the environment.
        password : str
        **env
            More of the worker file's `env`.
        """
        for machine in self.machines:
            machine.environment |= {"BEAMHEAT_DB_USERNAME": USER, "BEAMHEAT_DB_PASSWORD": password}
        self.write("my_launchpad.yaml", dict(launchpad))
        # Plain FireWorks reads no environment, and forgets credentials that stand beside a URI.
        host = launchpad["host"].replace("//", f"//{USER}:{password}@") + "&authSource=admin"
        self.write("plain_launchpad.yaml", {**launchpad, "host": host}).chmod(0o600)
        self.write("FW_config.yaml", FW_CONFIG)
        worker = {"scratch": str(self.scratch), "handover_s": 10, "allowed_tasks": ["bench_tasks"], **env}
        self.write(
            "my_fworker.yaml",
            {"name": self.name, "category": list(self.categories), "query": "{}", "env": worker},
        )
        self.write_adapters()

    def write_adapters(self, **settings: Any) -> None:
        """Write a queue adapter for many fireworks a job, and one for a job for each.

        Parameters
        ----------
        **settings
            Beside, or instead of, what the shipped adapter says.
        """
        shipped = yaml.safe_load((REPOSITORY / "launchers" / "my_qadapter_slurm.yaml").read_text())
        # The batch shell is a login shell: it sets PATH anew.
        path = f"export PATH={Path(sys.executable).parent}:$PATH"
        small = {"pre_rocket": path, "ntasks": 1, "walltime": "00:10:00", "signal": "B:USR1@10"}
        rlaunch = f"exec beamheat rlaunch -l {self.folder}/my_launchpad.yaml -w {self.folder}/my_fworker.yaml"
        for name, loop in (("my_qadapter", "rapidfire --timeout 20"), ("my_qadapter_single", "singleshot")):
            self.write(f"{name}.yaml", {**shipped, **small, "rocket_launch": f"{rlaunch} {loop}", **settings})

    def write(self, name: str, document: Mapping[str, Any]) -> Path:
        """Write a YAML file of the user."""
        path = self.folder / name
        path.write_text(yaml.safe_dump(dict(document)))
        return path

    def qlaunch(self, *arguments: str, adapter: str = "my_qadapter") -> None:
        """Submit jobs with plain FireWorks; the shared options stand in front."""
        files = {"-l": "plain_launchpad", "-w": "my_fworker", "-q": adapter}
        options = [word for flag, name in files.items() for word in (flag, f"{self.folder}/{name}.yaml")]
        self.login.run("qlaunch", *options, *arguments, cwd=self.launches)

    @property
    def log(self) -> Path:
        """What its queue launcher prints."""
        return self.launches / "qlaunch.log"

    def start_beamheat_qlaunch(self, *arguments: str) -> subprocess.Popen[Any]:
        """Start ``beamheat qlaunch`` on the login machine."""
        adapter = "my_qadapter_single" if "-r" in arguments else "my_qadapter"
        files = {"-l": "my_launchpad", "-w": "my_fworker", "-q": adapter}
        options = [word for flag, name in files.items() for word in (flag, f"{self.folder}/{name}.yaml")]
        words = ("beamheat", "qlaunch", *options, *arguments)
        return self.login.start_program(*words, cwd=self.launches, log=self.log)

    def doctor(self, *options: str) -> dict[str, Any]:
        """Return what ``beamheat doctor`` finds and mends on the login machine."""
        files = ("-l", f"{self.folder}/my_launchpad.yaml", "-w", f"{self.folder}/my_fworker.yaml")
        done = self.login.call("beamheat", "doctor", *files, "--json", *options)
        assert done.returncode in (0, 1), done.stderr
        return json.loads(done.stdout)

    def queue(self) -> dict[str, str]:
        """Return the states of the jobs that wait or run, by id."""
        listed = self.login.run("squeue", "-h", "-o", "%A %T")
        return dict(line.split() for line in listed.splitlines())

    def cancel_all(self) -> None:
        """End all jobs at once and wait until they have ended."""
        if jobs := list(self.queue()):
            # A job may end meanwhile, which scancel calls an error.
            self.login.call("scancel", "--signal=KILL", "--full", *jobs)
            self.login.call("scancel", *jobs)
        give_up_at = time.monotonic() + 30
        while self.queue():
            assert time.monotonic() < give_up_at, f"{self.name}: jobs do not end: {self.queue()}"
            time.sleep(0.1)

    def clear(self) -> None:
        """End all jobs and forget what they left."""
        self.cancel_all()
        for folder in (self.launches, self.scratch):
            shutil.rmtree(folder)
            folder.mkdir()

    def _environment(self) -> dict[str, str]:
        programs = Path(sys.executable).parent
        return {
            "PATH": f"{programs}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "PYTHONPATH": f"{REPOSITORY}:{_TASKS}",
            "HOME": str(self.folder / "home"),
            "LANG": "C.UTF-8",
            "OMP_NUM_THREADS": "1",
            "SLURM_CONF": str(self.folder / "slurm" / "slurm.conf"),
            "FW_CONFIG_FILE": str(self.folder / "FW_config.yaml"),
            "BENCH_LAUNCHPAD": str(self.folder / "my_launchpad.yaml"),
            # What kind of processor OpenBLAS takes this one for, which is not the clusters' own affair.
            **{name: value for name, value in os.environ.items() if name.startswith("OPENBLAS_")},
        }


@dataclass
class Site:
    """A database and its clusters.

    Attributes
    ----------
    folder : Path
        Short: unix sockets are in it.
    clusters : list of Cluster
    """

    folder: Path
    clusters: list[Cluster]
    switch: Switch = field(init=False)
    mongod: PrivateMongod = field(init=False)

    def __post_init__(self) -> None:
        machine = Machine("database", {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"})
        self.switch = Switch(machine)
        self.mongod = PrivateMongod(machine, self.folder / "db")

    def start(self) -> None:
        """Switch everything on."""
        self.switch.machine.start()
        self.mongod.begin()
        for cluster in self.clusters:
            cluster.folder.mkdir()
        for cluster in self.clusters:
            others = [other.folder for other in self.clusters if other is not cluster]
            cluster.start(self.switch, [*others, self.mongod.folder])

    def stop(self) -> None:
        """Switch everything off and forget it."""
        for cluster in self.clusters:
            cluster.stop()
        self.switch.machine.stop()
        shutil.rmtree(self.folder)

    def launchpad_settings(self, database: str) -> dict[str, Any]:
        """Return a launchpad file that leads a cluster to a database, without the password."""
        settings = {"uri_mode": True, "host": self.mongod.uri, "name": database, "authsource": "admin"}
        impatient = {"serverSelectionTimeoutMS": 2000, "socketTimeoutMS": 5000}
        return {**settings, "mongoclient_kwargs": impatient}

    @contextmanager
    def desk(self, name: str, **env: Any) -> Iterator[Desk]:
        """Give every cluster the files that lead to a fresh database; sweep up and forget it in the end."""
        desk = self.set_up(f"{name}_{uuid.uuid4().hex[:12]}", **env)
        try:
            yield desk
        finally:
            desk.clear()

    def set_up(self, database: str, **env: Any) -> Desk:
        """Make a fresh database and give every cluster the files that lead to it."""
        for cluster in self.clusters:
            cluster.set_up(self.launchpad_settings(database), self.mongod.password, **env)
        launchpad = SurvivingLaunchPad(
            host=self.mongod.direct_uri,
            uri_mode=True,
            name=database,
            username=USER,
            password=self.mongod.password,
            authsource="admin",
            strm_lvl="ERROR",
        )
        launchpad.allowed_tasks = ("bench_tasks",)
        prepare_launchpad(launchpad)
        store = Store.from_launchpad(launchpad)
        ensure_schema(store)
        return Desk(self, launchpad, store)


@dataclass
class Desk:
    """A user's view of the site, on one database.

    Attributes
    ----------
    site : Site
    launchpad : SurvivingLaunchPad
        As the tests see it: no cut cable concerns them.
    store : Store
    """

    site: Site
    launchpad: SurvivingLaunchPad
    store: Store

    @property
    def clusters(self) -> list[Cluster]:
        """The clusters, `genoa` and `hopper`."""
        return self.site.clusters

    def add(self, *fireworks: Firework) -> list[int]:
        """Add a workflow; return the ids of its fireworks in the order given."""
        negative = [firework.fw_id for firework in fireworks]
        new = self.launchpad.add_wf(Workflow(list(fireworks)))
        return [new[fw_id] for fw_id in negative]

    def firework(self, fw_id: int) -> dict[str, Any]:
        """Return a firework's document."""
        return self.launchpad.fireworks.find_one({"fw_id": fw_id})

    def launches(self, fw_id: int) -> list[dict[str, Any]]:
        """Return all launches that a firework ever had, oldest first."""
        return list(self.launchpad.launches.find({"fw_id": fw_id}).sort("launch_id"))

    def wait_for(self, fw_id: int, state: str, patience_s: float = 60.0) -> None:
        """Wait until a firework has a state."""
        give_up_at = time.monotonic() + patience_s
        while (found := self.firework(fw_id)["state"]) != state:
            assert time.monotonic() < give_up_at, f"firework {fw_id} is {found}, not {state}\n{self.logs()}"
            time.sleep(0.1)

    def wait(self, true: Callable[[], Any], what: str, patience_s: float = 60.0) -> None:
        """Wait until a function returns something true."""
        give_up_at = time.monotonic() + patience_s
        while not true():
            assert time.monotonic() < give_up_at, f"waited in vain for {what}"
            time.sleep(0.1)

    def file(self, cluster: Cluster, name: str) -> Path:
        """Return a file in the user's home on a cluster that is this desk's alone."""
        return cluster.folder / "home" / f"{name}-{self.launchpad.name}"

    def job(self, fw_id: int) -> str:
        """Return the queue's job in which a firework was launched last."""
        return str(self.launches(fw_id)[-1]["fworker"]["env"]["rocket"]["job"])

    def logs(self) -> str:
        """Return what the queues show, and what controllers, queue launchers and jobs have printed."""
        said = []
        for cluster in self.clusters:
            for words in (["squeue", "-o", "%A %T %r %C %l"], ["sinfo", "-N", "-o", "%N %P %a %T %E"]):
                said.append(f"{cluster.name}: {' '.join(words)}\n{cluster.login.call(*words).stdout}")
            jobs = sorted(cluster.launches.rglob("beamheat-*"))
            for file in (cluster.slurm.folder / "slurmctld.log", cluster.log, *jobs):
                if file.exists():
                    said.append(f"{file}:\n{file.read_text()[-2000:]}")
        return "\n".join(said)

    def clear(self) -> None:
        """End all jobs and forget the database."""
        for cluster in self.clusters:
            cluster.clear()
        self.launchpad.connection.drop_database(self.launchpad.name)
        self.launchpad.connection.close()
