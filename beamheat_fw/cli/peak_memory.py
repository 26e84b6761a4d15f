"""How much memory a process and all it started hold together."""

from __future__ import annotations

import os
from collections import defaultdict
from contextlib import suppress
from pathlib import Path


class PeakMemory:
    """The largest sum of resident memory seen over this process and its descendants.

    Attributes
    ----------
    extra_pids : tuple of int
        Processes counted beside, such as a database server.
    peak_gib : float
        Largest sum of proportional set sizes at any sample, GiB: shared pages count once.
    """

    def __init__(self, *extra_pids: int) -> None:
        self.extra_pids = extra_pids
        self.peak_gib = 0.0

    def sample(self) -> None:
        """Look once and remember the larger value."""
        total = sum(_proportional_set_kib(pid) for pid in {*_descendants(os.getpid()), *self.extra_pids})
        self.peak_gib = max(self.peak_gib, total / 2**20)


def _descendants(root: int) -> set[int]:
    children = defaultdict(list)
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            children[parent].append(int(entry.name))
    found, waiting = {root}, [root]
    while waiting:
        for child in children[waiting.pop()]:
            if child not in found:
                found.add(child)
                waiting.append(child)
    return found


def _proportional_set_kib(pid: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0
