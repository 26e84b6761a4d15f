"""What it has cost, what failed, and which versions took part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from beamheat_fw.report.blocks import Block, Figure, Section, Table
from beamheat_fw.report.figures import costs as figures
from beamheat_fw.report.numbers import core_hours, duration
from beamheat_fw.store.costs import Cost


def costs(found: Sequence[Cost]) -> Section:
    """Return core hours by stage."""
    total = sum(cost.core_h for cost in found)
    if not total:
        return Section("Costs", "Nothing has run yet.")
    rows = tuple(
        (
            cost.task,
            f"{cost.fireworks}",
            f"{cost.launches}",
            duration(3600 * cost.wall_h),
            core_hours(cost.core_h),
        )
        for cost in found
    )
    columns = ("firetask", "fireworks", "launches", "run time", "core hours")
    caption = "Core hours by stage: run time of all launches times the stage's MPI ranks."
    blocks: tuple[Block, ...] = (
        Figure(figures.by_task(found), caption),
        Table("Costs by stage", columns, rows),
    )
    return Section(
        "Costs", f"{core_hours(total)} core hours in {sum(cost.launches for cost in found)} launches.", blocks
    )


def failures(found: Sequence[Mapping[str, Any]]) -> Section:
    """Return the fireworks that failed, with their reasons."""
    if not found:
        return Section("Failures", "No firework has failed.")
    rows = tuple((f"{each['fw_id']}", each["name"], each["kind"] or "–", each["reason"]) for each in found)
    table = Table("Failed fireworks", ("firework", "name", "kind", "reason"), rows, text_columns=(0, 1, 2, 3))
    return Section("Failures", f"{len(found)} firework{'s' if len(found) > 1 else ''} failed.", (table,))
