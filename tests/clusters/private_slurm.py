"""A Slurm of the tests' own: controller, node daemons, munge with its own key, no systemd."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from machines import FREEZER, Machine

#: Cores that each node claims to have: what a job asks for decides how many run side by side.
CORES_A_NODE = 4
_START_S = 30.0

_SETTINGS = """\
ClusterName={cluster}
SlurmctldHost={login}({login_address})
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
ProctrackType={tracking}
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
SchedulerParameters=sched_min_interval=0,batch_sched_delay=0,bf_interval=1
MpiDefault=none
ReturnToService=2
SlurmdTimeout=8
KillWait=2
CompleteWait=0
{nodes}
PartitionName=batch Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


@dataclass
class PrivateSlurm:
    """A Slurm whose controller runs on one machine and whose nodes are others.

    Attributes
    ----------
    cluster : str
        Its name.
    folder : Path
        Configuration, state, logs.
    login : Machine
        Runs controller and munge.
    nodes : sequence of Machine
    addresses : mapping of str to str
        Of each machine.
    """

    cluster: str
    folder: Path
    login: Machine
    nodes: Sequence[Machine]
    addresses: Mapping[str, str]

    @property
    def config(self) -> Path:
        """What SLURM_CONF has to name."""
        return self.folder / "slurm.conf"

    def start(self) -> None:
        """Start the daemons and wait until every node takes jobs."""
        self._write_config()
        key = self.folder / "munge.key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o400)
        munge = {
            "key-file": "key",
            "socket": "socket",
            "pid-file": "pid",
            "seed-file": "seed",
            "log-file": "log",
        }
        files = [f"--{option}={self.folder}/munge.{suffix}" for option, suffix in munge.items()]
        self.login.run("munged", "--force", *files)
        self.login.run("slurmctld", "-f", str(self.config))
        for node in self.nodes:
            self.start_node(node)
        self.wait_for_nodes()

    def start_node(self, node: Machine) -> None:
        """Start a node's daemon."""
        node.run("slurmd", "-f", str(self.config), "-N", node.name)

    def kill_node(self, node: Machine) -> None:
        """Kill a node's daemon; the jobs that it started go on."""
        node.kill((self.folder / f"slurmd.{node.name}.pid").read_text().strip())

    def wait_for_nodes(self) -> None:
        """Wait until every node takes jobs."""
        give_up_at = time.monotonic() + _START_S
        while True:
            states = self.login.call("sinfo", "-h", "-N", "-o", "%T").stdout.split()
            if len(states) == len(self.nodes) and set(states) <= {"idle", "mixed", "allocated", "completing"}:
                return
            if time.monotonic() > give_up_at:
                log = (self.folder / "slurmctld.log").read_text()[-2000:]
                raise RuntimeError(f"Slurm's nodes are {states}\n{log}")
            time.sleep(0.1)

    def _write_config(self) -> None:
        for name in ("state", *(f"spool.{node.name}" for node in self.nodes)):
            (self.folder / name).mkdir(parents=True)
        lines = [
            f"NodeName={node.name} NodeAddr={self.addresses[node.name]} CPUs={CORES_A_NODE} State=UNKNOWN"
            for node in self.nodes
        ]
        # Without the freezer jobs are found by their parents: a daemon that a job leaves behind may escape.
        frozen = os.access(FREEZER, os.W_OK)
        self.config.write_text(
            _SETTINGS.format(
                cluster=self.cluster,
                folder=self.folder,
                login=self.login.name,
                login_address=self.addresses[self.login.name],
                tracking="proctrack/cgroup" if frozen else "proctrack/linuxproc",
                nodes="\n".join(lines),
            )
        )
        (self.folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\nCgroupMountpoint=/sys/fs/cgroup\n")
