"""The gate over the rounds, and their verdicts."""

from __future__ import annotations

from typing import Any

from beamheat_fw.report.blocks import Block, Facts, Figure, Row, Section, Table, Warnings
from beamheat_fw.report.documents import CampaignDocuments
from beamheat_fw.report.figures import gate as figures
from beamheat_fw.report.numbers import interval, number, percent, titled
from beamheat_fw.store.documents import Round


def gate(documents: CampaignDocuments) -> Section:
    """Return how the gate judged the frames of every round, and what the verdicts rest on."""
    explored = [found for found in documents.rounds if found.counts]
    if not explored:
        return Section("Gate", "No frame has been judged yet.")
    last = explored[-1]
    caption = "How the gate judged the frames that the committee explored."
    drawn: list[Figure | Facts] = [Figure(figures.gate_counts(explored), caption)]
    if last.thresholds:
        drawn.append(Facts(_lines(last.thresholds), f"Thresholds of round {last.round}"))
    blocks: list[Block] = [Row(tuple(drawn)), _rounds_table(explored)]
    if errors := last.verdict_details.get("errors_eV_A"):
        blocks.append(_errors_table(last.round, errors))
    if reasons := tuple(last.verdict_details.get("reasons", ())):
        blocks.append(Warnings(reasons, "What is missing"))
    held = ", ".join(last.verdict_details.get("holding_back", ()))
    verdict = f"{last.verdict or 'not judged yet'}{f', held back by {held}' if held else ''}"
    return Section("Gate", f"Verdict of round {last.round}: {verdict}.", tuple(blocks))


def _lines(thresholds: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (titled(name), number(value)) for name, value in thresholds.items() if isinstance(value, (int, float))
    )


def _rounds_table(explored: list[Round]) -> Table:
    rows = tuple(
        (
            f"{found.round}",
            *(f"{found.counts.get(name, 0)}" for name in figures.BINS),
            _share(found.verdict_details),
            f"{len(found.label_ids)}",
            found.verdict or "–",
        )
        for found in explored
    )
    columns = ("round", *figures.BINS, "accurate, 68 %", "labels", "verdict")
    return Table("Frames by round", columns, rows, text_columns=(0, 6))


def _share(details: dict[str, Any]) -> str:
    ends = details.get("share_interval")
    return f"{percent(ends[0])} to {percent(ends[1])}" if ends else "–"


def _errors_table(round_number: int, errors: dict[str, dict[str, float]]) -> Table:
    rows = tuple(
        (name, number(found["value_eV_A"]), interval(found["low_eV_A"], found["high_eV_A"]))
        for name, found in errors.items()
    )
    caption = f"Error in force that most atoms of random frames stay below, round {round_number}"
    return Table(caption, ("environment", "error (eV/Å)", "68 % interval"), rows)
