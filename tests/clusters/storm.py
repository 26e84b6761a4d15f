"""A storm: every few seconds something of the site is killed, or cut off, and comes back."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cluster_site import Cluster, Site
from machines import Machine

#: Strikes a cluster, and says what befell it; None where there was nothing to strike.
Strike = Callable[[Cluster], str | None]


def seed_of_the_storm() -> int:
    """Return BEAMHEAT_STORM_SEED or a seed drawn now, and print it for whoever wants this storm again."""
    seed = int(os.environ.get("BEAMHEAT_STORM_SEED") or random.SystemRandom().randrange(10**6))
    print(f"BEAMHEAT_STORM_SEED={seed}", flush=True)
    return seed


@dataclass
class Storm:
    """What befalls a site, repeatable by its seed as far as the site's own timing is.

    Attributes
    ----------
    site : Site
    seed : int
    pause_s : tuple of float
        Between what befalls it: the shortest and the longest, s.
    away_s : tuple of float
        How long what was killed or cut off stays away, s.
    befell : Counter
        How often what happened.
    struck_at : list of datetime
        When.
    """

    site: Site
    seed: int
    pause_s: tuple[float, float]
    away_s: tuple[float, float]
    befell: Counter[str] = field(default_factory=Counter)
    struck_at: list[datetime] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._weights: dict[Strike, int] = {
            self._kill_rocket: 3,
            self._cancel_job: 1,
            self._kill_node: 2,
            self._kill_mongod: 2,
            self._cut_off: 2,
        }
        self._yet_to_come = self._random.sample(list(self._weights), len(self._weights))

    def rage(self, seconds: float, over: Callable[[], bool]) -> None:
        """Strike in every way once, then at random: for so long, or until what it disturbs is over."""
        ends_at = time.monotonic() + seconds
        while time.monotonic() < ends_at and not over():
            strike = self._yet_to_come.pop(0) if self._yet_to_come else self._any_strike()
            if what := strike(self._random.choice(self.site.clusters)):
                self.befell[what] += 1
                self.struck_at.append(datetime.now(UTC))
            elif not self.has_struck_in_every_way:
                self._yet_to_come.append(strike)
            time.sleep(self._random.uniform(*self.pause_s))

    @property
    def has_struck_in_every_way(self) -> bool:
        """Whether everything that a storm does has been done."""
        return len(self.befell) == len(self._weights)

    def _any_strike(self) -> Strike:
        (strike,) = self._random.choices(list(self._weights), weights=list(self._weights.values()))
        return strike

    def _kill_rocket(self, cluster: Cluster) -> str | None:
        rockets = [(node, pid) for node in cluster.nodes for pid in _rockets_on(node)]
        if not rockets:
            return None
        node, pid = self._random.choice(rockets)
        node.kill(pid)
        return "rocket killed"

    def _cancel_job(self, cluster: Cluster) -> str | None:
        jobs = sorted(cluster.queue())
        if not jobs:
            return None
        cluster.login.call("scancel", self._random.choice(jobs))
        return "job cancelled"

    def _kill_node(self, cluster: Cluster) -> str:
        node = self._random.choice(cluster.nodes)
        cluster.slurm.kill_node(node)
        self._wait()
        cluster.slurm.start_node(node)
        return "slurmd killed"

    def _kill_mongod(self, cluster: Cluster) -> str:
        self.site.mongod.kill()
        self._wait()
        self.site.mongod.start()
        return "mongod killed"

    def _cut_off(self, cluster: Cluster) -> str:
        self.site.switch.cut_off(cluster.number)
        self._wait()
        self.site.switch.heal(cluster.number)
        return "cluster cut off"

    def _wait(self) -> None:
        time.sleep(self._random.uniform(*self.away_s))


def _rockets_on(node: Machine) -> list[str]:
    listed = node.run("ps", "-eo", "pid=,args=").splitlines()
    return [line.split()[0] for line in listed if "rlaunch" in line and "slurm" not in line]
