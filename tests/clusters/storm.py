"""A storm: every few seconds something of the site is killed, or cut off, and comes back."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from cluster_site import Cluster, Site

#: How long what was killed or cut off stays away, s.
_AWAY_S = (1.0, 5.0)
_PAUSE_S = (1.0, 4.0)


@dataclass
class Storm:
    """What befalls a site, repeatable by its seed as far as the site's own timing is.

    Attributes
    ----------
    site : Site
    seed : int
    befell : Counter
        How often what happened.
    """

    site: Site
    seed: int
    befell: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def rage(self, seconds: float, over: Callable[[], bool]) -> None:
        """Let it rage for so long, or until what it disturbs is over."""
        ends_at = time.monotonic() + seconds
        strikes = [self._kill_rocket, self._cancel_job, self._kill_node, self._kill_mongod, self._cut_off]
        while time.monotonic() < ends_at and not over():
            self._random.choices(strikes, weights=[4, 2, 1, 1, 1])[0](self._random.choice(self.site.clusters))
            time.sleep(self._random.uniform(*_PAUSE_S))

    def _kill_rocket(self, cluster: Cluster) -> None:
        node = self._random.choice(cluster.nodes)
        listed = node.run("ps", "-eo", "pid=,args=").splitlines()
        rockets = [line.split()[0] for line in listed if "rlaunch" in line and "slurm" not in line]
        if rockets:
            node.kill(self._random.choice(rockets))
            self.befell["rocket killed"] += 1

    def _cancel_job(self, cluster: Cluster) -> None:
        if jobs := sorted(cluster.queue()):
            cluster.login.call("scancel", self._random.choice(jobs))
            self.befell["job cancelled"] += 1

    def _kill_node(self, cluster: Cluster) -> None:
        node = self._random.choice(cluster.nodes)
        cluster.slurm.kill_node(node)
        self.befell["slurmd killed"] += 1
        self._wait()
        cluster.slurm.start_node(node)

    def _kill_mongod(self, cluster: Cluster) -> None:
        self.site.mongod.kill()
        self.befell["mongod killed"] += 1
        self._wait()
        self.site.mongod.start()

    def _cut_off(self, cluster: Cluster) -> None:
        self.site.switch.cut_off(cluster.number)
        self.befell["cluster cut off"] += 1
        self._wait()
        self.site.switch.heal(cluster.number)

    def _wait(self) -> None:
        time.sleep(self._random.uniform(*_AWAY_S))
