"""Steps of several programs against the bare model, on a machine whose speed changes."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

Work = Callable[[], object]


def against_bare(
    works: Mapping[str, Work], bare: Callable[[], Work], turns: int, steps: int
) -> dict[str, Any]:
    """Return milliseconds a step, by processor time, and their ratios to the bare model: medians of turns.

    The bare model is measured before and after each of the others, so that a change of speed meets both sides
    of a ratio.

    Parameters
    ----------
    works : mapping of str to callable
        Each takes one step.
    bare : callable
        Returns an evaluation of the model alone, on the graph of where the atoms are now.
    turns, steps : int
        How often each is measured, and over how many steps.

    Returns
    -------
    dict
        ``bare_ms``; ``ms``, ``ratio`` and the ratio's ``error`` by name.
    """
    bare_ms = [_milliseconds(bare(), steps)]
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
    for _ in range(turns):
        for name, work in works.items():
            work_ms = _milliseconds(work, steps)
            bare_ms.append(_milliseconds(bare(), steps))
            found[name].append((work_ms, work_ms / statistics.fmean(bare_ms[-2:])))
    medians = {name: _medians(pairs) for name, pairs in found.items()}
    return {**medians, "bare_ms": statistics.median(bare_ms)}


def gap_closed(reading: Mapping[str, Any]) -> float:
    """Return how much of the gap between the stock program and the bare model the engine closes."""
    stock, engine = (reading[name]["ratio"] for name in ("stock", "engine"))
    return (stock - engine) / (stock - 1.0)


def _medians(pairs: list[tuple[float, float]]) -> dict[str, float]:
    """Return the medians of milliseconds and ratio, and the ratio's standard error from its quartiles."""
    ms, ratios = zip(*pairs, strict=True)
    low, _, high = statistics.quantiles(ratios, n=4)
    error = 0.93 * (high - low) / len(ratios) ** 0.5
    return {"ms": statistics.median(ms), "ratio": statistics.median(ratios), "error": error}


def _milliseconds(work: Work, steps: int) -> float:
    work()
    started = time.process_time()
    for _ in range(steps):
        work()
    return 1e3 * (time.process_time() - started) / steps
