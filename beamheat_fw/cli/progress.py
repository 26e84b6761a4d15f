"""How far a campaign is, in words and as live bars: labels, long work and fireworks, with the time left."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


@dataclass(frozen=True)
class Bar:
    """One line of progress.

    Attributes
    ----------
    name : str
    done, total : int
    left : str
        The time left in words; empty where there is nothing to say.
    """

    name: str
    done: int
    total: int
    left: str = ""


def bars(status: Mapping[str, Any]) -> Iterator[Bar]:
    """Yield what there is to show of a status: the newest round's labels, long work, all fireworks."""
    if status["rounds"]:
        current = status["rounds"][-1]
        done = current["completed"] + current["failed"]
        left = "" if done == current["labels"] else left_in_words(current["labels_left"])
        yield Bar(f"round {current['round']}: labels", done, current["labels"], left)
    for work in status["work"]:
        total = work["done"] + work["running"] + work["waiting"]
        yield Bar(work["work"], work["done"], total, left_in_words(work["left"]))
    fireworks = status["fireworks"]
    yield Bar("fireworks", fireworks.get("COMPLETED", 0), sum(fireworks.values()))


def left_in_words(left: Mapping[str, float | None] | None) -> str:
    """Return an interval of time left in words."""
    from beamheat_fw.report.numbers import duration

    if left is None:
        return "time left unknown yet"
    low_s, high_s = left["low_s"] or 0.0, left["high_s"]
    if high_s is None:
        return f"{duration(low_s)} left or more, longer than measured so far"
    low, high = duration(low_s), duration(high_s)
    return f"about {high} left" if low == high else f"{low} to {high} left"


def progress_line(status: Mapping[str, Any]) -> str:
    """Return one line that tells what a campaign is at."""
    parts = [f"{bar.name} {bar.done}/{bar.total}{bar.left and ', '}{bar.left}" for bar in bars(status)]
    if status["running"]:
        parts.append("running " + ", ".join(name.split(" ", 1)[1] for name in sorted(status["running"])))
    return "; ".join(parts)


class LiveProgress:
    """Shows a campaign while it runs: bars on a terminal, else one line for every change.

    Parameters
    ----------
    quiet : bool
        Show nothing.
    """

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._started = time.monotonic()
        self._last_line = ""
        self._live: Progress | None = None
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        from rich.console import Console

        console = Console()
        if not self._quiet and console.is_terminal:
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

            counts = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
            times = (TimeElapsedColumn(), TextColumn("{task.fields[left]}"))
            self._live = Progress(*counts, *times, console=console)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, status: Mapping[str, Any]) -> None:
        """Show where the campaign stands now."""
        if self._live is None:
            line = progress_line(status)
            if line != self._last_line:
                self._last_line = line
                self.say(line)
            return
        shown = list(bars(status))
        for name in set(self._tasks) - {bar.name for bar in shown}:
            self._live.remove_task(self._tasks.pop(name))
        for bar in shown:
            if bar.name not in self._tasks:
                self._tasks[bar.name] = self._live.add_task(bar.name, total=bar.total, left="")
            self._live.update(self._tasks[bar.name], completed=bar.done, total=bar.total, left=bar.left)

    def say(self, text: str) -> None:
        """Print a line, above the bars where there are some."""
        if self._quiet:
            return
        elapsed = int(time.monotonic() - self._started)
        line = f"[{elapsed // 60:3d}:{elapsed % 60:02d}] {text}"
        if self._live is not None:
            self._live.console.print(line, markup=False, highlight=False)
        else:
            print(line, flush=True)
