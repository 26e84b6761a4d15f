"""Machines for tests: namespaces of this one for network, processes, host name and mounts.

Everything of a machine ends when its first process does, and that one ends with the tests.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from beamheat_fw.drivers.process import end_with_parent

FREEZER = Path("/sys/fs/cgroup/freezer")
# SIGCHLD is ignored so that daemons which end leave no zombies.
_FIRST_PROCESS = "hostname {name}; ip link set lo up; {mounts} trap '' CHLD; echo up; exec sleep infinity"


@dataclass
class Machine:
    """A machine with its own network, process ids, host name and mounts; it sees this one's files.

    Attributes
    ----------
    name : str
        Its host name.
    environment : dict of str to str
        The whole environment of its programs.
    hosts : Path or None
        Its /etc/hosts.
    hidden : sequence of Path
        Folders that are empty for it.
    """

    name: str
    environment: dict[str, str]
    hosts: Path | None = None
    hidden: Sequence[Path] = ()
    _first: subprocess.Popen[str] | None = field(default=None, repr=False)

    def start(self) -> None:
        """Switch it on."""
        mounts = "".join(f"mount -t tmpfs none {shlex.quote(str(folder))}; " for folder in self.hidden)
        if os.access(FREEZER, os.W_OK):
            # Control groups of its own: Slurm names them after its nodes, and others may have such nodes.
            self._control_groups.mkdir()
            mounts += f"mount --bind {self._control_groups} {FREEZER}; "
        if self.hosts:
            mounts += f"mount --bind {shlex.quote(str(self.hosts))} /etc/hosts; "
        script = _FIRST_PROCESS.format(name=self.name, mounts=mounts)
        parent = os.getpid()
        self._first = subprocess.Popen(
            [
                *("unshare", "--net", "--uts", "--pid", "--mount", "--fork", "--kill-child", "--mount-proc"),
                *("sh", "-euc", script),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: end_with_parent(parent),
        )
        assert self._first.stdout is not None
        if self._first.stdout.readline() != "up\n":
            raise RuntimeError(f"machine {self.name} did not start")

    def stop(self) -> None:
        """Switch it off, with all that runs on it."""
        if self._first is not None:
            self._first.kill()
            self._first.wait()
            self._first = None
            self._remove_control_groups()

    @property
    def _control_groups(self) -> Path:
        return FREEZER / f"beamheat-{os.getpid()}-{self.name}"

    def _remove_control_groups(self) -> None:
        give_up_at = time.monotonic() + 10
        while self._control_groups.exists():
            try:
                for folder, _, _ in os.walk(self._control_groups, topdown=False):
                    os.rmdir(folder)
            except OSError:  # its last processes are just ending
                if time.monotonic() > give_up_at:
                    raise
                time.sleep(0.05)

    @property
    def pid(self) -> int:
        """A process of this machine's that has its namespaces."""
        assert self._first is not None, f"{self.name} is off"
        return self._first.pid

    def command(self, argv: Sequence[str], cwd: Path | None = None) -> list[str]:
        """Return the words that run a program on it."""
        inside = f"/proc/{self.pid}/ns"
        return [
            *("nsenter", f"--net={inside}/net", f"--uts={inside}/uts", f"--mount={inside}/mnt"),
            *(f"--pid={inside}/pid_for_children", "env", "-C", str(cwd or "/"), *argv),
        ]

    def call(
        self, *argv: str, cwd: Path | None = None, timeout: float = 120.0
    ) -> subprocess.CompletedProcess[str]:
        """Run a program on it to its end, whatever its exit status."""
        return subprocess.run(
            self.command(argv, cwd),
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def run(self, *argv: str, cwd: Path | None = None, timeout: float = 120.0) -> str:
        """Run a program on it that has to succeed; return what it prints."""
        done = self.call(*argv, cwd=cwd, timeout=timeout)
        if done.returncode:
            raise RuntimeError(
                f"{self.name}: {' '.join(argv)}: {done.returncode}\n{done.stdout}{done.stderr}"
            )
        return done.stdout

    def start_program(self, *argv: str, cwd: Path, log: Path) -> subprocess.Popen[Any]:
        """Start a program on it; its output goes to a file."""
        with log.open("ab") as stream:
            return subprocess.Popen(
                self.command(argv, cwd),
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
            )

    def kill(self, pid: int | str, signal_name: str = "KILL") -> None:
        """Send a signal to a process, named by its id on this machine; it may be gone already."""
        self.call("kill", f"-{signal_name}", str(pid))


@dataclass
class Switch:
    """What joins the machines: a bridge for each cluster, and from it one cable to the database.

    Attributes
    ----------
    machine : Machine
        Where the cables end and the database listens.
    """

    machine: Machine

    def add_network(self, number: int) -> None:
        """Lay the cables of one cluster."""
        self._ip(
            f"link add net{number} type bridge",
            f"link set net{number} up",
            f"link add up{number} type veth peer name gate{number}",
            f"link set up{number} master net{number} up",
            f"address add {gateway(number)}/24 dev gate{number}",
            f"link set gate{number} up",
        )

    def plug_in(self, machine: Machine, number: int, address: str, routed: bool) -> None:
        """Connect a machine to a cluster's network; without a route it sees its neighbours alone."""
        port = f"n{number}p{address.rpartition('.')[2]}"
        self._ip(
            f"link add {port} type veth peer name eth0 netns {machine.pid}",
            f"link set {port} master net{number} up",
        )
        machine.run("ip", "address", "add", f"{address}/24", "dev", "eth0")
        machine.run("ip", "link", "set", "eth0", "up")
        if routed:
            machine.run("ip", "route", "add", "default", "via", gateway(number))

    def cut_off(self, number: int) -> None:
        """Pull a cluster's cable to the database."""
        self._ip(f"link set up{number} down")

    def heal(self, number: int) -> None:
        """Put it back."""
        self._ip(f"link set up{number} up")

    def _ip(self, *commands: str) -> None:
        # In this process's process namespace: ip names the other end's machine by a process.
        batch = "".join(f"{command}\n" for command in commands)
        subprocess.run(
            ["nsenter", f"--net=/proc/{self.machine.pid}/ns/net", "ip", "-batch", "-"],
            input=batch,
            text=True,
            check=True,
        )


def gateway(number: int) -> str:
    """Return the address at which a cluster's cable to the database ends."""
    return f"10.77.{number}.254"


def write_hosts(path: Path, addresses: Mapping[str, str]) -> None:
    """Write an /etc/hosts file."""
    lines = [f"{address} {name}\n" for name, address in addresses.items()]
    path.write_text("".join(["127.0.0.1 localhost\n", *lines]))
